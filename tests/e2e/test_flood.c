/*
 * Floods: what is refused costs a few lines in the log and nothing that stays; and after a while of
 * everything at once, everything is as it was.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "origin.h"

#define WAIT           "exec = ['@SPECIMEN@', 'wait']; "
#define LISTEN         "listen = '127.0.0.1:0'; "
#define SINGLY         3   /* lines for each source and reason: superd.log(5) */
#define LINES          100 /* such lines in an interval, of all */
#define FLOOD          20000
#define MEMORY_SLACK_K 256
#define LOG_RING_K     1024 /* the last lines of the log are kept for whoever asks */
#define CHAOS_SECONDS  6
#define CHAOS_TURNS    2048 /* at least, half of which warm it up */
#define CHAOS_CLIENTS  48
#define CHAOS_TURN_MS  2

/* ---- The log of refusals -------------------------------------------------------------------- */

/* Refused connections as the log has them, of those whose SOURCE or peer begins with FROM. */
struct told {
    size_t lines, single, sums;
    long long connections;
};

static struct told refusals(struct daemon *daemon, const char *from)
{
    struct told told = {0};

    events_read(&daemon->events);
    for (size_t i = 0; i < daemon->events.count; i++) {
        const json_t *json = daemon->events.list[i].json;
        const json_t *count = json_object_get(json, "count");
        const char *source = json_string_value(json_object_get(json, count ? "source" : "peer"));

        if (strcmp(event_text(json, "event"), "refuse") != 0)
            continue;
        if (from && (!source || strncmp(source, from, strlen(from)) != 0))
            continue;
        told.lines++;
        told.single += count == NULL;
        told.sums += count != NULL;
        told.connections += count ? json_integer_value(count) : 1;
    }
    return told;
}

struct wanted {
    struct daemon *daemon;
    long long connections;
};

static bool all_told(void *data)
{
    const struct wanted *wanted = data;

    return refusals(wanted->daemon, NULL).connections >= wanted->connections;
}

/* Every refused connection is in the log, once; within an interval or two. */
static void expect_told(struct daemon *daemon, long long connections)
{
    struct wanted wanted = {daemon, connections};

    if (!e2e_until(all_told, &wanted))
        fail_msg("%lld of %lld are told", refusals(daemon, NULL).connections, connections);
    assert_int_equal(refusals(daemon, NULL).connections, connections);
}

static void log__one_source__first_ones_singly_then_a_sum_for_each_interval(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.log = "summary = '1s';",
                        .services = "a: { " LISTEN WAIT "access: { deny = ['127.0.0.2']; }; };\n"
                                    "b: { " LISTEN WAIT "access: { deny = ['127.0.0.2']; }; };"});
    uint64_t begun = e2e_now_ms(), intervals;
    const json_t *sum;
    struct told told;

    for (int i = 0; i < 50; i++)
        origin_expect_refused(daemon_address(daemon, "a", 0), "127.0.0.2");
    origin_expect_refused(daemon_address(daemon, "b", 0), "127.0.0.2"); /* counted by itself */
    expect_told(daemon, 51);
    intervals = (e2e_now_ms() - begun) / 1000 + 1;
    told = refusals(daemon, NULL);
    assert_in_range(told.single, SINGLY + 1, (SINGLY + 1) * intervals);
    assert_in_range(told.sums, 1, intervals);
    sum = expect_event(&daemon->events, "refuse", "count", "*", NULL);
    assert_string_equal(event_text(sum, "service"), "a");
    assert_string_equal(event_text(sum, "source"), "127.0.0.2");
    assert_string_equal(event_text(sum, "reason"), "denied");
    assert_int_equal(event_number(sum, "interval_ms"), 1000);
    origin_expect_refused(daemon_address(daemon, "a", 0), "127.0.0.2"); /* a new interval */
    expect_told(daemon, 52);
    assert_int_equal(refusals(daemon, NULL).single, told.single + 1);
    daemon_stop(daemon);
}

static void log__daemon_stops__what_is_counted_is_told_first(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.log = "summary = '1h';",
                        .services = "a: { " LISTEN WAIT "access: { deny = ['127.0.0.2']; }; };"});

    for (int i = 0; i < 10; i++)
        origin_expect_refused(daemon_address(daemon, "a", 0), "127.0.0.2");
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    assert_int_equal(refusals(daemon, NULL).connections, 10);
    assert_int_equal(refusals(daemon, NULL).lines, SINGLY + 1);
    daemon_expect_gone(daemon);
}

static void log__many_sources__no_more_lines_than_it_promises(void)
{
    struct daemon *daemon = daemon_start(&(struct setup){
        .log = "summary = '1s';",
        .services = "a: { " LISTEN WAIT "access: { deny = ['127.1.0.0/16']; }; };"});
    uint64_t begun = e2e_now_ms(), intervals;
    struct told told;

    for (unsigned i = 0; i < 3000; i++)
        origin_expect_refused(daemon_address(daemon, "a", 0), origin_source(i % 1500));
    expect_told(daemon, 3000);
    intervals = (e2e_now_ms() - begun) / 1000 + 1;
    told = refusals(daemon, NULL);
    assert_in_range(told.single, LINES, LINES * intervals);
    /* A sum for each source that had a line, and one for all others. */
    assert_in_range(told.sums, 1, (LINES + 1) * intervals);
    daemon_stop(daemon);
}

/* ---- Nothing that stays --------------------------------------------------------------------- */

/* COUNT connections, as fast as one client can, from SOURCES addresses. */
static void flood(const char *to, unsigned count, unsigned sources)
{
    for (unsigned i = 0; i < count; i++) {
        int fd = origin_try(to, origin_source(i % sources));

        if (fd < 0 && fd != -ECONNRESET)
            fail_msg("connection %u: %s", i, strerror(-fd));
        if (fd >= 0)
            close(fd);
    }
}

/* What the log has by now: as much of the ring is in use, up to LOG_RING_K. */
static long logged_k(const struct daemon *daemon)
{
    struct stat st;

    assert_int_equal(stat(daemon->log, &st), 0);
    return (long)(st.st_size / 1024);
}

static void flood__refused__descriptors_memory_and_table_as_before(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.log = "summary = '1s';",
                        .superd = "limits: { sources = 64; };",
                        .services = "a: { " LISTEN WAIT "limits: { per_source = 1; };\n"
                                    "  access: { deny = ['127.1.0.0/16']; }; };"});
    const char *to = daemon_address(daemon, "a", 0);
    int polite = origin_enter(to, "127.0.0.2"), other;
    uint64_t begun, intervals;
    long before, after, logged;

    flood(to, 2000, 500); /* once, so that what is taken once is there */
    expect_told(daemon, 2000);
    before = census_memory(daemon->pid, "Private_Dirty");
    logged = logged_k(daemon);
    begun = e2e_now_ms();
    flood(to, FLOOD, 5000);
    other = origin_enter(to, "127.0.0.3"); /* behind all of them */
    expect_told(daemon, 2000 + FLOOD);
    intervals = (e2e_now_ms() - begun) / 1000 + 2;
    assert_in_range(refusals(daemon, NULL).lines, 2, (2 * LINES + 1) * (intervals + 4));
    after = census_memory(daemon->pid, "Private_Dirty");
    logged = logged_k(daemon) - logged; /* more lines where it takes longer */
    if (!e2e_sanitized() && after - before > MEMORY_SLACK_K + logged)
        fail_msg("%ld KiB before, %ld KiB after", before, after);
    /* Who was in is in, and known; and there is room for as many sources as before. */
    client_say(polite, "still here\n");
    client_hear_nothing(polite, 50);
    origin_expect_refused(to, "127.0.0.2");
    expect_event(&daemon->events, "refuse", "reason", "source-limit", NULL);
    close(polite);
    close(other);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 2);
    daemon_stop(daemon);
}

/* Sources that are admitted do make entries, and the table is full of them before long. */
static void flood__admitted_from_everywhere__a_live_source_is_not_forgotten(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "limits: { sources = 64; };",
                        .services = "a: { " LISTEN WAIT "limits: { per_source = 1; }; };"});
    const char *to = daemon_address(daemon, "a", 0);
    int live = origin_enter(to, "127.0.0.2");

    for (unsigned i = 0; i < 300; i++)
        close(origin_enter(to, origin_source(i)));
    origin_expect_refused(to, "127.0.0.2");
    expect_event(&daemon->events, "refuse", "reason", "source-limit", NULL);
    assert_int_equal(count_events(&daemon->events, "refuse", "reason", "source-table", NULL), 0);
    close(live);
    daemon_stop(daemon);
}

/* ---- Everything at once --------------------------------------------------------------------- */

/* Pseudo-random numbers of one's own: the same in every run. */
static unsigned any(unsigned below)
{
    static uint64_t state = 0x9e3779b97f4a7c15U;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % below;
}

static unsigned chaos_seconds(void)
{
    const char *given = getenv("E2E_CHAOS_SECONDS");
    long seconds = given ? strtol(given, NULL, 10) : 0;

    return seconds > 0 && seconds < 500 ? (unsigned)seconds : CHAOS_SECONDS;
}

static const char *const chaos_services[] = {"cat", "count", "sleep", "full", "denied", "time"};

static const struct setup chaos = {
    .log = "summary = '1s';",
    /* A table that is soon used as a whole, as its pages are taken by their first use. */
    .superd = "limits: { sources = 256; };",
    .services = "cat: { " LISTEN "exec = ['@SPECIMEN@', 'cat']; };\n"
                "count: { " LISTEN
                "exec = ['@SPECIMEN@', 'count']; limits: { rate = '50/s'; }; };\n"
                "sleep: { " LISTEN "exec = ['@SPECIMEN@', 'stubborn'];\n"
                "  limits: { per_source = 2; }; time: { total = '700ms'; grace = '100ms'; }; };\n"
                "full: { " LISTEN WAIT "limits: { instances = 4; }; };\n"
                "denied: { " LISTEN WAIT "access: { deny = ['127.1.0.0/16']; }; };\n"
                "time: { " LISTEN "exec = ['@SPECIMEN@', 'orphan-wait'];\n"
                "  time: { idle = '300ms'; first_byte = '200ms'; gone = '100ms'; }; };"};

/* A client that begins, says or ends something. */
static void one_turn(struct daemon *daemon, int *fd)
{
    static const char bytes[3000];
    char heard[4096];
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (*fd < 0) {
        const char *service = chaos_services[any(COUNT(chaos_services))];

        *fd = origin_try(daemon_address(daemon, service, 0), origin_source(any(40)));
        return;
    }
    while (recv(*fd, heard, sizeof heard, MSG_DONTWAIT) > 0)
        continue;
    switch (any(8)) {
    case 0:
        close(*fd);
        *fd = -1;
        break;
    case 1:
        setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(*fd);
        *fd = -1;
        break;
    case 2:
        shutdown(*fd, SHUT_WR);
        break;
    default:
        send(*fd, bytes, any(sizeof bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    }
}

/* Kill one of the daemon's handlers; not its launchers. */
static void kill_one(struct daemon *daemon)
{
    static const int numbers[] = {SIGKILL, SIGTERM, SIGSEGV, SIGSTOP};
    pid_t pids[512];
    char name[64];
    size_t count = census_children(daemon->pid, pids, COUNT(pids));

    if (!count)
        return;
    count = any((unsigned)count);
    if (strcmp(census_name(pids[count], name, sizeof name), "specimen") == 0)
        kill(pids[count], numbers[any(COUNT(numbers))]);
}

static size_t launch_failures(struct daemon *daemon)
{
    return count_events(&daemon->events, "end", "outcome", "launch-failed", NULL);
}

struct balance {
    struct daemon *daemon;
    size_t admits, ends;
};

static bool is_balanced(void *data)
{
    struct balance *balance = data;
    struct events *events = &balance->daemon->events;

    balance->admits = count_events(events, "admit", NULL);
    balance->ends = count_events(events, "end", NULL);
    return balance->admits == balance->ends;
}

/* A SIGSTOPped handler without a limit of time stays for ever: its time has come. */
static void kill_all(struct daemon *daemon)
{
    pid_t pids[512];
    char name[64];
    size_t count = census_children(daemon->pid, pids, COUNT(pids));

    for (size_t i = 0; i < count; i++) {
        if (strcmp(census_name(pids[i], name, sizeof name), "specimen") == 0)
            kill(pids[i], SIGKILL);
    }
}

static bool is_calm(void *data)
{
    struct balance *balance = data;

    kill_all(balance->daemon);
    return daemon_has_only_launchers(balance->daemon);
}

static void expect_limits_exact(struct daemon *daemon)
{
    const char *to = daemon_address(daemon, "full", 0);
    int fds[5];

    for (unsigned i = 0; i < 4; i++)
        fds[i] = origin_enter(to, origin_source(i));
    fds[4] = origin_dial(to, origin_source(4));
    client_hear_nothing(fds[4], 60);
    close(fds[0]);
    origin_expect_greeting(fds[4]);
    for (unsigned i = 1; i < 5; i++)
        close(fds[i]);
    to = daemon_address(daemon, "sleep", 0);
    for (unsigned source = 0; source < 40; source++) {
        fds[0] = origin_dial(to, origin_source(source));
        fds[1] = origin_dial(to, origin_source(source));
        assert_string_equal(client_hear_line(fds[0]), "sleeping");
        assert_string_equal(client_hear_line(fds[1]), "sleeping");
        close(fds[0]);
        close(fds[1]);
    }
}

static void chaos__for_a_while__everything_is_as_before(void)
{
    struct daemon *daemon = daemon_start(&chaos);
    struct balance balance = {.daemon = daemon};
    uint64_t end = e2e_now_ms() + chaos_seconds() * 1000;
    int fds[CHAOS_CLIENTS];
    long before = 0, after;

    memset(fds, -1, sizeof fds);
    for (unsigned turn = 0; turn < CHAOS_TURNS || e2e_now_ms() < end; turn++) {
        one_turn(daemon, &fds[any(CHAOS_CLIENTS)]);
        if (turn % 16 == 0)
            kill_one(daemon);
        if (turn % 512 == 511)
            daemon_signal(daemon, SIGHUP);
        if (turn == CHAOS_TURNS / 2)
            before = census_memory(daemon->pid, "Private_Dirty");
        poll(NULL, 0, any(2) ? CHAOS_TURN_MS : 0);
    }
    for (size_t i = 0; i < CHAOS_CLIENTS; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    if (!e2e_until(is_calm, &balance))
        fail_msg("handlers do not end");
    daemon_expect_quiet(daemon);
    if (!e2e_until(is_balanced, &balance))
        fail_msg("%zu admitted, %zu ended", balance.admits, balance.ends);
    assert_true(balance.admits > 50);
    assert_int_equal(launch_failures(daemon), 0);
    after = census_memory(daemon->pid, "Private_Dirty");
    if (!e2e_sanitized() && after - before > LOG_RING_K + 2 * MEMORY_SLACK_K)
        fail_msg("%ld KiB before, %ld KiB after", before, after);
    printf("%zu admitted, %lld refused, Pss %ld -> %ld KiB\n", balance.admits,
           refusals(daemon, NULL).connections, before, after);
    expect_limits_exact(daemon);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(log__one_source__first_ones_singly_then_a_sum_for_each_interval),
    E2E(log__daemon_stops__what_is_counted_is_told_first),
    E2E(log__many_sources__no_more_lines_than_it_promises),
    {.name = "flood__refused__descriptors_memory_and_table_as_before",
     .run = flood__refused__descriptors_memory_and_table_as_before,
     .seconds = 120},
    E2E(flood__admitted_from_everywhere__a_live_source_is_not_forgotten),
    {.name = "chaos__for_a_while__everything_is_as_before",
     .run = chaos__for_a_while__everything_is_as_before,
     .seconds = 560},
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
