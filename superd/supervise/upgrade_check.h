/*
 * upgrade_check: asking another program whether it could go on in our place: run with
 * --handover-check and a handover (handover.h) as descriptor UPGRADE_CHECK_FD, it reads all of that and
 * the configuration, opens nothing, says on its output every error, and ends with 0 when there is none.
 * That it knows the question at all is seen by UPGRADE_CHECK_WORDS.
 */
#ifndef SUPERD_SUPERVISE_UPGRADE_CHECK_H
#define SUPERD_SUPERVISE_UPGRADE_CHECK_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#define UPGRADE_CHECK_FD     3
#define UPGRADE_CHECK_WORDS  "superd can take over" /* its last line */
#define UPGRADE_CHECK_MS     30000                  /* then it is killed */
#define UPGRADE_CHECK_OUTPUT 65536                  /* bytes that are kept of what it says */

struct upgrade_check;

struct upgrade_check_settings {
    uv_loop_t *loop;
    const char *binary, *config_path;
    int state; /* the handover; the caller's */
    void *data;
    /* It has ended: GOOD, or what it said, line for line. Called once, unless it was cancelled; the
     * check is gone then. */
    void (*on_end)(void *data, bool good, char *output);
};

/* Returns 0 or -errno. That the program cannot be run is an end like others: this does not wait for it. */
int upgrade_check_start(const struct upgrade_check_settings *settings,
                        struct upgrade_check **check_r);

/* A child of ours has ended. True: it was this one. */
bool upgrade_check_reaped(struct upgrade_check *check, pid_t pid, int status);

/* Kill it and forget it. */
void upgrade_check_cancel(struct upgrade_check *check);

#endif
