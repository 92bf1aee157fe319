/* value: from a setting as libconfig tells it to the field that its row of the schema names. */
#ifndef SUPERD_CONFIG_VALUE_H
#define SUPERD_CONFIG_VALUE_H

#include "config/draft.h"

/* Convert SETTING as ROW says and store it in the struct at BASE. False when it is wrong (an error
 * of the loader's list) or there is no memory; then nothing is stored. */
bool value_set(struct loader *loader, const struct schema_row *row, void *base,
               const config_setting_t *setting);

/* The same with the default of the row, if it has one. */
void value_set_default(struct loader *loader, const struct schema_row *row, void *base);

#endif
