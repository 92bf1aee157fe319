/*
 * leaving: what becomes of an open socket that the next generation does not name.
 *
 * Mostly it is closed. But where another socket has its port now (`*` was changed to one address, or
 * back), clients may be anywhere between their first packet and the backlog, and closing would reset them:
 *   - one address becomes `*`: the old socket stays open beside the new one, of the same service; the
 *     configuration covers its address, and no client notices anything;
 *   - `*` becomes one address: the old socket takes no new handshakes, and is served for LEAVING_MS more, so
 *     that those under way arrive; then it is closed.
 * What must hold: after LEAVING_MS nothing listens where the configuration does not say so.
 */
#ifndef SUPERD_SUPERVISE_LEAVING_H
#define SUPERD_SUPERVISE_LEAVING_H

/* Longer than handshakes take, shorter than the second after which a client repeats itself. */
#define LEAVING_MS 600

struct listener;
struct listener_plan;

/* LISTENER is not in PLAN's configuration, whose listeners have all been handed to their services. */
void leaving_let_go(const struct listener_plan *plan, struct listener *listener);

/* A later configuration wants LISTENER again, if it was leaving. */
void leaving_stays(struct listener *listener);

/* LISTENER is being closed. */
void leaving_forget(struct listener *listener);

#endif
