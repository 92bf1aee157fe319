/*
 * patience: see patience.h.
 */
#include "wire/patience.h"

#include "wire/field.h"

bool patience_option(struct patience *patience, int option, const char *argument)
{
    switch (option) {
    case PATIENCE_IDLE:
        return field_duration(argument, &patience->idle_ms);
    case PATIENCE_LINE:
        return field_duration(argument, &patience->line_ms);
    default:
        return false;
    }
}
