/*
 * The page around its sections: its head, its style for light and dark and for narrow screens, and
 * the script that replaces sections as they change.  Nothing in it is loaded from elsewhere.
 */
#ifndef STATUS_SHELL_H
#define STATUS_SHELL_H

#include <stdio.h>

/* HOST is not escaped yet.  Without JavaScript the page is loaded anew every `reload_s` seconds. */
void shell_begin(FILE *page, const char *host, int reload_s);
void shell_end(FILE *page, const char *nonce);

#endif
