/*
 * Handlers in a few lines of a scripting language, as people write them.
 */
#include "real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A service that answers a line in capitals, with its peer's address. */
static void expect_capitals(const char *exec)
{
    struct daemon *daemon;
    char services[2048];
    int fd;

    snprintf(services, sizeof services, "capitals: { listen = '127.0.0.1:0'; exec = [%s]; };\n",
             exec);
    daemon = daemon_serve(services);
    for (int i = 0; i < 3; i++) {
        fd = daemon_dial(daemon, "capitals");
        client_say(fd, "hello there\n");
        assert_string_equal(client_hear_line(fd), "127.0.0.1 HELLO THERE");
        client_say(fd, "once more\n");
        assert_string_equal(client_hear_line(fd), "127.0.0.1 ONCE MORE");
        client_half_close(fd);
        assert_string_equal(client_hear_all(fd, NULL), "");
        close(fd);
        expect_event(&daemon->events, "end", "service", "capitals", "outcome", "ok", NULL);
    }
    daemon_stop(daemon);
}

static void shell__answers_line_by_line(void)
{
    expect_capitals("'/bin/sh', '-c', 'while read -r line; do"
                    " echo $REMOTE_ADDR $(echo $line | tr a-z A-Z); done'");
}

static void perl__answers_line_by_line(void)
{
    char exec[512];

    snprintf(exec, sizeof exec, "'%s', '-ne', '$| = 1; print qq($ENV{REMOTE_ADDR} ), uc'",
             real_program("perl", "perl"));
    expect_capitals(exec);
}

static void python__answers_line_by_line(void)
{
    char exec[512];

    snprintf(exec, sizeof exec,
             "'%s', '-uc', 'import sys, os\\n"
             "for line in sys.stdin: print(os.environ[\\\"REMOTE_ADDR\\\"], line.strip().upper())'",
             real_program("python3", "python3"));
    expect_capitals(exec);
}

/* mawk reads ahead, so its client has to say all that it has to say. */
static void awk__answers_at_the_end(void)
{
    struct daemon *daemon;
    char services[512];

    snprintf(services, sizeof services,
             "capitals: { listen = '127.0.0.1:0'; exec = ['%s',\n"
             "  '{ print ENVIRON[\\\"REMOTE_ADDR\\\"], toupper($0) } END { print NR }']; };\n",
             real_program("awk", "mawk"));
    daemon = daemon_serve(services);
    for (int i = 0; i < 3; i++)
        daemon_talk(daemon, "capitals", "hello there\nonce more\n",
                    "127.0.0.1 HELLO THERE\n127.0.0.1 ONCE MORE\n2\n");
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(shell__answers_line_by_line),
    E2E(perl__answers_line_by_line),
    E2E(python__answers_line_by_line),
    E2E(awk__answers_at_the_end),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
