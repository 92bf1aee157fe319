/*
 * listener_access: access rules in listener mode, where the handler itself takes connections or
 * datagrams.
 *
 * The rules are put into the kernel as a socket filter, so they hold while a handler runs, too; and
 * before a handler is launched for a datagram its source is looked at (the address alone), so that a
 * refused one is dropped, counted and logged without a launch. Hours and traps are checked then.
 */
#ifndef SUPERD_SUPERVISE_LISTENER_ACCESS_H
#define SUPERD_SUPERVISE_LISTENER_ACCESS_H

#include <stdbool.h>

struct listener;
struct service;

/* Put the rules of SERVICE, as they are in force now, onto its listeners. What cannot be put is logged, and
 * the listener is closed to everybody rather than open to somebody whom the rules deny. */
void listener_access_apply(struct service *service);

/* Something waits on LISTENER: may a handler be told? Drops what is refused; false when nothing is left. */
bool listener_access_check(struct listener *listener);

#endif
