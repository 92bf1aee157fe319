/*
 * Asking superd at its control socket (superd-control(7)): a line out, a line in.
 *
 * What must hold: nothing waits beyond the deadline given at the start, and no answer takes more
 * memory than ASK_ANSWER_MAX.  It asks only what may be read.
 */
#ifndef STATUS_ASK_H
#define STATUS_ASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ASK_ANSWER_MAX = 8 << 20, /* bytes of a line */
    ASK_WHY_SIZE = 512,
};

struct ask {
    int fd; /* -1: not connected */
    int64_t deadline;
    char *buffer;
    size_t size, used;
    size_t taken;           /* of the buffer, by the answer before */
    char why[ASK_WHY_SIZE]; /* why the last call failed, for people; one line of text */
};

/* Where superd is asked: `option` if it is not NULL, else the environment's SUPERD_CONTROL, else
 * where superd has its socket unless it is told otherwise. */
const char *ask_path(const char *option);

/* Connects to superd's socket; all that follows is to be over after `milliseconds`.  False: `why`
 * says why.  To be closed in any case. */
bool ask_open(struct ask *ask, const char *path, int64_t milliseconds);
void ask_close(struct ask *ask);

/* Asks; `request`, an object with the key "command", is taken over.  Returns the result, which is
 * the caller's, or NULL, and `why` says why. */
json_t *ask_superd(struct ask *ask, json_t *request);

#endif
