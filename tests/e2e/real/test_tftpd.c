/*
 * tftpd-hpa in mode `listener`, on a datagram socket: it takes the first packet from there, answers
 * from a socket and a process of its own, and the parent waits for more or ends.
 */
#include "real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tftpd__get_and_put__whole(void)
{
    const char *tftpd = real_program("in.tftpd", "tftpd-hpa");
    const char *place;
    struct daemon *daemon;
    char services[1024];
    unsigned port;

    real_program("tftp", "tftp-hpa");
    harness_needs_root(); /* it wants to change its root directory and its user */
    daemon = daemon_prepare(&(struct setup){.services = ""});
    place = daemon_path(daemon, "tftp");
    daemon_expect_file(daemon, "tftp");
    daemon_expect_file(daemon, "got");
    daemon_expect_file(daemon, "sent");
    process_shell("mkdir -m 777 '%s' && touch '%s/upload' && chmod 666 '%s/upload'", place, place,
                  place);
    real_fill(daemon_path(daemon, "tftp/file"), 300000);
    process_shell("chmod 644 '%s/file'", place);
    real_fill(daemon_path(daemon, "sent"), 200001);
    snprintf(services, sizeof services,
             "tftp: { listen = 'udp:127.0.0.1:0'; user = 'root';\n"
             "  exec = ['%s', '--secure', '--user', 'nobody', '--timeout', '1', '%s']; };\n",
             tftpd, place);
    daemon_configure(daemon, &(struct setup){.services = services});
    daemon_run(daemon, NULL);
    port = real_port(daemon, "tftp", 0);
    process_shell("cd '%s' && tftp -m binary 127.0.0.1 %u -c get file got && cmp got tftp/file",
                  daemon->directory, port);
    process_shell("cd '%s' && tftp -m binary 127.0.0.1 %u -c put sent upload", daemon->directory,
                  port);
    process_shell("cd '%s' && for i in 1 2 3 4 5; do"
                  " tftp -m binary 127.0.0.1 %u -c get file got; cmp got tftp/file; done",
                  daemon->directory, port);
    /* A second without a packet, and it ends; the next packet starts it again. */
    expect_event(&daemon->events, "end", "service", "tftp", "outcome", "ok", NULL);
    process_shell("cd '%s' && tftp -m binary 127.0.0.1 %u -c get upload got && cmp got sent",
                  daemon->directory, port);
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 0);
    expect_event(&daemon->events, "end", "service", "tftp", "outcome", "ok", NULL);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(tftpd__get_and_put__whole),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
