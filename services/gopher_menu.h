/* Gopher menus: from a directory, or from the file "gophermap" that its owner has put there. */
#ifndef SERVICES_GOPHER_MENU_H
#define SERVICES_GOPHER_MENU_H

#include <stddef.h>
#include <stdio.h>

enum { GOPHER_MENU_MAX = 4096, GOPHER_MAP_MAX = 256 * 1024 };

/* Where a menu stands: what its lines point to when they do not say it themselves. */
struct gopher_place {
    const char *host;
    const char *port;
    const char *selector; /* of the directory, without a final '/': "" or "/docs" or "/~ada/docs" */
    int root;             /* the directory that is served, */
    const char *path;     /* and the menu's path below it, as in struct gopher_request */
};

/* Write the menu of the open directory FD (which is taken over): by its gophermap where it has one,
 * else its listing; without the final period.  0 or a negative errno value. */
int gopher_menu(const struct gopher_place *place, int fd, FILE *out);

/* Write the menu line that LINE of a gophermap stands for, LENGTH bytes without line end: with a
 * tab it is TYPE NAME tab SELECTOR [tab HOST [tab PORT]], where what is left out is the present
 * place's and a selector that does not begin with '/' is taken from the present directory; without
 * a tab it is text.  Nothing in it can make a second line. */
void gopher_map_line(const struct gopher_place *place, const char *line, size_t length, FILE *out);

/* Write a line of text, of type 'i', or of '3' for an error. */
void gopher_text_line(char type, const char *text, FILE *out);

#endif
