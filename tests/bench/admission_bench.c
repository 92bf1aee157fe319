/*
 * admission_bench: what a decision costs, with few and with many rules and sources, and the memory
 * that it takes.
 *
 *   admission_bench [ROUNDS]
 *
 * All cases are measured in turns within one run, and the best of ROUNDS (7) turns of each counts,
 * so that a busy machine hits them alike; the first case is the measure of the others. "sources"
 * are the distinct addresses that connect. The table holds 65,536 of them, so of a million most
 * push out another one when they come. An admission is counted with its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admission/admission.h"
#include "base/clock.h"

#define TABLE_SIZE 65536
#define PREFIXES   100000
#define DECISIONS  200000 /* measured in a turn */
#define MILLION    1000000

struct bench_case {
    const char *name;
    size_t prefixes; /* rules that no peer is in */
    uint32_t sources;
    bool denied; /* all peers are, by one rule more */
    bool v6;
};

static const struct bench_case cases[] = {
    {.name = "admit IPv4", .prefixes = 0, .sources = 1},
    {.name = "admit IPv4", .prefixes = PREFIXES, .sources = 1},
    {.name = "admit IPv4", .prefixes = 0, .sources = MILLION},
    {.name = "admit IPv4", .prefixes = PREFIXES, .sources = MILLION},
    {.name = "admit IPv6", .prefixes = 0, .sources = 1, .v6 = true},
    {.name = "admit IPv6", .prefixes = PREFIXES, .sources = 1, .v6 = true},
    {.name = "admit IPv6", .prefixes = 0, .sources = MILLION, .v6 = true},
    {.name = "admit IPv6", .prefixes = PREFIXES, .sources = MILLION, .v6 = true},
    {.name = "deny IPv4", .prefixes = 0, .sources = MILLION, .denied = true},
    {.name = "deny IPv4", .prefixes = PREFIXES, .sources = MILLION, .denied = true},
};
#define CASES (sizeof cases / sizeof cases[0])

static const struct limit_settings limits = {.instances = 100,
                                             .per_source = 10,
                                             .rate = {4000000000, 1000},
                                             .per_source_rate = {4000000000, 1000},
                                             .source_prefix_v4 = 32,
                                             .source_prefix_v6 = 64};
static const struct access_rule rules[] = {
    {.written = "file:/prefixes", .kind = ACCESS_FILE, .file = "/prefixes"},
    {.written = "10.0.0.0/8",
     .kind = ACCESS_PREFIX,
     .prefix = {.family = AF_INET, .length = 8, .bytes = {10}}},
};
static const struct access_settings open_to_peers = {.rules = rules, .rule_count = 1};
static const struct access_settings closed_to_peers = {.rules = rules, .rule_count = 2};

static void die(const char *what)
{
    fprintf(stderr, "admission_bench: %s\n", what);
    exit(1);
}

static uint64_t mix(uint64_t number)
{
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

static size_t resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages = 0;

    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1) {
        die("cannot read /proc/self/statm");
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* By turns IPv4 and IPv6, with lengths from 16 and from 32 up. */
static struct prefix nth_prefix(size_t number)
{
    uint64_t bits = mix(number + 1), more = mix(bits);
    bool v4 = number % 2 == 0;
    struct prefix prefix = {.family = v4 ? AF_INET : AF_INET6,
                            .length = (uint8_t)(v4 ? 16 + more % 17 : 32 + more % 97)};

    memcpy(prefix.bytes, &bits, 8);
    memcpy(prefix.bytes + 8, &more, 8);
    /* The peers have 10 and 0x20. */
    prefix.bytes[0] = v4 ? (uint8_t)(64 + bits % 128) : 0x2a;
    for (unsigned bit = prefix.length; bit < 128; bit++) {
        prefix.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    }
    return prefix;
}

static struct access_table *make_table(const struct access_settings *settings, size_t count)
{
    struct prefix *prefixes = calloc(count + 1, sizeof *prefixes);
    unsigned *lines = calloc(count + 1, sizeof *lines);

    if (prefixes == NULL || lines == NULL) {
        die("no memory");
    }
    for (size_t i = 0; i < count; i++) {
        prefixes[i] = nth_prefix(i);
        lines[i] = (unsigned)i + 1;
    }
    const struct access_file file = {"/prefixes", prefixes, lines, count};
    struct access_table *table = access_table_create(settings, &file, 1);
    if (table == NULL) {
        die("no memory");
    }
    free(prefixes);
    free(lines);
    return table;
}

static struct peer nth_peer(uint32_t number, bool v6)
{
    struct peer peer = {.uid = (uid_t)-1, .gid = (gid_t)-1};

    if (v6) {
        peer.address.in6.sin6_family = AF_INET6;
        peer.address.in6.sin6_addr.s6_addr[0] = 0x20;
        memcpy(&peer.address.in6.sin6_addr.s6_addr[4], &number, sizeof number);
        peer.address.length = sizeof peer.address.in6;
    } else {
        peer.address.in.sin_family = AF_INET;
        peer.address.in.sin_addr.s_addr = htonl(UINT32_C(0x0a000000) | number);
        peer.address.length = sizeof peer.address.in;
    }
    return peer;
}

/* Decide COUNT times; the peers come as if at random, in another order each time. */
static void decide(const struct bench_case *bench, struct admission_service *service,
                   uint32_t count)
{
    static uint64_t now;

    for (uint32_t i = 0; i < count; i++) {
        struct peer peer = nth_peer((uint32_t)(mix(++now) % bench->sources), bench->v6);
        struct moment moment = {.now_ms = now / 100, .wall_s = 1795424400};
        struct verdict verdict = admission_decide(service, &peer, moment);
        if (verdict.decision != (bench->denied ? DECISION_REFUSE : DECISION_ADMIT)) {
            die("a decision is not what it must be");
        }
        if (verdict.source != NULL) {
            admission_release(service, verdict.source);
        }
    }
}

/* One turn, with a service of its own: nanoseconds a decision. */
static double measure(const struct bench_case *bench, struct admission *admission,
                      const struct access_table *table)
{
    const struct admission_policy policy = {.limits = &limits,
                                            .access = bench->denied ? &closed_to_peers
                                                                    : &open_to_peers,
                                            .table = table};
    struct admission_service *service = admission_service_create(admission, &policy);

    if (service == NULL) {
        die("no memory");
    }
    decide(bench, service, DECISIONS); /* fills caches and the table */
    uint64_t begin_ns = clock_now_ns();
    decide(bench, service, DECISIONS);
    double ns = (double)(clock_now_ns() - begin_ns) / DECISIONS;
    admission_service_destroy(service);
    return ns;
}

static void measure_cases(struct admission *admission, int rounds)
{
    /* By [denied][many prefixes]. */
    struct access_table *tables[2][2] = {
        {make_table(&open_to_peers, 0), make_table(&open_to_peers, PREFIXES)},
        {make_table(&closed_to_peers, 0), make_table(&closed_to_peers, PREFIXES)}};
    double best[CASES];

    for (int round = 0; round < rounds; round++) {
        for (size_t i = 0; i < CASES; i++) {
            double ns = measure(&cases[i], admission,
                                tables[cases[i].denied][cases[i].prefixes > 0]);
            best[i] = round == 0 || ns < best[i] ? ns : best[i];
        }
    }
    printf("%-12s %10s %10s %10s %8s\n", "decision", "prefixes", "sources", "ns", "ratio");
    for (size_t i = 0; i < CASES; i++) {
        printf("%-12s %10zu %10u %10.0f %8.2f\n", cases[i].name, cases[i].prefixes,
               cases[i].sources, best[i], best[i] / best[0]);
    }
    for (int i = 0; i < 4; i++) {
        access_table_destroy(tables[i / 2][i % 2]);
    }
}

/* What tables take; first of all, while nothing has been given back that could be used again. */
static void measure_memory(struct admission *admission, size_t empty_kib)
{
    const struct bench_case flood = {.sources = MILLION};
    struct access_table *none = make_table(&open_to_peers, 0);
    const struct admission_policy policy = {
        .limits = &limits, .access = &open_to_peers, .table = none};
    struct admission_service *service = admission_service_create(admission, &policy);
    size_t made_kib = resident_kib();

    if (service == NULL) {
        die("no memory");
    }
    decide(&flood, service, 2 * MILLION);
    size_t seen_kib = resident_kib();
    decide(&flood, service, 2 * MILLION);
    size_t more_kib = resident_kib();
    printf("%-52s %8zu\n", "source table of 65,536, made (KiB resident)", made_kib - empty_kib);
    printf("%-52s %8zu\n", "  after a million sources were seen", seen_kib - empty_kib);
    printf("%-52s %8zu\n", "  after the same once more", more_kib - empty_kib);
    printf("%-52s %8u\n", "  entries then", admission_source_count(admission));
    admission_service_destroy(service);
    access_table_destroy(none);

    size_t before_kib = resident_kib();
    uint64_t begin_ns = clock_now_ns();
    struct access_table *table = make_table(&open_to_peers, PREFIXES);
    double ms = (double)(clock_now_ns() - begin_ns) / 1e6;
    printf("%-52s %8zu\n", "100,000 prefixes (KiB resident)", resident_kib() - before_kib);
    printf("%-52s %8.1f\n\n", "  made and compiled (ms)", ms);
    access_table_destroy(table);
}

int main(int argc, char **argv)
{
    static const uint8_t seed[ADMISSION_SEED_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};
    int rounds = argc > 1 ? atoi(argv[1]) : 7;
    size_t empty_kib = resident_kib();
    struct admission *admission = admission_create(TABLE_SIZE, 1000, seed);

    if (admission == NULL || rounds < 1) {
        die("no memory, or no rounds");
    }
    measure_memory(admission, empty_kib);
    measure_cases(admission, rounds);
    admission_destroy(admission);
    return 0;
}
