/*
 * plan and environment: what a handler is told.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch/environment.h"
#include "launch/fixture.h"
#include "launch/plan.h"

static const char *const no_arguments[] = {"x", NULL};

/* The value of NAME; NULL: not there. Fails when it is there twice. */
static const char *value(const struct environment *environment, const char *name)
{
    size_t length = strlen(name);
    const char *found = NULL;

    for (const char **v = environment->variables; *v; v++) {
        if (strncmp(*v, name, length) == 0 && (*v)[length] == '=') {
            assert_null(found);
            found = *v + length + 1;
        }
    }
    return found;
}

/* A connected TCP pair on FAMILY's loopback. */
static void connect_pair(int family, int *client, int *server, struct address *peer)
{
    struct address address;
    int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(address_parse_ip(family == AF_INET ? "127.0.0.1" : "::1", 0, &address));
    assert_int_equal(bind(listener, &address.sa, address.length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, &address.sa, &address.length), 0);
    *client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*client, &address.sa, address.length), 0);
    peer->length = sizeof peer->un;
    *server = accept4(listener, &peer->sa, &peer->length, SOCK_CLOEXEC);
    assert_true(*server >= 0);
    close(listener);
}

static void tcp(int family, const char *ip)
{
    struct config *config = fixture_config(1, "/bin/true", no_arguments);
    const struct plan *plans = plans_make(config);
    struct environment environment = {0};
    struct order order = {.instance = 77, .connections = 3};
    char port[16];
    int client, server;

    assert_non_null(plans);
    connect_pair(family, &client, &server, &order.peer);
    assert_true(environment_make(&environment, &plans[0], &order, server));
    snprintf(port, sizeof port, "%u", address_port(&order.peer));
    assert_string_equal(value(&environment, "PROTO"), "TCP");
    assert_string_equal(value(&environment, "TCPREMOTEIP"), ip);
    assert_string_equal(value(&environment, "TCPLOCALIP"), ip);
    assert_string_equal(value(&environment, "TCPREMOTEPORT"), port);
    assert_non_null(value(&environment, "TCPLOCALPORT"));
    assert_string_equal(value(&environment, "TCPCONNNUM"), "3");
    assert_string_equal(value(&environment, "REMOTE_ADDR"), ip);
    assert_string_equal(value(&environment, "REMOTE_HOST"), ip);
    assert_string_equal(value(&environment, "REMOTE_PORT"), port);
    assert_string_equal(value(&environment, "SUPERD_INSTANCE"), "77");
    assert_string_equal(value(&environment, "SUPERD_SERVICE"), "s0");
    assert_string_equal(value(&environment, "HOME"), "/home/tester");
    assert_string_equal(value(&environment, "LOGNAME"), "tester");
    assert_null(value(&environment, "LISTEN_FDS"));
    assert_null(environment.listen_pid);
    free(environment.variables);
    close(client);
    close(server);
    arena_destroy(config->arena);
}

static void environment_make__tcp4__names_both_ends(void **state)
{
    (void)state;
    tcp(AF_INET, "127.0.0.1");
}

/* What the supervisor knows of it, the launcher does not ask. */
static void environment_make__local_in_the_order__taken(void **state)
{
    struct config *config = fixture_config(1, "/bin/true", no_arguments);
    const struct plan *plans = plans_make(config);
    struct environment environment = {0};
    struct order order = {.instance = 1, .connections = 1};

    (void)state;
    assert_non_null(plans);
    assert_true(address_parse_ip("192.0.2.1", 7, &order.peer));
    assert_true(address_parse_ip("192.0.2.2", 80, &order.local));
    assert_true(environment_make(&environment, &plans[0], &order, -1));
    assert_string_equal(value(&environment, "TCPLOCALIP"), "192.0.2.2");
    assert_string_equal(value(&environment, "TCPLOCALPORT"), "80");
    free(environment.variables);
    arena_destroy(config->arena);
}

static void environment_make__tcp6__names_both_ends(void **state)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct address address;

    (void)state;
    address_parse_ip("::1", 0, &address);
    if (fd < 0 || bind(fd, &address.sa, address.length) != 0)
        skip();
    close(fd);
    tcp(AF_INET6, "::1");
}

static void environment_make__listener_mode__has_room_for_the_pid(void **state)
{
    struct config *config = fixture_config(1, "/bin/true", no_arguments);
    struct environment environment = {0};
    struct order order = {.instance = 1};
    const struct plan *plans;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    fixture_service(config, 0)->mode = MODE_LISTENER;
    plans = plans_make(config);
    assert_true(environment_make(&environment, &plans[0], &order, fd));
    assert_string_equal(value(&environment, "PROTO"), "UDP");
    assert_string_equal(value(&environment, "LISTEN_FDS"), "1");
    assert_string_equal(value(&environment, "LISTEN_FDNAMES"), "s0");
    assert_ptr_equal(environment.listen_pid, value(&environment, "LISTEN_PID"));
    assert_true(strlen(environment.listen_pid) >= strlen("4194304"));
    assert_null(value(&environment, "REMOTE_ADDR"));
    free(environment.variables);
    close(fd);
    arena_destroy(config->arena);
}

static void environment_make__unix__has_the_names_of_ipcserver(void **state)
{
    struct config *config = fixture_config(1, "/bin/true", no_arguments);
    const struct plan *plans = plans_make(config);
    struct environment environment = {0};
    struct order order = {
        .instance = 1, .connections = 1, .peer_uid = 1000, .peer_gid = 100, .peer_pid = 4711};
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    order.peer.un.sun_family = AF_UNIX;
    order.peer.length = sizeof(sa_family_t);
    assert_true(environment_make(&environment, &plans[0], &order, pair[0]));
    assert_string_equal(value(&environment, "PROTO"), "IPC");
    assert_string_equal(value(&environment, "IPCREMOTEEUID"), "1000");
    assert_string_equal(value(&environment, "IPCREMOTEEGID"), "100");
    assert_string_equal(value(&environment, "UNIXREMOTEPID"), "4711");
    free(environment.variables);
    close(pair[0]);
    close(pair[1]);
    arena_destroy(config->arena);
}

static void plans_make__service_sets_path__its_value_wins(void **state)
{
    static const char *const given[] = {"PATH=/only/here", "UID=odd name", NULL};
    struct config *config = fixture_config(1, "/bin/true", no_arguments);
    struct environment environment = {0};
    struct order order = {.instance = 1};
    const struct plan *plans;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    fixture_service(config, 0)->environment = given;
    plans = plans_make(config);
    assert_true(environment_make(&environment, &plans[0], &order, fd));
    assert_string_equal(value(&environment, "PATH"), "/only/here");
    assert_string_equal(value(&environment, "UID"), "odd name");
    free(environment.variables);
    close(fd);
    arena_destroy(config->arena);
}

static void plans_make__rlimits__in_order_and_only_those_set(void **state)
{
    struct config *config = fixture_config(1, "/bin/true", no_arguments);
    const struct plan *plans;

    (void)state;
    fixture_service(config, 0)->rlimits[RLIMIT_NOFILE] = (struct rlimit_setting){
        .set = true, .soft = 20, .hard = 30};
    fixture_service(config, 0)->umask = 077;
    plans = plans_make(config);
    assert_int_equal(plans[0].rlimit_count, 1);
    assert_int_equal(plans[0].rlimits[0].resource, RLIMIT_NOFILE);
    assert_int_equal(plans[0].rlimits[0].limit.rlim_cur, 20);
    assert_int_equal(plans[0].rlimits[0].limit.rlim_max, 30);
    assert_true(plans[0].change_umask);
    assert_false(plans[0].change_directory);
    arena_destroy(config->arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_make__tcp4__names_both_ends),
        cmocka_unit_test(environment_make__tcp6__names_both_ends),
        cmocka_unit_test(environment_make__local_in_the_order__taken),
        cmocka_unit_test(environment_make__listener_mode__has_room_for_the_pid),
        cmocka_unit_test(environment_make__unix__has_the_names_of_ipcserver),
        cmocka_unit_test(plans_make__service_sets_path__its_value_wins),
        cmocka_unit_test(plans_make__rlimits__in_order_and_only_those_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
