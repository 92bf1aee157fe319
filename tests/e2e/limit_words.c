/* limit_words: see limit_words.h. */
#include "limit_words.h"

#include <unistd.h>

#include "harness.h"
#include "origin.h"

void expect_refusal(struct daemon *daemon, const char *service, const char *reason)
{
    expect_event(&daemon->events, "refuse", "service", service, "reason", reason, NULL);
}

void expect_hold(struct daemon *daemon, const char *service, const char *reason)
{
    expect_event(&daemon->events, "hold", "service", service, "reason", reason, NULL);
}

void expect_admitted(struct daemon *daemon, const char *service, const char *from)
{
    close(origin_enter(daemon_address(daemon, service, 0), from));
}

void expect_refused(struct daemon *daemon, const char *service, const char *from)
{
    origin_expect_refused(daemon_address(daemon, service, 0), from);
}

void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}
