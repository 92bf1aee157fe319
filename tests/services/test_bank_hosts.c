/*
 * Two banks on two hosts and their customers on a third, while programs are killed and wires are cut
 * at random: thousands of transfers, and at the end the books of both banks against what the
 * customers were told. Needs root (network namespaces); skips otherwise.
 *
 * BANK_TEST_SEED repeats the random choices of a run (not its timing).
 */
#include "bank/link.h"
#include "bank_books.h"
#include "common/io.h"
#include "hosts.h"
#include "serve.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process with sanitizers takes ten times as long to start, and here it is mostly starting. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    CUSTOMERS = SANITIZED ? 6 : 20,
    LAST_ONE = CUSTOMERS, /* who comes when the others have gone */
    EACH_MOST = 400,      /* transfers of one customer */
    LAST_MOST = 4,        /* of the last one */
    ACCOUNTS = 8,         /* in each bank */
    DEPOSIT = 100000,
    RUN_MS = 25000,     /* no new transfer after that */
    PATIENCE_MS = 2500, /* a customer's deadline for one answer */
    SLACK_MS = 6000,    /* what a loaded machine may add */
    TRIES = 2,
    LEAST_DECIDED = SANITIZED ? 100 : 1000,
    LEAST_KILLED = 50,
    LEAST_CUT = 5,
};

enum outcome { NOT_ASKED, NOT_KNOWN, TOLD_PENDING, TOLD_DONE, TOLD_REFUSED, OUTCOME_MAX };

/* One transfer as a customer saw it; shared with the process that is the customer. */
struct record {
    struct bank_request request;
    enum outcome told;
    int slowest_ms;
    int tries;
};

static const char *const banks[2] = {"north", "south"};
static struct host hosts[2], town; /* the banks', the customers' */
static struct record (*records)[EACH_MOST];
static char directory[64];
static char files[2][128];
static int faults;

#define CHECK(condition, ...)                       \
    do {                                            \
        if (!(condition)) {                         \
            fprintf(stderr, "FAULT: " __VA_ARGS__); \
            fprintf(stderr, " [%s]\n", #condition); \
            faults++;                               \
        }                                           \
    } while (0)

enum {
    LEDGER_PORT = 7700,
    TELLER_PORT = 7701,
    INTERBANK_PORT = 7702
}; /* in namespaces of our own */

static const char *address_text(const char *bank, const char *address, int port)
{
    static char texts[8][128];
    static unsigned next;
    char *text = texts[next++ % 8];

    snprintf(text, sizeof texts[0], "%s%s%s:%d", bank, *bank ? "=" : "", address, port);
    return text;
}

/* -- The banks' hosts ------------------------------------------------------------------------------ */

static const char *peer_text(int which)
{
    return address_text(banks[!which], which ? "10.99.0.1" : "10.99.0.2", INTERBANK_PORT);
}

static void run_bank_host(const struct host *host)
{
    int which = host == &hosts[1];
    uint16_t ports[3] = {LEDGER_PORT, TELLER_PORT, INTERBANK_PORT};
    const char *ledger = address_text("", "127.0.0.1", LEDGER_PORT);
    const struct serve_service services[] = {
        {"ledger",
         serve_listen("127.0.0.1", &ports[0]),
         {serve_program("bank/bank-ledger"), "--bank", banks[which], "--database", files[which],
          "--busy", "500ms", "--idle", "5s", "--line", "2s"}},
        {"teller",
         serve_listen(host->address, &ports[1]),
         {serve_program("bank/bank-teller"), "--bank", banks[which], "--ledger", ledger, "--peer",
          peer_text(which), "--timeout", "1s", "--idle", "5s", "--line", "2s"}},
        {"interbank",
         serve_listen(host->address, &ports[2]),
         {serve_program("bank/bank-teller"), "--bank", banks[which], "--ledger", ledger, "--peer",
          peer_text(which), "--interbank", "--timeout", "600ms", "--idle", "5s", "--line", "2s"}},
    };

    serve_run(directory, services, 3);
}

static void run_nothing(const struct host *host)
{
    (void)host;
    pause();
}

static void open_books(int which)
{
    const char *argv[] = {serve_program("bank/bank-ledger"),
                          "--bank",
                          banks[which],
                          "--database",
                          files[which],
                          "--create",
                          NULL};
    char output[256];

    snprintf(files[which], sizeof files[which], "%s/%s.db", directory, banks[which]);
    if (serve_command(directory, argv, output, sizeof output, 10000) != 0) {
        fprintf(stderr, "cannot make %s\n", files[which]);
        exit(99);
    }
}

/* The customers' accounts, with cash that the teller would not take: straight to the ledger. */
static void open_accounts(int which)
{
    struct bank_link ledger;

    hosts_enter(&hosts[which]);
    bank_link_begin(&ledger, banks[which]);
    bank_link_add(&ledger, address_text("", "127.0.0.1", LEDGER_PORT));
    for (int i = 0; i < ACCOUNTS; i++) {
        struct bank_request request = {.verb = BANK_OPEN, .cents = DEPOSIT};
        struct bank_answer answer;

        strcpy(request.payer.bank, banks[which]);
        snprintf(request.payer.name, sizeof request.payer.name, "c%d", i);
        snprintf(request.id, sizeof request.id, "open-%d", i);
        bank_link_call(&ledger, &request, io_clock_ms() + 10000, NULL, NULL, &answer);
        CHECK(answer.kind == BANK_OK, "open: %s", answer.text);
    }
    bank_link_close(&ledger);
    hosts_leave();
}

/* Run the client as a person on the customers' host. */
static int run_client(const char *first, const char *second, const char *third, const char *fourth,
                      char *output, size_t size)
{
    const char *argv[] = {serve_program("bank/bank"),
                          "-t",
                          "5s",
                          "-s",
                          address_text("", hosts[0].address, TELLER_PORT),
                          first,
                          second,
                          third,
                          fourth,
                          NULL};
    int status;

    hosts_enter(&town);
    status = serve_command(directory, argv, output, size, 10000);
    hosts_leave();
    return status;
}

static void check_quiet_day(void)
{
    char output[256];

    CHECK(run_client("balance", "south/c0", NULL, NULL, output, sizeof output) == 0, "balance");
    CHECK(strcmp(output, "1000.00\n") == 0, "balance through both banks: %s", output);
    CHECK(run_client("transfer", "c0", "south/c0", "0.50", output, sizeof output) == 0, "transfer");
    CHECK(run_client("balance", "south/c0", NULL, NULL, output, sizeof output) == 0, "balance");
    CHECK(strcmp(output, "1000.50\n") == 0, "balance through both banks: %s", output);
}

/* -- The customers --------------------------------------------------------------------------------- */

static void choose_transfer(struct record *record, int customer, int number)
{
    struct bank_request *request = &record->request;
    int payer_bank = (int)(random() % 2), payee_bank = (int)(random() % 2);
    int payer = (int)(random() % ACCOUNTS), payee = (int)(random() % ACCOUNTS);

    if (payer_bank == payee_bank && payer == payee)
        payee = (payee + 1) % ACCOUNTS;
    request->verb = BANK_TRANSFER;
    snprintf(request->id, sizeof request->id, "t-%d-%d", customer, number);
    strcpy(request->payer.bank, banks[payer_bank]);
    strcpy(request->payee.bank, banks[payee_bank]);
    snprintf(request->payer.name, sizeof request->payer.name, "c%d", payer);
    /* Some payees do not exist, some amounts are more than there is. */
    snprintf(request->payee.name, sizeof request->payee.name, random() % 16 ? "c%d" : "x%d", payee);
    request->cents = random() % 32 ? 1 + random() % 20000 : DEPOSIT * 10 + 1;
}

static enum outcome outcome_of(const struct bank_answer *answer)
{
    if (answer->kind == BANK_NO)
        return TOLD_REFUSED;
    if (answer->kind != BANK_OK)
        return NOT_KNOWN;
    return strcmp(answer->text, "done") == 0 ? TOLD_DONE : TOLD_PENDING;
}

/* Ask once. What was told before as final must be told again. */
static void ask_once(struct record *record, struct bank_link *teller)
{
    int64_t start = io_clock_ms();
    struct bank_answer answer;
    enum outcome told;
    int took;

    bank_link_call(teller, &record->request, start + PATIENCE_MS, NULL, NULL, &answer);
    took = (int)(io_clock_ms() - start);
    told = outcome_of(&answer);
    record->tries++;
    if (took > record->slowest_ms)
        record->slowest_ms = took;
    if (record->told >= TOLD_DONE && told != NOT_KNOWN && told != record->told) {
        fprintf(stderr, "FAULT: %s: told two ends\n", record->request.id);
        _exit(1);
    }
    if (told > record->told)
        record->told = told;
}

static void ask_balance(struct bank_link *teller, const struct bank_account *account, int *slowest)
{
    struct bank_request request = {.id = "b", .verb = BANK_BALANCE, .payer = *account};
    int64_t start = io_clock_ms();
    struct bank_answer answer;

    bank_link_call(teller, &request, start + PATIENCE_MS, NULL, NULL, &answer);
    if (io_clock_ms() - start > *slowest)
        *slowest = (int)(io_clock_ms() - start);
}

static void be_customer(int customer, int64_t until)
{
    struct bank_link tellers[2];
    struct record *mine = records[customer];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    srandom((unsigned)(random() + customer));
    hosts_enter(&town);
    for (int i = 0; i < 2; i++) {
        bank_link_begin(&tellers[i], banks[i]);
        bank_link_add(&tellers[i], address_text("", hosts[i].address, TELLER_PORT));
    }
    for (int n = 0; n < EACH_MOST && io_clock_ms() < until; n++) {
        struct bank_link *teller;

        choose_transfer(&mine[n], customer, n);
        mine[n].told = NOT_KNOWN;
        teller = &tellers[strcmp(mine[n].request.payer.bank, banks[1]) == 0];
        while (mine[n].tries < TRIES && mine[n].told < TOLD_DONE)
            ask_once(&mine[n], teller);
        if (random() % 16 == 0) /* and sometimes again, for nothing */
            ask_once(&mine[n], teller);
        if (random() % 16 == 0)
            ask_balance(teller, &mine[n].request.payee, &mine[n].slowest_ms);
        if (random() % 8 == 0)
            bank_link_close(teller);
    }
    _exit(0);
}

/* -- Trouble --------------------------------------------------------------------------------------- */

static const char *handlers[3];

static void find_programs(void)
{
    static char paths[2][PATH_MAX];

    if (!realpath(serve_program("bank/bank-ledger"), paths[0]) ||
        !realpath(serve_program("bank/bank-teller"), paths[1]))
        exit(99);
    handlers[0] = paths[0];
    handlers[1] = paths[1];
}

static size_t instances(int which, pid_t *one)
{
    pid_t pids[512];
    size_t count = hosts_find(&hosts[which], handlers, pids, 512);

    if (count > 0 && one)
        *one = pids[(size_t)random() % count];
    return count;
}

static bool customers_left(pid_t customers[])
{
    bool left = false;

    for (int i = 0; i < CUSTOMERS; i++) {
        int status;

        if (customers[i] > 0 && waitpid(customers[i], &status, WNOHANG) == customers[i]) {
            CHECK(status == 0, "customer %d ended with status %x", i, (unsigned)status);
            customers[i] = 0;
        }
        left = left || customers[i] > 0;
    }
    return left;
}

/* Until the customers have gone: a kill every few hundredths of a second, a cut about every
 * second and a half. The first cut is the customers' own and outlasts their patience. */
static void make_trouble(pid_t customers[], int *killed, int *cut)
{
    struct host *const all[] = {&hosts[0], &hosts[1], &town};
    struct host *down = NULL;
    int64_t change_at = io_clock_ms() + 500;

    while (customers_left(customers)) {
        pid_t pid;

        if (instances((int)(random() % 2), &pid) > 0 && kill(pid, SIGKILL) == 0)
            ++*killed;
        if (io_clock_ms() >= change_at) {
            if (down) {
                hosts_connect(down, true);
                down = NULL;
            } else {
                down = *cut == 0 ? &town : all[random() % 3];
                hosts_connect(down, false);
                ++*cut;
            }
            change_at = io_clock_ms() + (!down       ? 500 + random() % 1500
                                         : *cut == 1 ? PATIENCE_MS + 1000
                                                     : 20 + random() % 300);
        }
        poll(NULL, 0, 20 + (int)(random() % 40));
    }
    if (down)
        hosts_connect(down, true);
}

/* Callers have gone, so every instance must end by itself. */
static void wait_for_instances(void)
{
    int64_t until = io_clock_ms() + 15000;

    while (instances(0, NULL) + instances(1, NULL) > 0 && io_clock_ms() < until)
        poll(NULL, 0, 20);
    CHECK(instances(0, NULL) + instances(1, NULL) == 0, "instances are left over");
}

/* Run bank-teller --settle; returns how many it settled. */
static int settle(int which)
{
    const char *argv[] = {serve_program("bank/bank-teller"),
                          "--bank",
                          banks[which],
                          "--ledger",
                          address_text("", "127.0.0.1", LEDGER_PORT),
                          "--peer",
                          peer_text(which),
                          "--settle",
                          NULL};
    char output[256];
    int settled = 0;

    hosts_enter(&hosts[which]);
    CHECK(serve_command(directory, argv, output, sizeof output, 30000) == 0, "settle %s: %s",
          banks[which], output);
    hosts_leave();
    printf("%s: %s", banks[which], output);
    CHECK(sscanf(output, "settled %d", &settled) == 1, "settle %s", banks[which]);
    return settled;
}

/* With south's wire out, transfers to it stay pending, whoever tries; they are for --settle. */
static void make_pending(void)
{
    struct bank_link teller;
    int payer = (int)books_number(
        0, "SELECT substr(name, 2) FROM account WHERE name LIKE 'c%' ORDER BY balance DESC LIMIT 1",
        NULL, NULL);

    hosts_connect(&hosts[1], false);
    hosts_enter(&town);
    bank_link_begin(&teller, banks[0]);
    bank_link_add(&teller, address_text("", hosts[0].address, TELLER_PORT));
    for (int i = 0; i < LAST_MOST; i++) {
        struct record *record = &records[LAST_ONE][i];

        record->told = NOT_KNOWN;
        record->request = (struct bank_request){.verb = BANK_TRANSFER,
                                                .payer = {.bank = "north"},
                                                .payee = {"south", "c0"},
                                                .cents = 1};
        snprintf(record->request.id, sizeof record->request.id, "last-%d", i);
        snprintf(record->request.payer.name, sizeof record->request.payer.name, "c%d", payer);
        ask_once(record, &teller);
        CHECK(record->told == TOLD_PENDING, "%s: told %d", record->request.id, (int)record->told);
    }
    bank_link_close(&teller);
    hosts_leave();
    wait_for_instances(); /* the teller's own tries to settle end before the wire is back */
    hosts_connect(&hosts[1], true);
}

/* -- Against the customers ------------------------------------------------------------------------- */

static int64_t expected[2][ACCOUNTS];

static void check_record(const struct record *record)
{
    const struct bank_request *request = &record->request;
    int payer_bank = strcmp(request->payer.bank, banks[1]) == 0;
    int payee_bank = strcmp(request->payee.bank, banks[1]) == 0;
    enum books_state ours = books_state(payer_bank, request);
    enum books_state theirs = payer_bank == payee_bank ? ours : books_state(payee_bank, request);

    CHECK(record->slowest_ms <= PATIENCE_MS + SLACK_MS, "%s: waited %d ms", request->id,
          record->slowest_ms);
    CHECK(ours != BOOKS_WRONG && theirs != BOOKS_WRONG, "%s: wrong in the books", request->id);
    CHECK((ours == BOOKS_DONE) == (theirs == BOOKS_DONE), "%s: done in one bank alone",
          request->id);
    if (record->told == TOLD_DONE)
        CHECK(ours == BOOKS_DONE, "%s: told done, is %d", request->id, (int)ours);
    if (record->told == TOLD_REFUSED)
        CHECK(ours == BOOKS_REFUSED || ours == BOOKS_RETURNED, "%s: told refused, is %d",
              request->id, (int)ours);
    if (record->told == TOLD_PENDING)
        CHECK(ours == BOOKS_DONE || ours == BOOKS_RETURNED, "%s: told pending, is %d", request->id,
              (int)ours);
    if (ours == BOOKS_DONE) {
        CHECK(request->payee.name[0] == 'c', "%s: paid to nobody", request->id);
        expected[payer_bank][atoi(request->payer.name + 1)] -= request->cents;
        expected[payee_bank][atoi(request->payee.name + 1)] += request->cents;
    }
}

static void check_books(int known)
{
    int64_t total = 0;

    for (int which = 0; which < 2; which++) {
        for (int i = 0; i < ACCOUNTS; i++) {
            char name[16];
            int64_t balance;

            snprintf(name, sizeof name, "c%d", i);
            balance = books_number(which, "SELECT balance FROM account WHERE name = ?", name, NULL);
            CHECK(balance == expected[which][i], "%s/%s has %lld instead of %lld", banks[which],
                  name, (long long)balance, (long long)expected[which][i]);
            total += balance;
        }
        CHECK(books_number(which, "SELECT sum(balance) FROM account", NULL, NULL) == 0, "%s: sum",
              banks[which]);
        CHECK(books_number(which, "SELECT count(*) FROM transfer WHERE state = 'pending'", NULL,
                           NULL) == 0,
              "%s: pending", banks[which]);
    }
    CHECK(total == (int64_t)2 * ACCOUNTS * DEPOSIT, "money made or lost: %lld", (long long)total);
    CHECK(books_number(0, "SELECT balance FROM account WHERE name = '@due-south'", NULL, NULL) +
                  books_number(1, "SELECT balance FROM account WHERE name = '@due-north'", NULL,
                               NULL) ==
              0,
          "the banks disagree on what they owe each other");
    /* Nothing in the books that nobody asked for; one transfer is from the quiet day. */
    CHECK(books_number(0, "SELECT count(*) FROM transfer WHERE request LIKE 'TRANSFER %'", NULL,
                       NULL) +
                  books_number(1, "SELECT count(*) FROM transfer WHERE request LIKE 'TRANSFER %'",
                               NULL, NULL) ==
              known + 1,
          "transfers that nobody asked for");
}

static void check_everything(int killed, int cut)
{
    int told[OUTCOME_MAX] = {0};
    int known = 0, slowest = 0, repeated = 0;

    for (int i = 0; i < ACCOUNTS; i++)
        expected[0][i] = expected[1][i] = DEPOSIT;
    expected[0][0] -= 50; /* the quiet day's */
    expected[1][0] += 50;
    for (int i = 0; i < (CUSTOMERS + 1) * EACH_MOST; i++) {
        const struct record *record = &records[i / EACH_MOST][i % EACH_MOST];

        told[record->told]++;
        if (record->told == NOT_ASKED)
            continue;
        check_record(record);
        known += books_state(strcmp(record->request.payer.bank, banks[1]) == 0, &record->request) !=
                 BOOKS_ABSENT;
        slowest = record->slowest_ms > slowest ? record->slowest_ms : slowest;
        repeated += record->tries > 1;
    }
    check_books(known);
    printf("told done %d, refused %d, pending %d, not known %d; repeated %d; slowest answer %d ms;"
           " killed %d, cut %d\n",
           told[TOLD_DONE], told[TOLD_REFUSED], told[TOLD_PENDING], told[NOT_KNOWN], repeated,
           slowest, killed, cut);
    CHECK(told[TOLD_DONE] + told[TOLD_REFUSED] >= LEAST_DECIDED, "too few for a proof");
    CHECK(killed >= LEAST_KILLED && cut >= LEAST_CUT, "too little trouble for a proof");
    books_close();
}

int main(void)
{
    const char *seed = getenv("BANK_TEST_SEED");
    const char *why = hosts_begin();
    pid_t customers[CUSTOMERS];
    int killed = 0, cut = 0;
    int64_t until;

    if (why) {
        printf("SKIP: %s\n", why);
        return 77;
    }
    if (SANITIZED) /* leaks are sought by test_bank, where a process may take its time to end */
        setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
    srandom(seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)getpid());
    records = mmap(NULL, sizeof *records * (CUSTOMERS + 1), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (records == MAP_FAILED)
        return 99;
    serve_make_directory(directory);
    find_programs();
    for (int i = 0; i < 2; i++)
        open_books(i);
    for (int i = 0; i < 2; i++)
        hosts_add(&hosts[i], i + 1, run_bank_host);
    hosts_add(&town, 3, run_nothing);
    for (int i = 0; i < 2; i++)
        open_accounts(i);
    check_quiet_day();

    fflush(stdout);
    until = io_clock_ms() + RUN_MS;
    for (int i = 0; i < CUSTOMERS; i++) {
        customers[i] = fork();
        if (customers[i] == 0)
            be_customer(i, until);
    }
    make_trouble(customers, &killed, &cut);
    wait_for_instances();
    books_open(0, files[0]);
    books_open(1, files[1]);
    make_pending();
    CHECK(settle(0) >= LAST_MOST, "settled too few");
    settle(1);
    check_everything(killed, cut);

    for (int i = 0; i < 2; i++)
        serve_stop(hosts[i].pid);
    kill(town.pid, SIGKILL);
    CHECK(serve_log_is_clean(directory), "a sanitizer spoke");
    if (faults == 0)
        serve_remove_directory(directory);
    else
        fprintf(stderr, "%d faults; the books and the log are in %s\n", faults, directory);
    return faults == 0 ? 0 : 1;
}
