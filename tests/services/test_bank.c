/*
 * bank-ledger: what the protocol promises, hostile callers, many at once, killed ones. Tellers and the
 * client are in test_bank_teller.c, two banks on separate hosts in test_bank_hosts.c.
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
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

static char output[HOUSE_OUTPUT_SIZE];

/* A ledger of north with some times; its end of the socket pair is returned. */
static int spawn_ledger(const char *idle, const char *line, pid_t *pid)
{
    const char *argv[] = {serve_program("bank/bank-ledger"),
                          "--bank",
                          "north",
                          "--database",
                          house_database("north"),
                          "--idle",
                          idle,
                          "--line",
                          line,
                          NULL};

    return serve_spawn(house_directory, argv, pid);
}

/* Send all of INPUT to a ledger, end our side, take all it says after its greeting. */
static const char *ask_ledger_size(const char *input, size_t size)
{
    static const char greeting[] = "BANK 1 ledger north\n";
    pid_t pid;
    int fd = spawn_ledger("10s", "10s", &pid);

    serve_send(fd, input, size);
    shutdown(fd, SHUT_WR);
    assert_true(serve_read(fd, NULL, output, sizeof output, PATIENCE_MS) >= 0);
    close(fd);
    assert_int_equal(serve_wait(pid, PATIENCE_MS), 0);
    assert_memory_equal(output, greeting, sizeof greeting - 1);
    return output + sizeof greeting - 1;
}

static const char *ask_ledger(const char *input)
{
    return ask_ledger_size(input, strlen(input));
}

static void ledger__each_verb__answered(void **state)
{
    (void)state;
    assert_string_equal(ask_ledger("1 PING\r\n"
                                   "2 OPEN north/alice 1000\n"
                                   "3 OPEN north/bob 0\n"
                                   "4 TRANSFER north/alice north/bob 300\n"
                                   "5 BALANCE north/alice\n"
                                   "6 BALANCE north/bob\n"
                                   "7 BALANCE south/bob\n"
                                   "8 BALANCE north/carol\n"
                                   "9 OPEN north/bob 5\n"
                                   "10 TRANSFER north/bob north/alice 301\n"
                                   "11 TRANSFER north/bob north/carol 1\n"
                                   "12 CREDIT north/bob north/alice 1\n"
                                   "13 SETTLE\n"
                                   "4 SETTLE\n"
                                   "14 FROB\n"),
                        "1 OK\n"
                        "2 OK\n"
                        "3 OK\n"
                        "4 OK done\n"
                        "5 OK 700\n"
                        "6 OK 300\n"
                        "7 ERR not-ours this is the ledger of north\n"
                        "8 NO no-account north has no such account\n"
                        "9 NO exists refused\n"
                        "10 NO funds refused\n"
                        "11 NO no-account refused\n"
                        "12 ERR not-ours this is the ledger of north\n"
                        "13 ERR unknown no such transfer to another bank\n"
                        "4 ERR unknown no such transfer to another bank\n"
                        "14 ERR syntax no such verb\n");
}

static void ledger__statement__newest_first_and_in_pages(void **state)
{
    char line[64];
    long long seq, time;

    (void)state;
    ask_ledger("o1 OPEN north/alice 1000\no2 OPEN north/bob 0\n"
               "t1 TRANSFER north/alice north/bob 1\nt2 TRANSFER north/bob north/alice 1\n");
    ask_ledger("s STATEMENT north/alice 2 0\n");
    assert_int_equal(
        sscanf(output, "%*[^\n]\ns MORE %lld %lld transfer north/bob 1 1000 t2\n", &seq, &time), 2);
    assert_non_null(strstr(output, " transfer north/bob -1 999 t1\ns OK 2\n"));
    snprintf(line, sizeof line, "s STATEMENT north/alice 9 %lld\n", seq - 3);
    ask_ledger(line);
    assert_non_null(strstr(output, " deposit cash 1000 1000 o1\ns OK 1\n"));
    assert_string_equal(ask_ledger("s STATEMENT north/x 1 0\n"),
                        "s NO no-account north has no such account\n");
}

static void ledger__same_id_again__done_once(void **state)
{
    (void)state;
    ask_ledger("o1 OPEN north/alice 1000\no2 OPEN north/bob 0\n");
    assert_string_equal(ask_ledger("t TRANSFER north/alice north/bob 10\n"
                                   "t TRANSFER north/alice north/bob 10\n"
                                   "o1 OPEN north/alice 1000\n"),
                        "t OK done\nt OK done\no1 OK\n");
    assert_string_equal(ask_ledger("t TRANSFER north/alice north/bob 10\n"
                                   "t TRANSFER north/alice north/bob 11\n"
                                   "o1 TRANSFER north/alice north/bob 10\n"
                                   "b BALANCE north/bob\n"),
                        "t OK done\n"
                        "t ERR id-reused the id is another request's\n"
                        "o1 ERR id-reused the id is another request's\n"
                        "b OK 10\n");
}

static void ledger__refused_id__stays_refused(void **state)
{
    (void)state;
    ask_ledger("o1 OPEN north/alice 5\no2 OPEN north/bob 100\n");
    assert_string_equal(ask_ledger("t TRANSFER north/alice north/bob 10\n"
                                   "u TRANSFER north/bob north/alice 50\n"
                                   "t TRANSFER north/alice north/bob 10\n"
                                   "v TRANSFER north/alice north/bob 10\n"),
                        "t NO funds refused\nu OK done\nt NO funds refused\nv OK done\n");
}

static void ledger__pending__settled_or_returned_once(void **state)
{
    (void)state;
    ask_ledger("o1 OPEN north/alice 1000\n");
    assert_string_equal(ask_ledger("a TRANSFER north/alice south/bob 10\n"
                                   "b TRANSFER north/alice south/bob 20\n"
                                   "p PENDING 9 0\n"
                                   "a SETTLE\na SETTLE\na RETURN limit\n"
                                   "b RETURN no-account\nb RETURN no-account\nb SETTLE\n"
                                   "a TRANSFER north/alice south/bob 10\n"
                                   "b TRANSFER north/alice south/bob 20\n"
                                   "p PENDING 9 0\n"
                                   "c BALANCE north/alice\n"),
                        "a OK pending\nb OK pending\n"
                        "p MORE 2 a north/alice south/bob 10\n"
                        "p MORE 3 b north/alice south/bob 20\n"
                        "p OK 2\n"
                        "a OK done\na OK done\na ERR state the transfer is done\n"
                        "b OK returned\nb OK returned\nb ERR state the transfer is returned\n"
                        "a OK done\nb NO no-account returned\n"
                        "p OK 0\n"
                        "c OK 990\n");
}

static void ledger__credit_again__once_and_by_origin(void **state)
{
    (void)state;
    ask_ledger("o1 OPEN north/alice 0\n");
    /* The same id from another bank, or of our own, is another transfer. */
    assert_string_equal(ask_ledger("x CREDIT south/bob north/alice 7\n"
                                   "x CREDIT south/bob north/alice 7\n"
                                   "x CREDIT west/bob north/alice 7\n"
                                   "x TRANSFER north/alice south/bob 4\n"
                                   "y CREDIT south/bob north/nobody 7\n"
                                   "z BALANCE north/alice\n"),
                        "x OK done\nx OK done\nx OK done\nx OK pending\n"
                        "y NO no-account refused\nz OK 10\n");
}

static void ledger__balance_at_its_bound__limit(void **state)
{
    static char input[1 << 16];
    size_t at = 0;
    const char *answers;

    (void)state;
    for (int i = 0; i <= 1001; i++)
        at += (size_t)snprintf(input + at, sizeof input - at, "o%d OPEN north/a%d 99999999999999\n",
                               i, i);
    answers = ask_ledger(input);
    /* 1000 x (10^14 - 1) is 1000 below 10^17, and cash must not pass it. */
    assert_non_null(strstr(answers, "o999 OK\no1000 NO limit refused\no1001 NO limit refused\n"));
    assert_string_equal(ask_ledger("b BALANCE north/a1000\n"),
                        "b NO no-account north has no such account\n");
}

static void ledger__hostile_bytes__bounded_and_answered(void **state)
{
    static char huge[1 << 20];
    const char *answers;
    int errors = 0;

    (void)state;
    memset(huge, 'x', sizeof huge);
    assert_string_equal(ask_ledger_size(huge, 512),
                        "- ERR too-long a line has at most 512 bytes\n");
    /* More than anyone reads: the handler hangs up, and what we still send is lost on the way. */
    {
        pid_t pid;
        int fd = spawn_ledger("10s", "10s", &pid);

        serve_send(fd, huge, sizeof huge);
        assert_int_equal(serve_wait(pid, PATIENCE_MS), 0);
        close(fd);
    }
    assert_string_equal(ask_ledger_size("1 PI\0NG\n2 PING\n", 15),
                        "- ERR syntax a request is ID VERB ARGUMENTS in printable ASCII parted by "
                        "single spaces\n2 OK\n");
    ask_ledger("o1 OPEN north/alice 1000\no2 OPEN north/bob 0\n");
    /* Cut off: 1 is not 100. */
    assert_string_equal(ask_ledger("t TRANSFER north/alice north/bob 1"), "");
    assert_string_equal(ask_ledger("b BALANCE north/alice\n"), "b OK 1000\n");
    memset(huge, '\n', 1000);
    answers = ask_ledger_size(huge, 1000);
    for (; (answers = strstr(answers, "- ERR syntax")); answers++)
        errors++;
    assert_int_equal(errors, 16);
}

static void ledger__slow_or_silent_caller__ended(void **state)
{
    pid_t silent, slow, deaf;
    int silent_fd = spawn_ledger("300ms", "10s", &silent);
    int slow_fd = spawn_ledger("60s", "300ms", &slow);
    int deaf_fd = spawn_ledger("60s", "300ms", &deaf);
    bool taken = true;

    (void)state;
    assert_int_equal(serve_wait(silent, PATIENCE_MS), 0);
    assert_true(serve_read(silent_fd, "- ERR idle", output, sizeof output, PATIENCE_MS) > 0);
    /* A byte now and then does not make a line. */
    while (taken && waitpid(slow, NULL, WNOHANG) == 0) {
        taken = serve_send(slow_fd, "x", 1);
        usleep(20000);
    }
    assert_true(serve_read(slow_fd, "- ERR idle", output, sizeof output, PATIENCE_MS) > 0);
    /* One who asks and asks and never reads. */
    while (serve_send(deaf_fd, "1 BALANCE north/nobody\n", 23))
        ;
    assert_int_equal(serve_wait(deaf, PATIENCE_MS), 0);
    close(silent_fd);
    close(slow_fd);
    close(deaf_fd);
}

static void ledger__wrong_file__refused(void **state)
{
    const char *argv[] = {serve_program("bank/bank-ledger"), "--bank", "north", "--database",
                          house_database("south"),           NULL};

    (void)state;
    assert_int_equal(house_ledger("north", "--create"), EX_CANTCREAT);
    assert_int_equal(serve_command(house_directory, argv, output, sizeof output, PATIENCE_MS),
                     EX_CONFIG);
    argv[4] = house_database("nowhere");
    assert_int_equal(serve_command(house_directory, argv, output, sizeof output, PATIENCE_MS),
                     EX_CONFIG);
    assert_int_equal(access(house_database("nowhere"), F_OK), -1);
    argv[2] = "No Bank";
    assert_int_equal(serve_command(house_directory, argv, output, sizeof output, PATIENCE_MS),
                     EX_USAGE);
}

static void ledger__many_instances_at_once__every_transfer_once(void **state)
{
    enum { INSTANCES = 8, EACH = 60 };
    int fds[INSTANCES];
    pid_t pids[INSTANCES];

    (void)state;
    ask_ledger("o1 OPEN north/alice 1000\no2 OPEN north/bob 0\n");
    for (int i = 0; i < INSTANCES; i++) {
        fds[i] = spawn_ledger("10s", "10s", &pids[i]);
        for (int j = 0; j < EACH; j++) {
            char line[128];

            /* Each id is asked for by two instances. */
            snprintf(line, sizeof line, "i%d-%d TRANSFER north/alice north/bob 1\n", i / 2, j);
            assert_true(serve_send(fds[i], line, strlen(line)));
        }
        shutdown(fds[i], SHUT_WR);
    }
    for (int i = 0; i < INSTANCES; i++) {
        int done = 0;

        assert_true(serve_read(fds[i], NULL, output, sizeof output, PATIENCE_MS) > 0);
        for (const char *at = output; (at = strstr(at, " OK done\n")); at++)
            done++;
        assert_int_equal(done, EACH);
        assert_int_equal(serve_wait(pids[i], PATIENCE_MS), 0);
        close(fds[i]);
    }
    assert_string_equal(ask_ledger("b BALANCE north/bob\n"), "b OK 240\n");
}

static void ledger__killed_in_the_middle__what_it_answered_is_kept(void **state)
{
    enum { ROUNDS = 30, EACH = 20 };
    int answered = 0;

    (void)state;
    ask_ledger("o1 OPEN north/alice 100000\no2 OPEN north/bob 0\n");
    for (int round = 0; round < ROUNDS; round++) {
        char line[128], wanted[32];
        pid_t pid;
        int fd = spawn_ledger("10s", "10s", &pid);

        for (int i = 0; i < EACH; i++) {
            snprintf(line, sizeof line, "r%d-%d TRANSFER north/alice north/bob 1\n", round, i);
            assert_true(serve_send(fd, line, strlen(line)));
        }
        /* Answers come in bunches; kill it somewhere behind one that differs from round to round. */
        snprintf(wanted, sizeof wanted, "r%d-%d OK done\n", round, round % EACH);
        assert_true(serve_read(fd, wanted, output, sizeof output, PATIENCE_MS) > 0);
        kill(pid, SIGKILL);
        serve_wait(pid, PATIENCE_MS);
        close(fd);
        for (const char *at = output; (at = strstr(at, " OK done\n")); at++)
            answered++;
    }
    ask_ledger("b BALANCE north/bob\n");
    {
        int balance = -1;

        assert_int_equal(sscanf(output, "%*[^\n]\nb OK %d", &balance), 1);
        assert_in_range(balance, answered, ROUNDS * EACH);
        assert_true(answered >= ROUNDS);
    }
    /* Asking for all of them again does the rest, and only the rest. */
    for (int round = 0; round < ROUNDS; round++) {
        static char input[EACH * 64];
        size_t at = 0;

        for (int i = 0; i < EACH; i++)
            at += (size_t)snprintf(input + at, sizeof input - at,
                                   "r%d-%d TRANSFER north/alice north/bob 1\n", round, i);
        assert_null(strstr(ask_ledger(input), "ERR"));
    }
    assert_string_equal(ask_ledger("b BALANCE north/bob\n"), "b OK 600\n");
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(ledger__each_verb__answered),
        LEDGER_TEST(ledger__statement__newest_first_and_in_pages),
        LEDGER_TEST(ledger__same_id_again__done_once),
        LEDGER_TEST(ledger__refused_id__stays_refused),
        LEDGER_TEST(ledger__pending__settled_or_returned_once),
        LEDGER_TEST(ledger__credit_again__once_and_by_origin),
        LEDGER_TEST(ledger__balance_at_its_bound__limit),
        LEDGER_TEST(ledger__hostile_bytes__bounded_and_answered),
        LEDGER_TEST(ledger__slow_or_silent_caller__ended),
        LEDGER_TEST(ledger__wrong_file__refused),
        LEDGER_TEST(ledger__many_instances_at_once__every_transfer_once),
        LEDGER_TEST(ledger__killed_in_the_middle__what_it_answered_is_kept),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
