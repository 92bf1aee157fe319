/* The item type of a file: the one character that tells a gopher client what it will get. */
#ifndef SERVICES_GOPHER_TYPE_H
#define SERVICES_GOPHER_TYPE_H

#include <stdbool.h>
#include <stddef.h>

enum { GOPHER_SNIFF = 512 };

/* The type that NAME's extension tells, or '\0' when only the content can tell text from binary. */
char gopher_type_by_name(const char *name);

/* '0' (text) or '9' (binary) by the first LENGTH bytes, of which GOPHER_SNIFF are enough. */
char gopher_type_by_content(const char *start, size_t length);

/* Whether items of TYPE are sent as text, with its line ends and its final period. */
bool gopher_type_is_text(char type);

#endif
