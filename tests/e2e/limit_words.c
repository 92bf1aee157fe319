/* limit_words: see limit_words.h. */
#include "limit_words.h"

#include <unistd.h>

#include "harness.h"

void expect_refusal(struct daemon *daemon, const char *service, const char *reason)
{
    expect_event(&daemon->events, "refuse", "service", service, "reason", reason, NULL);
}

void expect_hold(struct daemon *daemon, const char *service, const char *reason)
{
    expect_event(&daemon->events, "hold", "service", service, "reason", reason, NULL);
}

void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}
