/* complaint: what is said of a value that does not fit its row of the schema. */
#ifndef SUPERD_CONFIG_COMPLAINT_H
#define SUPERD_CONFIG_COMPLAINT_H

#include "config/draft.h"

/* It is of another type: a number where a text must be. */
void complain_type(struct loader *loader, const struct schema_row *row, struct position position);

/* TEXT does not parse as what it must be. */
void complain_text(struct loader *loader, const struct schema_row *row, const char *text,
                   struct position position);

/* It is below or above the bounds of the row. */
void complain_range(struct loader *loader, const struct schema_row *row, struct position position);

/* TEXT is none of the row's words. */
void complain_word(struct loader *loader, const struct schema_row *row, const char *text,
                   struct position position);

#endif
