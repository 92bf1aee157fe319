/*
 * loadgen: makes connections to an address and tells how long each took and how each ended.
 *
 * Bounded in number and time whatever the other side does. Latencies of the open loop count from
 * the moment when a connection should have begun, so a stall is charged to every connection that it
 * delayed, not only to the one that met it. See usage() for the modes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "bulk.h"
#include "load.h"
#include "report.h"

#define THREADS_MAX 64
#define CLIENTS_MAX 1000000

static volatile sig_atomic_t stop_asked;

static void usage(FILE *out)
{
    fprintf(
        out,
        "usage: loadgen [options] MODE ADDRESS:PORT\n"
        "modes\n"
        "  closed  -c clients, each beginning its next connection when its last has ended\n"
        "  open    -r connections begin each second, whatever becomes of those before (-c bounds\n"
        "          those in flight); latencies count from when a connection should have begun\n"
        "  burst   -n connections at once\n"
        "  flood   as closed (or open, with -r), where being refused is what is counted\n"
        "  hold    open -n connections, -c at a time, say `held N` on standard output, keep them\n"
        "          until standard input ends (or -d), then count those still there\n"
        "  bulk    one connection to the `bulk` handler, -b bytes -D up or down\n"
        "options\n"
        "  -c N  clients (1)                 -n N  connections altogether (no bound)\n"
        "  -d S  begin no more after S seconds (10 unless -n is given)\n"
        "  -w S  do not count what ends in the first S seconds (0)\n"
        "  -T S  time limit of one connection (10)\n"
        "  -r N  connections a second        -t N  threads (1)\n"
        "  -s N  come from N addresses       -S A  the first of them (127.64.0.1)\n"
        "  -q T  send T after connecting     -h    then shut down our direction\n"
        "  -e N  bytes to expect at least, fewer are an outcome `short` (0; in hold and flood 1)\n"
        "  -b N  bytes (bulk; 1073741824)    -D up|down (down)\n"
        "  -j    report in JSON\n");
}

static _Noreturn void loadgen_die(const char *what, const char *value)
{
    fprintf(stderr, "loadgen: %s: %s\n", what, value);
    exit(EX_USAGE);
}

static double parse_number(const char *option, const char *text, double least, double most)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !(value >= least && value <= most)) {
        loadgen_die(option, text);
    }
    return value;
}

static uint64_t parse_count(const char *option, const char *text, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < 1 || value > most) {
        loadgen_die(option, text);
    }
    return value;
}

static uint64_t parse_seconds(const char *option, const char *text)
{
    return (uint64_t)(parse_number(option, text, 0, 86400) * 1e9);
}

static struct in_addr parse_address(const char *option, const char *text)
{
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1) {
        loadgen_die(option, text);
    }
    return address;
}

static struct sockaddr_in parse_target(const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host)) {
        loadgen_die("not ADDRESS:PORT", text);
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)parse_count("port", colon + 1, 65535)),
        .sin_addr = parse_address("address", host),
    };
}

static enum load_mode parse_mode(const char *text)
{
    for (size_t i = 0; i < LOAD_MODE_MAX; i++) {
        if (strcmp(text, load_mode_names[i]) == 0) {
            return (enum load_mode)i;
        }
    }
    loadgen_die("unknown mode", text);
}

struct arguments {
    struct load_plan plan;
    bool json, up;
    uint64_t bulk_bytes;
    bool expect_given, time_given;
};

/* One option of the command line. */
static void parse_option(struct arguments *arguments, int option, const char *value)
{
    struct load_plan *plan = &arguments->plan;
    char name[] = {'-', (char)option, '\0'};
    switch (option) {
    case 'c':
        plan->clients = (unsigned)parse_count(name, value, CLIENTS_MAX);
        break;
    case 'n':
        plan->count = parse_count(name, value, UINT32_MAX);
        break;
    case 'd':
        plan->time_ns = parse_seconds(name, value);
        arguments->time_given = true;
        break;
    case 'w':
        plan->warm_ns = parse_seconds(name, value);
        break;
    case 'T':
        plan->limit_ns = parse_seconds(name, value);
        break;
    case 'r':
        plan->rate = parse_number(name, value, 0.001, 1e7);
        break;
    case 't':
        plan->threads = (unsigned)parse_count(name, value, THREADS_MAX);
        break;
    case 's':
        plan->sources = (uint32_t)parse_count(name, value, 1u << 22);
        break;
    case 'S':
        plan->first_source = ntohl(parse_address(name, value).s_addr);
        break;
    case 'q':
        plan->request = value;
        plan->request_length = strlen(value);
        break;
    case 'e':
        plan->expect = strcmp(value, "0") == 0 ? 0 : parse_count(name, value, UINT64_MAX);
        arguments->expect_given = true;
        break;
    case 'b':
        arguments->bulk_bytes = parse_count(name, value, UINT64_MAX);
        break;
    case 'D':
        arguments->up = strcmp(value, "up") == 0;
        if (!arguments->up && strcmp(value, "down") != 0) {
            loadgen_die(name, value);
        }
        break;
    case 'h':
        plan->half_close = true;
        break;
    case 'j':
        arguments->json = true;
        break;
    default:
        usage(stderr);
        exit(EX_USAGE);
    }
}

/* Fill in what the mode implies and reject what it cannot do. */
static void arguments_complete(struct arguments *arguments)
{
    struct load_plan *plan = &arguments->plan;
    if (!arguments->time_given && plan->count == UINT64_MAX) {
        plan->time_ns = 10u * 1000000000u;
    }
    if ((plan->mode == LOAD_BURST || plan->mode == LOAD_HOLD) &&
        (plan->count == UINT64_MAX || plan->count > CLIENTS_MAX)) {
        loadgen_die("this mode needs -n", load_mode_names[plan->mode]);
    }
    if (plan->mode == LOAD_BURST) {
        plan->clients = (unsigned)plan->count;
    }
    if (plan->mode == LOAD_HOLD) {
        plan->threads = 1; /* one thread counts the living, and opening is not what is timed */
    }
    if ((plan->mode == LOAD_HOLD || plan->mode == LOAD_FLOOD) && !arguments->expect_given) {
        plan->expect = 1;
    }
    if ((plan->mode == LOAD_OPEN) != (plan->rate > 0) && plan->mode != LOAD_FLOOD) {
        loadgen_die("-r goes with open and flood, and open needs it", load_mode_names[plan->mode]);
    }
    if (plan->mode == LOAD_BULK && plan->threads > 1) {
        loadgen_die("-t", "bulk has one thread");
    }
    if (plan->threads > plan->clients) {
        plan->threads = plan->clients;
    }
}

static void on_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static void on_held(const struct load_account *account)
{
    printf("held %" PRIu64 "\n", account->held);
    fflush(stdout);
}

struct thread {
    pthread_t id;
    unsigned number;
    const struct load_plan *plan;
    struct load_shared *shared;
    struct load_account account;
    int result;
};

static void *thread_main(void *data)
{
    struct thread *thread = data;
    prctl(PR_SET_TIMERSLACK, 1000UL); /* the open loop's clock: 1 us, not the usual 50 */
    thread->result = load_run(thread->plan, thread->shared, thread->number, &thread->account);
    return NULL;
}

/* Run all threads and add up. Returns 0 or -errno. */
static int run_threads(const struct load_plan *plan, struct load_shared *shared,
                       struct load_account *account)
{
    struct thread *threads = calloc(plan->threads, sizeof(*threads));
    unsigned started = 0;
    int result = threads == NULL ? -ENOMEM : 0;

    while (result == 0 && started < plan->threads) {
        struct thread *thread = &threads[started];
        *thread = (struct thread){.number = started, .plan = plan, .shared = shared};
        result = -pthread_create(&thread->id, NULL, thread_main, thread);
        started += result == 0;
    }
    if (result != 0) {
        stop_asked = 1;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i].id, NULL);
        if (result == 0) {
            result = threads[i].result;
        }
        if (!load_account_merge(account, &threads[i].account) && result == 0) {
            result = -ENOMEM;
        }
        load_account_free(&threads[i].account);
    }
    free(threads);
    return result;
}

/* The window in which account->in_window connections ended, in seconds. A run that was bounded by
 * time lasts that time even if nothing ended in its last part. */
static double run_window(const struct load_plan *plan, uint64_t start,
                         const struct load_account *account)
{
    uint64_t length = account->last_ns > start ? account->last_ns - start : 0;
    if (plan->time_ns > 0 && account->begun < plan->count && !stop_asked &&
        plan->mode != LOAD_HOLD && plan->mode != LOAD_BULK) {
        length = plan->time_ns;
    }
    return length > plan->warm_ns ? (double)(length - plan->warm_ns) / 1e9 : 0;
}

/* Ask for all the descriptors that we may have; connect() tells when they are too few. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    struct arguments arguments = {
        .plan = {.threads = 1,
                 .clients = 1,
                 .count = UINT64_MAX,
                 .limit_ns = 10000000000u,
                 .first_source = 0x7f400001},
        .bulk_bytes = 1u << 30,
    };
    for (int option; (option = getopt(argc, argv, "c:n:d:w:T:r:t:s:S:q:e:b:D:hj")) != -1;) {
        parse_option(&arguments, option, optarg);
    }
    if (argc - optind != 2) {
        usage(stderr);
        return EX_USAGE;
    }
    struct load_plan *plan = &arguments.plan;
    plan->mode = parse_mode(argv[optind]);
    plan->target = parse_target(argv[optind + 1]);
    arguments_complete(&arguments);

    struct sigaction action = {.sa_handler = on_stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    raise_descriptor_limit();

    struct load_account account = {.begun = 0};
    struct load_shared shared = {
        .start_ns = load_now(),
        .stop = &stop_asked,
        .release_fd = plan->mode == LOAD_HOLD ? STDIN_FILENO : -1,
        .on_held = on_held,
    };
    int result = 0;
    if (plan->mode == LOAD_BULK) {
        bulk_run(plan, arguments.up, arguments.bulk_bytes, &account);
    } else {
        result = run_threads(plan, &shared, &account);
    }
    if (result == 0) {
        double seconds = run_window(plan, shared.start_ns, &account);
        (arguments.json ? report_json : report_text)(stdout, plan, &account, seconds);
    } else {
        fprintf(stderr, "loadgen: %s\n", strerror(-result));
    }
    load_account_free(&account);
    return result == 0 && fflush(stdout) == 0 ? EX_OK : EX_OSERR;
}
