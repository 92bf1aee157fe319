/*
 * handover: what a daemon that is replaced by another program, in the same process (upgrade.h), leaves to
 * it: one JSON object in a memory file, written by the old program and read by the new one.
 *
 * What holds:
 *   - Writing changes nothing, so an upgrade that fails leaves the old program as it was; it may be done
 *     at any time. Reading is done in two steps: handover_parse(), which needs nothing but the text and
 *     finds every error (`superd --handover-check` is that), and handover_go_on(), which can fail for
 *     lack of memory alone.
 *   - The member "version" says what the object means. A program reads its own version and refuses
 *     others; whoever changes a member that is there raises HANDOVER_VERSION. New members that may be
 *     missing do not need that.
 *   - Descriptors keep their numbers. All of them stand in "descriptors", too: they lose close-on-exec at
 *     the last moment before the exec and have it back with the first thing that the new program does.
 *   - Configurations are not handed over, but what instances need of the one they were born in (`struct
 *     service_config` in part): the new program reads its configuration itself and takes it into force
 *     as at a reload, on top of what it was handed. The text of the one in force is there for the case
 *     that the files cannot be used any more.
 *   - Times are of the monotonic clock, which goes on.
 * Launchers are not handed over: those of the old program end when their sockets close, and a process
 * namespace lives as long as a process in it does.
 */
#ifndef SUPERD_SUPERVISE_HANDOVER_H
#define SUPERD_SUPERVISE_HANDOVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "net/address.h"

#define HANDOVER_VERSION     1
#define HANDOVER_ENVIRONMENT "SUPERD_HANDOVER" /* of the new program: the descriptor's number */
#define HANDOVER_SOURCES     16384             /* idle ones that are handed over, at most */

struct supervisor;

/* ---- Writing -------------------------------------------------------------------------------- */

/* Everything, with CONTROL (a reference that is taken over; NULL: nothing) as its member "control", whose
 * own members "descriptors" are kept, too. NULL: no memory. */
json_t *handover_state(const struct supervisor *supervisor, json_t *control);

/* STATE in a memory file, close-on-exec, at its beginning. Returns the descriptor or -errno. */
int handover_write(const json_t *state);

/* Have the descriptors of STATE survive an exec (KEEP), or not. Returns 0 or -errno. */
int handover_keep(const json_t *state, bool keep);

/* ---- Reading -------------------------------------------------------------------------------- */

struct handover {
    json_t *state;
    char error[256]; /* why it could not be read */
};

/* Read and check the whole of FD, which is closed. True: it can be gone on with, and STATE is to be
 * cleared. False: ERROR says why. */
bool handover_parse(int fd, struct handover *handover);
void handover_clear(struct handover *handover);

/* The member "control"; and "config_text" or "pid_file", to be freed. NULL: there is none. */
const json_t *handover_control(const struct handover *handover);
char *handover_text(const struct handover *handover, const char *name);

/* RLIMIT_NOFILE as superd was started with. */
struct rlimit handover_limit(const struct handover *handover);

/* SUPERVISOR has a loop and nothing else: have it be as the old program's was, with a generation in
 * force that only names what there is, and no launchers. False: ERROR says why. */
bool handover_go_on(struct supervisor *supervisor, struct handover *handover);

#endif
