/* settings: a group of settings, read by the rows of one scope of the schema. */
#ifndef SUPERD_CONFIG_SETTINGS_H
#define SUPERD_CONFIG_SETTINGS_H

#include "config/draft.h"

/* Where settings go. */
struct settings_target {
    enum schema_scope scope;
    void *base;             /* the struct that the rows are offsets into */
    struct origin *origins; /* SCHEMA_ROWS places of what was written; NULL: nobody wants them */
    bool defaults;          /* we are reading `defaults` */
};

/* Give every row of the scope its default. */
void settings_set_defaults(struct loader *loader, const struct settings_target *target);

/* Read all settings of GROUP. Unknown names, wrong types and values out of range are errors in the
 * loader's list; what is right is taken all the same. */
void settings_read(struct loader *loader, const struct settings_target *target,
                   const config_setting_t *group);

#endif
