/*
 * bank-teller and the client bank: two banks of this host, each a ledger, a teller and an interbank
 * teller.
 */
#include "bank_house.h"
#include "serve.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

static char output[HOUSE_OUTPUT_SIZE];

struct branch {
    pid_t pid;
    uint16_t ledger, teller, interbank;
};

static struct branch north, south;
static char texts[16][64];

/* "127.0.0.1:port", with "bank=" before it if there is one. */
static const char *address_text(const char *bank, uint16_t port)
{
    static unsigned next;
    char *text = texts[next++ % 16];

    snprintf(text, sizeof texts[0], "%s%s127.0.0.1:%u", bank ? bank : "", bank ? "=" : "", port);
    return text;
}

static void start_branch(struct branch *branch, int fds[3], const char *bank, const char *peer)
{
    const struct serve_service services[] = {
        {"ledger",
         fds[0],
         {serve_program("bank/bank-ledger"), "--bank", bank, "--database", house_database(bank)}},
        {"teller",
         fds[1],
         {serve_program("bank/bank-teller"), "--bank", bank, "--ledger",
          address_text(NULL, branch->ledger), "--peer", peer, "--cash", "--timeout", "2s", "--line",
          "500ms"}},
        {"interbank",
         fds[2],
         {serve_program("bank/bank-teller"), "--bank", bank, "--ledger",
          address_text(NULL, branch->ledger), "--peer", peer, "--interbank", "--timeout", "1s"}},
    };

    branch->pid = serve_start(house_directory, services, 3);
}

static void open_ports(struct branch *branch, int fds[3])
{
    branch->ledger = branch->teller = branch->interbank = 0;
    fds[0] = serve_listen("127.0.0.1", &branch->ledger);
    fds[1] = serve_listen("127.0.0.1", &branch->teller);
    fds[2] = serve_listen("127.0.0.1", &branch->interbank);
}

static int setup_branches(void **state)
{
    int north_fds[3], south_fds[3];

    if (house_setup(state) != 0)
        return -1;
    open_ports(&north, north_fds);
    open_ports(&south, south_fds);
    start_branch(&north, north_fds, "north", address_text("south", south.interbank));
    start_branch(&south, south_fds, "south", address_text("north", north.interbank));
    return 0;
}

static int teardown_branches(void **state)
{
    serve_stop(north.pid);
    serve_stop(south.pid);
    return house_teardown(state);
}

/* Run the client; words are parted by blanks. Returns its exit status. */
static int run_bank(uint16_t port, const char *words)
{
    const char *argv[16] = {serve_program("bank/bank"), "-s", address_text(NULL, port), "-t", "5s"};
    char copy[256], *rest;
    int count = 5;

    snprintf(copy, sizeof copy, "%s", words);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[count++] = word;
    argv[count] = NULL;
    return serve_command(house_directory, argv, output, sizeof output, PATIENCE_MS);
}

static const char *ask_port(uint16_t port, const char *input)
{
    int fd = serve_connect("127.0.0.1", port);
    char *feed;

    assert_true(serve_send(fd, input, strlen(input)));
    shutdown(fd, SHUT_WR);
    assert_true(serve_read(fd, NULL, output, sizeof output, PATIENCE_MS) > 0);
    close(fd);
    feed = strchr(output, '\n');
    assert_non_null(feed);
    return feed + 1;
}

static void bank__a_day_at_two_banks__right_answers(void **state)
{
    (void)state;
    assert_int_equal(run_bank(north.teller, "open alice 100"), 0);
    assert_string_equal(output, "opened north/alice\n");
    assert_int_equal(run_bank(south.teller, "open bob"), 0);
    assert_int_equal(run_bank(north.teller, "-i t1 transfer alice south/bob 12.34"), 0);
    assert_string_equal(output, "done t1\n");
    assert_int_equal(run_bank(north.teller, "-i t1 transfer alice south/bob 12.34"), 0);
    assert_int_equal(run_bank(north.teller, "balance alice"), 0);
    assert_string_equal(output, "87.66\n");
    assert_int_equal(run_bank(north.teller, "balance south/bob"), 0); /* through both */
    assert_string_equal(output, "12.34\n");
    assert_int_equal(run_bank(south.teller, "statement bob"), 0);
    assert_non_null(strstr(output, "         12.34          12.34  transfer north/alice t1\n"));

    assert_int_equal(run_bank(north.teller, "-i t2 transfer alice south/nobody 1"), 1);
    assert_int_equal(run_bank(north.teller, "-i t2 transfer alice south/nobody 1"), 1);
    assert_int_equal(run_bank(north.teller, "balance alice"), 0);
    assert_string_equal(output, "87.66\n"); /* it came back */
    assert_int_equal(run_bank(north.teller, "statement -n 2 alice"), 0);
    assert_non_null(strstr(output, "return   south/nobody t2\n"));
    assert_int_equal(run_bank(north.teller, "transfer alice south/bob 87.67"), 1);
    assert_int_equal(run_bank(north.teller, "transfer alice west/bob 1"), 1);
    assert_int_equal(run_bank(north.teller, "transfer south/bob alice 1"), 1);
    assert_int_equal(run_bank(north.teller, "balance nobody"), 1);
    assert_int_equal(run_bank(north.teller, "transfer alice bob -1"), EX_USAGE);
    assert_int_equal(run_bank(north.teller, "transfer alice bob 0"), EX_USAGE);
    assert_int_equal(run_bank(north.teller, "balance Alice!"), EX_USAGE);
    assert_int_equal(run_bank(north.teller, "steal alice"), EX_USAGE);
}

static void teller__wrong_door__denied(void **state)
{
    (void)state;
    assert_string_equal(ask_port(north.teller, "1 PING\n2 CREDIT south/b north/a 1\n3 SETTLE\n"
                                               "4 RETURN funds\n5 PENDING 1 0\n"
                                               "6 STATEMENT south/b 1 0\n"),
                        "1 OK\n2 ERR denied only banks credit\n3 ERR denied this is the ledger's\n"
                        "4 ERR denied this is the ledger's\n5 ERR denied this is the ledger's\n"
                        "6 ERR not-ours this is north\n");
    assert_string_equal(ask_port(north.interbank, "1 PING\n2 OPEN north/a 1\n"
                                                  "3 TRANSFER north/a north/b 1\n"
                                                  "4 BALANCE south/b\n5 CREDIT west/b north/a 1\n"
                                                  "6 STATEMENT north/a 1 0\n"),
                        "1 OK\n2 ERR denied cash is paid in at the counter\n"
                        "3 ERR denied this is for banks alone\n4 ERR not-ours this is north\n"
                        "5 ERR no-bank west is not known here\n"
                        "6 ERR denied this is for banks alone\n");
}

/* A listener that nobody serves: connections come about, and then nothing. */
static void bank__silent_teller__no_longer_than_told(void **state)
{
    uint16_t port = 0;
    int fd = serve_listen("127.0.0.1", &port);
    const char *argv[] = {serve_program("bank/bank"),
                          "-s",
                          address_text(NULL, port),
                          "-t",
                          "400ms",
                          "balance",
                          "north/alice",
                          NULL};
    const char *teller[] = {serve_program("bank/bank-teller"), "--bank",    "north", "--ledger",
                            address_text(NULL, port),          "--timeout", "400ms", NULL};
    pid_t pid;
    int teller_fd;

    (void)state;
    assert_int_equal(serve_command(house_directory, argv, output, sizeof output, 3000),
                     EX_UNAVAILABLE);
    /* The same behind a teller: it says so itself. */
    teller_fd = serve_spawn(house_directory, teller, &pid);
    assert_true(serve_send(teller_fd, "1 BALANCE north/alice\n", 22));
    assert_true(serve_read(teller_fd, "1 ERR unavailable north: no answer in time\n", output,
                           sizeof output, 3000) > 0);
    close(teller_fd);
    assert_int_equal(serve_wait(pid, PATIENCE_MS), 0);
    close(fd);
    /* And one that refuses connections, and one without a name. */
    assert_int_equal(serve_command(house_directory, argv, output, sizeof output, 3000),
                     EX_UNAVAILABLE);
    argv[2] = "no-such-host.invalid:1";
    assert_int_equal(serve_command(house_directory, argv, output, sizeof output, 3000),
                     EX_UNAVAILABLE);
}

/* The peer is down: pending, then settled by --settle when it is back, by any number at once. */
static void teller__peer_down__pending_then_settled_once(void **state)
{
    uint16_t dead = 0;
    int fd = serve_listen("127.0.0.1", &dead);
    const char *peer = address_text("south", dead);
    const char *teller[] = {serve_program("bank/bank-teller"),
                            "--bank",
                            "north",
                            "--ledger",
                            address_text(NULL, north.ledger),
                            "--peer",
                            peer,
                            "--timeout",
                            "300ms",
                            NULL};
    const char *settle[] = {serve_program("bank/bank-teller"),
                            "--bank",
                            "north",
                            "--ledger",
                            address_text(NULL, north.ledger),
                            "--peer",
                            peer,
                            "--settle",
                            "--timeout",
                            "500ms",
                            NULL};
    pid_t pid, settlers[4];
    int settler_fds[4];

    (void)state;
    close(fd);
    assert_int_equal(run_bank(north.teller, "open alice 100"), 0);
    assert_int_equal(run_bank(south.teller, "open bob"), 0);
    fd = serve_spawn(house_directory, teller, &pid);
    assert_true(serve_send(fd, "t TRANSFER north/alice south/bob 100\n", 37));
    assert_true(serve_read(fd, "t OK pending\n", output, sizeof output, PATIENCE_MS) > 0);
    assert_true(serve_send(fd, "u TRANSFER north/alice south/nobody 100\n", 40));
    assert_true(serve_read(fd, "u OK pending\n", output, sizeof output, PATIENCE_MS) > 0);
    close(fd);
    assert_int_equal(serve_wait(pid, PATIENCE_MS), 0);
    assert_int_equal(serve_command(house_directory, settle, output, sizeof output, PATIENCE_MS),
                     EX_TEMPFAIL);
    assert_string_equal(output, "settled 0, returned 0, still pending 2\n");
    /* An address where another bank answers is as good as none. */
    settle[6] = address_text("south", north.interbank);
    assert_int_equal(serve_command(house_directory, settle, output, sizeof output, PATIENCE_MS),
                     EX_TEMPFAIL);
    settle[6] = address_text("south", south.interbank);
    for (int i = 0; i < 4; i++)
        settler_fds[i] = serve_spawn(house_directory, settle, &settlers[i]);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(serve_wait(settlers[i], PATIENCE_MS), 0);
        close(settler_fds[i]);
    }
    assert_string_equal(ask_port(north.ledger, "1 PENDING 9 0\n2 BALANCE north/alice\n"),
                        "1 OK 0\n2 OK 9900\n");
    assert_string_equal(ask_port(south.ledger, "1 BALANCE south/bob\n"), "1 OK 100\n");
}

/* Ids make a second address safe: the first one takes connections and never answers. */
static void teller__first_ledger_silent__second_asked(void **state)
{
    uint16_t dead = 0;
    int silent = serve_listen("127.0.0.1", &dead);
    const char *teller[] = {serve_program("bank/bank-teller"),
                            "--bank",
                            "north",
                            "--ledger",
                            address_text(NULL, dead),
                            "--ledger",
                            address_text(NULL, north.ledger),
                            "--timeout",
                            "2s",
                            NULL};
    pid_t pid;
    int fd = serve_spawn(house_directory, teller, &pid);

    (void)state;
    assert_true(serve_send(fd, "1 BALANCE north/nobody\n", 23));
    assert_true(serve_read(fd, "1 NO no-account", output, sizeof output, PATIENCE_MS) > 0);
    close(fd);
    close(silent);
    assert_int_equal(serve_wait(pid, PATIENCE_MS), 0);
}

#define BRANCHES_TEST(name) cmocka_unit_test_setup_teardown(name, setup_branches, teardown_branches)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BRANCHES_TEST(bank__a_day_at_two_banks__right_answers),
        BRANCHES_TEST(teller__wrong_door__denied),
        BRANCHES_TEST(bank__silent_teller__no_longer_than_told),
        BRANCHES_TEST(teller__peer_down__pending_then_settled_once),
        BRANCHES_TEST(teller__first_ledger_silent__second_asked),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
