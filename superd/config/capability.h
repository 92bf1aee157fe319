/* capability: the names of capabilities(7), without "cap_". */
#ifndef SUPERD_CONFIG_CAPABILITY_H
#define SUPERD_CONFIG_CAPABILITY_H

#include <stdbool.h>

/* The name of capability NUMBER; NULL: none known here. */
const char *capability_name(unsigned number);

/* The number of NAME, with or without "cap_", in any case of letters. False: unknown. */
bool capability_parse(const char *name, unsigned *number_r);

#endif
