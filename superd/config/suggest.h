/* suggest: the nearest of several names to the one that a person wrote: "did you mean". */
#ifndef SUPERD_CONFIG_SUGGEST_H
#define SUPERD_CONFIG_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *wanted;
    unsigned distance; /* of `best` */
    char best[128];    /* "": nothing is near enough */
    char text[160];
};

/* Start to look for what WANTED, which must live on, may have been meant to be. */
void suggestion_init(struct suggestion *suggestion, const char *wanted);

void suggestion_consider(struct suggestion *suggestion, const char *candidate);
void suggestion_consider_all(struct suggestion *suggestion, const char *const *words, size_t count);

/* To put behind a message: "; did you mean \"listen\"?", or "". Valid as long as SUGGESTION is. */
const char *suggestion_text(struct suggestion *suggestion);

#endif
