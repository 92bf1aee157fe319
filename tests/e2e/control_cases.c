/* control_cases: see control_cases.h. */
#include "control_cases.h"

int served(struct daemon *daemon, const char *service, const json_t **admit_r)
{
    int fd = daemon_dial(daemon, service);
    const json_t *admit;

    client_say(fd, "hello\n");
    assert_string_equal(client_hear_line(fd), "hello");
    admit = expect_event(&daemon->events, "admit", "service", service, NULL);
    if (admit_r)
        *admit_r = admit;
    return fd;
}

int held(struct daemon *daemon, const char *service)
{
    int fd = daemon_dial(daemon, service);

    client_say(fd, "hello\n");
    client_hear_nothing(fd, 100);
    return fd;
}
