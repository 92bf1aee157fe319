/*
 * A session that stays open for more than ten seconds: talks, is idle, talks again.
 */
#include "real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_MS 10500

static void shell_session__idle_for_ten_seconds__goes_on(void)
{
    struct daemon *daemon = daemon_serve(
        "shell: { listen = '127.0.0.1:0'; exec = ['/bin/sh']; stderr = 'connection'; };\n"
        "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n");
    int fd = daemon_dial(daemon, "shell");
    uint64_t begun = e2e_now_ms();

    client_say(fd, "x=remembered; echo $((6 * 7))\n");
    assert_string_equal(client_hear_line(fd), "42");
    client_say(fd, "echo to standard error >&2\n");
    assert_string_equal(client_hear_line(fd), "to standard error");
    client_hear_nothing(fd, IDLE_MS); /* nobody says anything: that is what is tested */
    assert_true(e2e_now_ms() - begun >= IDLE_MS);
    daemon_talk(daemon, "cat", "others meanwhile", "others meanwhile");
    daemon_reload(daemon, NULL);
    client_say(fd, "echo $x\n");
    assert_string_equal(client_hear_line(fd), "remembered");
    client_say(fd, "exit 3\n");
    assert_string_equal(client_hear_all(fd, NULL), "");
    close(fd);
    expect_event(&daemon->events, "end", "service", "shell", "outcome", "exit", "status", "3",
                 NULL);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(shell_session__idle_for_ten_seconds__goes_on),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
