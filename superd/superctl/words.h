/*
 * words: the arguments that the commands which look share.
 */
#ifndef SUPERD_SUPERCTL_WORDS_H
#define SUPERD_SUPERCTL_WORDS_H

#include <stdbool.h>

struct superctl;

struct words {
    const char *service, *source, *sort;
    bool rates;
};

/* Read the arguments of a command: at most one SERVICE, and the options of LETTERS. Returns CODE_OK or
 * CODE_USAGE. */
int words_read(struct superctl *ctl, int argc, char **argv, const char *letters,
               struct words *words);

#endif
