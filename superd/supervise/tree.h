/*
 * tree: ending an instance and all that it started.
 *
 * Without a control group the kernel offers no handle for "what this process started", so the tree
 * is found in /proc: descendants of the instance's process, members of its session, and orphans,
 * which come to superd because it is a child subreaper and are known by SUPERD_INSTANCE in their
 * environment or by having been seen in the tree before. What escapes this is a process that was
 * orphaned, left the session and wiped its environment before it was first looked for; control
 * groups or `isolation` close that hole (superd.conf(5) says so): an instance with a control group of
 * its own is killed through that, all at once. The group of a whole service is of no use here: in it are
 * other instances, and what those that ended by themselves left behind, which may stay.
 *
 * Looking through /proc is costly, so all ends asked for within TREE_BATCH_MS are done with one
 * look.
 */
#ifndef SUPERD_SUPERVISE_TREE_H
#define SUPERD_SUPERVISE_TREE_H

#define TREE_BATCH_MS 20

struct instance;
struct supervisor;

/* Make the timer; and forget all that is pending and close it. */
void tree_begin(struct supervisor *supervisor);
void tree_stop(struct supervisor *supervisor);

/* INSTANCE lives: send NUMBER (SIGTERM or SIGKILL) to its process group at once, and to the rest of
 * the tree within TREE_BATCH_MS; SIGKILL is repeated until nothing of the tree is left. What is
 * stopped is continued, so that it can obey. */
void tree_signal(struct instance *instance, int number);

/* INSTANCE has just been reaped (its pid may be another process's already): kill what it left. */
void tree_kill_rest(struct instance *instance);

#endif
