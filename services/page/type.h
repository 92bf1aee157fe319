/* Media types by the ending of a file's name: a table in the program, because a handler that starts
 * for each connection has no time to read /etc/mime.types.  No I/O here. */
#ifndef PAGE_TYPE_H
#define PAGE_TYPE_H

/* The value for Content-Type; text is said to be UTF-8.  Never NULL. */
const char *type_of_name(const char *name);

#endif
