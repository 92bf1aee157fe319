/*
 * The soak: clients without a pause while the daemon is reloaded with changing configurations, some of
 * them wrong, and upgraded, and launchers and a handler are killed: nobody else notices.
 *
 * SOAK=full in the environment takes the full size; SOAK_FIGURES names a file for the figures.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crowd.h"
#include "origin.h"
#include "upgrading.h"

#define CLIENTS       20
#define LIMITED       6 /* further clients, of the service whose limit is */
#define LIMIT         3
#define SESSIONS      10
#define WRONG_EVERY   10 /* reloads */
#define UPGRADE_EVERY 4
#define SECONDS       300

#define LISTEN "listen = '127.0.0.1:0'; "
#define BASE                                               \
    "cat: { " LISTEN "exec = ['@SPECIMEN@', 'cat']; };\n"  \
    "long: { " LISTEN "exec = ['@SPECIMEN@', 'cat']; };\n" \
    "few: { " LISTEN "exec = ['@SPECIMEN@', 'wait']; limits: { instances = 3; }; };\n"
#define MANY "limits: { per_source = 1000; instances = 1000; };"

static const char *const turns[] = {
    BASE,
    BASE "more: { " LISTEN "exec = '@SPECIMEN@'; };\n",
    BASE "nice: { " LISTEN "exec = '@SPECIMEN@'; nice = 3; };\n"
         "path: { listen = 'unix:@DIR@/path'; exec = '@SPECIMEN@'; };\n",
    BASE "wait: { " LISTEN "exec = ['@SPECIMEN@', 'accept', '2']; mode = 'listener'; };\n",
};

/* ---- Clients of a limited service ----------------------------------------------------------- */

/* They know how many of them are being served at once: never more than the daemon may count. */
struct few {
    pid_t pids[LIMITED];
    struct few_counts {
        atomic_bool over;
        atomic_ulong served, failed, most;
        atomic_long now;
    } * counts;
};

/* Each is a source of its own: one that had more than its share would be refused. */
static void visit_few(struct few_counts *counts, const char *address, unsigned number)
{
    int fd = origin_try(address, origin_source(number));
    unsigned long now, most;
    char line[16] = "";

    if (fd < 0 || read(fd, line, sizeof line - 1) != 8 || strcmp(line, "waiting\n") != 0) {
        atomic_fetch_add(&counts->failed, 1);
    } else {
        now = (unsigned long)atomic_fetch_add(&counts->now, 1) + 1;
        most = atomic_load(&counts->most);
        while (now > most && !atomic_compare_exchange_weak(&counts->most, &most, now))
            continue;
        usleep(500); /* so that there are some at once */
        atomic_fetch_sub(&counts->now, 1);
        atomic_fetch_add(&counts->served, 1);
    }
    if (fd >= 0)
        close(fd);
}

static void few_begin(struct few *few, const char *address)
{
    few->counts = mmap(NULL, sizeof *few->counts, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(few->counts != MAP_FAILED);
    fflush(NULL);
    for (unsigned i = 0; i < LIMITED; i++) {
        few->pids[i] = fork();
        if (few->pids[i] == 0) {
            alarm(SECONDS);
            signal(SIGALRM, SIG_DFL);
            while (!atomic_load(&few->counts->over))
                visit_few(few->counts, address, i);
            _exit(0);
        }
    }
}

static void few_end(struct few *few)
{
    int status;

    atomic_store(&few->counts->over, true);
    for (int i = 0; i < LIMITED; i++) {
        assert_int_equal(waitpid(few->pids[i], &status, 0), few->pids[i]);
        assert_int_equal(status, 0);
    }
}

/* ---- Sessions that last --------------------------------------------------------------------- */

static void talk(int fd, int number)
{
    char line[32];

    snprintf(line, sizeof line, "line %d\n", number);
    client_say(fd, line);
    line[strlen(line) - 1] = '\0';
    assert_string_equal(client_hear_line(fd), line);
}

/* ---- What the daemon is put through --------------------------------------------------------- */

struct figures {
    unsigned long reloads, wrong, upgrades, launchers_killed;
    long long paused_ms, most_paused_ms; /* by upgrades */
};

static void reload(struct daemon *daemon, struct figures *figures)
{
    struct setup setup = {.defaults = MANY};
    bool wrong = ++figures->reloads % WRONG_EVERY == 0, done;
    const json_t *result;

    setup.services = wrong ? BASE "wrong: { listen = 'nonsense'; };\n"
                           : turns[figures->reloads % COUNT(turns)];
    daemon_configure(daemon, &setup);
    result = control_result(daemon, "{'command': 'reload'}");
    done = json_is_true(json_object_get(result, "reloaded"));
    if (done == wrong)
        fail_msg("reload %lu: %s", figures->reloads, json_dumps(result, 0));
    figures->wrong += wrong;
    if (wrong) {
        setup.services = turns[0];
        daemon_configure(daemon, &setup);
    }
}

static void upgrade(struct daemon *daemon, struct figures *figures)
{
    json_t *result = control_result(daemon, "{'command': 'upgrade'}");
    long long paused;

    if (!json_is_true(json_object_get(result, "upgraded")))
        fail_msg("upgrade %lu: %s", figures->upgrades, json_dumps(result, 0));
    paused = control_number(result, "paused_ms");
    figures->upgrades++;
    figures->paused_ms += paused;
    if (paused > figures->most_paused_ms)
        figures->most_paused_ms = paused;
}

/* A launcher may die with a connection in its hands; its client is the only one who may notice. */
static void kill_launcher(struct daemon *daemon, struct figures *figures)
{
    pid_t pids[32];

    if (daemon_launchers(daemon, pids, COUNT(pids)) > 0 && kill(pids[0], SIGKILL) == 0)
        figures->launchers_killed++;
}

static void kill_handler(struct daemon *daemon, int session)
{
    json_t *rows = control_result(daemon, "{'command': 'instances', 'service': 'long'}");
    pid_t pid = (pid_t)control_number(rows, "instances.0.pid");

    assert_int_equal(kill(pid, SIGKILL), 0);
    client_expect_closed(session);
}

/* ---- The log -------------------------------------------------------------------------------- */

struct ledger {
    unsigned char *seen; /* by instance: 1: admitted, 2: ended */
    size_t size;
    unsigned long admitted, ended, launch_failed, over_limit;
};

static long number_in(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static void enter_event(struct ledger *ledger, const char *line)
{
    long id = number_in(line, "\"instance\":");
    bool admit = strstr(line, "\"event\":\"admit\"");

    if (id < 0 || (!admit && !strstr(line, "\"event\":\"end\"")))
        return;
    while ((size_t)id >= ledger->size) {
        ledger->seen = realloc(ledger->seen, ledger->size + 65536);
        assert_non_null(ledger->seen);
        memset(ledger->seen + ledger->size, 0, 65536);
        ledger->size += 65536;
    }
    if (admit) {
        assert_int_equal(ledger->seen[id], 0);
        ledger->seen[id] = 1;
        ledger->admitted++;
        ledger->over_limit += number_in(line, "\"live\":") > number_in(line, "\"limit\":");
    } else if (strstr(line, "\"outcome\":\"launch-failed\"")) {
        ledger->launch_failed++;
    } else {
        assert_int_equal(ledger->seen[id], 1); /* each once, after its admit */
        ledger->seen[id] = 2;
        ledger->ended++;
    }
}

static struct ledger read_ledger(const struct daemon *daemon)
{
    FILE *file = fopen(daemon->log, "re");
    struct ledger ledger = {0};
    char *line = NULL;
    size_t size = 0;

    assert_non_null(file);
    while (getline(&line, &size, file) > 0)
        enter_event(&ledger, line);
    free(line);
    free(ledger.seen);
    fclose(file);
    return ledger;
}

/* What a passing test says is seen by nobody, so the figures go into a file, where one is named. */
static void report(const struct figures *figures, const struct crowd *crowd, const struct few *few,
                   const struct ledger *ledger, unsigned long served, unsigned long failed)
{
    const char *path = getenv("SOAK_FIGURES");
    FILE *file = path ? fopen(path, "ae") : stderr;

    assert_non_null(file);
    fprintf(file,
            "%lu connections of %d clients, %lu of %d limited ones (at most %lu at once), %lu "
            "failed, slowest %.1f ms; %lu reloads (%lu wrong); %lu upgrades (clients waited %.1f "
            "ms, %lld at most); %lu launchers killed, %lu launches lost with them\n",
            served, CLIENTS, atomic_load(&few->counts->served), LIMITED,
            atomic_load(&few->counts->most), failed + atomic_load(&few->counts->failed),
            (double)crowd->slowest_us / 1000, figures->reloads, figures->wrong, figures->upgrades,
            (double)figures->paused_ms / (double)figures->upgrades, figures->most_paused_ms,
            figures->launchers_killed, ledger->launch_failed);
    if (path)
        assert_int_equal(fclose(file), 0);
}

/* ---- All at once ---------------------------------------------------------------------------- */

static void soak(unsigned long reloads)
{
    struct daemon *daemon = daemon_start(&(struct setup){.services = turns[0], .defaults = MANY});
    struct figures figures = {0};
    int sessions[SESSIONS], victim;
    unsigned long served, failed;
    struct ledger ledger;
    struct crowd crowd;
    char why[128];
    struct few few;

    victim = daemon_dial(daemon, "long");
    talk(victim, 0);
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = daemon_dial(daemon, "long");
        talk(sessions[i], i);
    }
    few_begin(&few, daemon_address(daemon, "few", 0));
    crowd_begin_for(&crowd, daemon_address(daemon, "cat", 0), CLIENTS, SECONDS);
    for (unsigned long i = 1; i <= reloads; i++) {
        reload(daemon, &figures);
        talk(sessions[i % SESSIONS], (int)i);
        if (i % UPGRADE_EVERY == 0)
            upgrade(daemon, &figures);
        if (i % (reloads / 4) == reloads / 8)
            kill_launcher(daemon, &figures);
        if (i == reloads / 2)
            kill_handler(daemon, victim);
    }
    served = crowd_end_with(&crowd, &failed, why);
    few_end(&few);
    for (int i = 0; i < SESSIONS; i++) {
        talk(sessions[i], -i);
        close(sessions[i]);
    }
    close(victim);
    daemon_configure(daemon, &(struct setup){.services = turns[0], .defaults = MANY});
    control_result(daemon, "{'command': 'reload'}");
    daemon_expect_quiet(daemon); /* no child, and the descriptors of the beginning */
    ledger = read_ledger(daemon);
    report(&figures, &crowd, &few, &ledger, served, failed);
    if (failed + atomic_load(&few.counts->failed) > ledger.launch_failed)
        fail_msg("%lu clients were not served, and %lu of %d limited ones; the first: %s", failed,
                 atomic_load(&few.counts->failed), LIMITED, why);
    assert_in_range(ledger.launch_failed, 0, figures.launchers_killed);
    assert_int_equal(ledger.admitted, ledger.ended);
    assert_int_equal(ledger.admitted, served + atomic_load(&few.counts->served) + SESSIONS + 1);
    assert_int_equal(ledger.over_limit, 0);
    assert_in_range(atomic_load(&few.counts->most), 1, LIMIT);
    assert_in_range(figures.launchers_killed, 1, 4);
    daemon_stop(daemon);
}

static void reloads_and_upgrades__clients_without_a_pause__nobody_notices(void)
{
    const char *size = getenv("SOAK");

    soak(size && strcmp(size, "full") == 0 ? 200 : 40);
}

static const struct e2e_case cases[] = {
    {.name = "reloads_and_upgrades__clients_without_a_pause__nobody_notices",
     .run = reloads_and_upgrades__clients_without_a_pause__nobody_notices,
     .seconds = SECONDS},
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
