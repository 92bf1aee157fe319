/* template: files made from the ones in etc/templates, in which @WORDS@ stand for values. */
#ifndef SUPERD_SUPERCTL_TEMPLATE_H
#define SUPERD_SUPERCTL_TEMPLATE_H

#include <sys/types.h>

struct template_value {
    const char *word; /* NULL ends a list of them */
    const char *value;
};

/*
 * Make the file PATH, which must not be there, with MODE less the umask, from the template NAME in
 * FOLDER. In a template whose name ends with ".conf" values are escaped as libconfig's texts are.
 * Returns CODE_OK, or another code after saying what is wrong; then there is no such file.
 */
int template_write(const char *folder, const char *name, const struct template_value *values,
                   const char *path, mode_t mode);

#endif
