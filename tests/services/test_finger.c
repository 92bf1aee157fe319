/* services/finger: what it tells, what it does not tell, and that no request or file harms it. */
#include <config.h>

#include "handler_files.h"
#include "handler_run.h"

#include "../../services/finger_request.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define ADA "Login: ada                              Name: Ada Lovelace\r\n"

static char answer[300000];
/* Tests may run as root, whose uid is below the usual bound. */
static const char *const finger_argv[] = {"finger", "-U", "0", "-P", "passwd", NULL};

static size_t finger(const void *request, size_t length)
{
    return handler_exchange(finger_argv, NULL, request, length, answer, sizeof answer);
}

static void expect(const char *request, const char *expected)
{
    finger(request, strlen(request));
    assert_string_equal(answer, expected);
}

static int make_homes(void **state)
{
    static const char *const names[] = {"ada", "bob", "eve", NULL};

    (void)state;
    files_make();
    files_people(names);
    files_directory("ada", 0755);
    files_text("ada/.project", "The Engine\r\nsecond line\n");
    files_text("ada/.plan", "To compute.\n\tAll day");
    files_directory("bob", 0755);
    files_directory("eve", 0755);
    files_text("eve/.nofinger", "");
    files_text("eve/.plan", "hidden\n");
    return 0;
}

static int remove_homes(void **state)
{
    (void)state;
    files_remove();
    return 0;
}

static void finger_request_parse__all_forms__are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum finger_kind kind;
        bool verbose;
        const char *user;
    } cases[] = {
        {"", FINGER_LIST, false, ""},
        {"   ", FINGER_LIST, false, ""},
        {"/W", FINGER_LIST, true, ""},
        {"/W  ", FINGER_LIST, true, ""},
        {"ada", FINGER_USER, false, "ada"},
        {"  ada ", FINGER_USER, false, "ada"},
        {"/W ada", FINGER_USER, true, "ada"},
        {"/w   ada", FINGER_USER, true, "ada"},
        {"/Wada", FINGER_USER, false, "/Wada"},
        {"ada lovelace", FINGER_USER, false, "ada lovelace"},
        {"@host", FINGER_FORWARD, false, ""},
        {"ada@host@host", FINGER_FORWARD, false, ""},
        {"/W ada@host", FINGER_FORWARD, true, ""},
        {"a\tb", FINGER_BAD, false, ""},
        {"a\177", FINGER_BAD, false, ""},
        {"\303\244da", FINGER_BAD, false, ""},
        {"a234567890123456789012345678901234567890123456789012345678901234", FINGER_USER, false,
         "a234567890123456789012345678901234567890123456789012345678901234"},
        {"a2345678901234567890123456789012345678901234567890123456789012345", FINGER_BAD, false,
         ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct finger_request r = finger_request_parse(cases[i].line, strlen(cases[i].line));
        assert_int_equal(r.kind, cases[i].kind);
        assert_int_equal(r.verbose, cases[i].verbose);
        assert_string_equal(r.user, cases[i].user);
    }
    assert_int_equal(finger_request_parse("a\0b", 3).kind, FINGER_BAD);
}

static void finger_clean__bytes_of_all_kinds__only_harmless_ones_left(void **state)
{
    (void)state;
    static const struct {
        const char *in, *ascii, *utf8;
    } cases[] = {
        {"a\nb\r\nc\rd\n", "a\r\nb\r\nc?d\r\n", "a\r\nb\r\nc?d\r\n"},
        {"\t\033[31m\177\a", "\t?[31m??", "\t?[31m??"},
        {"\303\251", "??", "\303\251"},                   /* e with acute */
        {"\342\202\254", "???", "\342\202\254"},          /* euro */
        {"\360\237\230\200", "????", "\360\237\230\200"}, /* beyond 16 bits */
        {"\302\233", "??", "??"},                         /* CSI as one character */
        {"\302\240", "??", "\302\240"},
        {"\300\257", "??", "??"},             /* too long for '/' */
        {"\340\237\277", "???", "???"},       /* too long */
        {"\355\240\200", "???", "???"},       /* a surrogate */
        {"\364\220\200\200", "????", "????"}, /* beyond Unicode */
        {"\303", "?", "?"},
        {"\342\202x", "??x", "??x"},
        {"\377\200", "??", "??"},
    };
    char out[64];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        out[finger_clean(cases[i].in, strlen(cases[i].in), false, out)] = '\0';
        assert_string_equal(out, cases[i].ascii);
        out[finger_clean(cases[i].in, strlen(cases[i].in), true, out)] = '\0';
        assert_string_equal(out, cases[i].utf8);
    }
}

static void finger__user__name_project_and_plan(void **state)
{
    (void)state;
    static const char told[] = ADA "Project: The Engine\r\nPlan:\r\nTo compute.\r\n\tAll day\r\n";

    expect("ada\r\n", told);
    expect("ada\n", told);
    expect("ada", told); /* ended by the client's end */
    expect(" ada \r\nbob\r\n", told);
    expect("bob\r\n", "Login: bob                              Name: Bob Lovelace\r\nNo Plan.\r\n");
}

static void finger__verbose__directory_and_shell_too(void **state)
{
    (void)state;
    char expected[500], directory[200];

    assert_non_null(getcwd(directory, sizeof directory));
    snprintf(expected, sizeof expected,
             ADA "Directory: %s/ada\r\nShell: /bin/sh\r\nProject: The Engine\r\n", directory);
    finger("/W ada\r\n", 8);
    assert_int_equal(strncmp(answer, expected, strlen(expected)), 0);
}

static void finger__nobody_to_be_shown__no_such_user(void **state)
{
    (void)state;
    static const char *const bound_argv[] = {"finger", "-U", "4000000000", "-P", "passwd", NULL};

    expect("nobody-here\r\n", "finger: nobody-here: no such user\r\n");
    expect("eve\r\n", "finger: eve: no such user\r\n");
    expect("ada lovelace\r\n", "finger: ada lovelace: no such user\r\n");
    expect("../ada\r\n", "finger: ../ada: no such user\r\n");
    expect("-l\r\n", "finger: -l: no such user\r\n");
    expect("%s%n\r\n", "finger: %s%n: no such user\r\n");
    handler_exchange(bound_argv, NULL, "ada\r\n", 5, answer, sizeof answer);
    assert_string_equal(answer, "finger: ada: no such user\r\n");
}

static void finger__host_account__is_found(void **state)
{
    (void)state;
    static const char *const argv[] = {"finger", "-U", "0", NULL};
    static const char *const usual_argv[] = {"finger", NULL};

    handler_exchange(argv, NULL, "root\r\n", 6, answer, sizeof answer);
    assert_int_equal(strncmp(answer, "Login: root  ", 13), 0);
    handler_exchange(usual_argv, NULL, "root\r\n", 6, answer, sizeof answer);
    assert_string_equal(answer, "finger: root: no such user\r\n");
}

static void finger__refused_requests__clear_text(void **state)
{
    (void)state;
    expect("ada@elsewhere.example\r\n", "Finger forwarding service denied.\r\n");
    expect("@elsewhere.example\r\n", "Finger forwarding service denied.\r\n");
    expect("\r\n", "Finger online user list denied.\r\n");
    expect("/W\r\n", "Finger online user list denied.\r\n");
}

static void finger__list_allowed__tells_who_is_logged_in(void **state)
{
    (void)state;
    static const char *const argv[] = {"finger", "-U", "0", "-P", "passwd", "-u", "utmp", NULL};
    struct utmpx entries[4] = {
        {.ut_type = USER_PROCESS, .ut_user = "ada", .ut_line = "pts/1", .ut_tv.tv_sec = 86400},
        {.ut_type = DEAD_PROCESS, .ut_user = "bob", .ut_line = "pts/2"},
        {.ut_type = USER_PROCESS, .ut_user = "eve", .ut_line = "pts/3"},
        {.ut_type = USER_PROCESS, .ut_user = "stranger", .ut_line = "pts/4"},
    };

    files_write("utmp", entries, sizeof entries, 0644);
    handler_exchange(argv, NULL, "\r\n", 2, answer, sizeof answer);
    assert_int_equal(strncmp(answer, "ada              Ada Lovelace  on pts/1 since 1970-01-0", 55),
                     0);
    assert_ptr_equal(strchr(answer, '\n'), strrchr(answer, '\n')); /* nobody else */
    files_write("utmp", entries + 1, sizeof entries - sizeof entries[0], 0644);
    handler_exchange(argv, NULL, "\r\n", 2, answer, sizeof answer);
    assert_string_equal(answer, "No one logged on.\r\n");
}

static void finger__plan_that_is_no_file_of_the_user__no_plan(void **state)
{
    (void)state;
    files_text("secret", "secret\n");
    unlink("ada/.project");
    for (int i = 0; i < 6; i++) {
        unlink("ada/.plan");
        rmdir("ada/.plan");
        if (i == 0)
            assert_int_equal(symlink("../secret", "ada/.plan"), 0);
        else if (i == 1)
            assert_int_equal(symlink("/dev/zero", "ada/.plan"), 0);
        else if (i == 2)
            assert_int_equal(mkfifo("ada/.plan", 0644), 0);
        else if (i == 3)
            files_directory("ada/.plan", 0755);
        else if (i == 4)
            files_write("ada/.plan", "secret\n", 7, 0640);
        else if (getuid() == 0) {
            files_text("ada/.plan", "secret\n");
            assert_int_equal(chown("ada/.plan", 12345, 12345), 0);
        }
        expect("ada\r\n", ADA "No Plan.\r\n");
    }
}

static void finger__huge_and_hostile_plan__cut_and_cleaned(void **state)
{
    (void)state;
    static char plan[200000];
    static const char *const wide_argv[] = {"finger", "-8", "-U", "0", "-P", "passwd", NULL};

    files_text("ada/.plan", "\033]0;title\a caf\303\251 \302\233");
    finger("ada\r\n", 5);
    assert_non_null(strstr(answer, "Plan:\r\n?]0;title? caf?? ??\r\n"));
    handler_exchange(wide_argv, NULL, "ada\r\n", 5, answer, sizeof answer);
    assert_non_null(strstr(answer, "Plan:\r\n?]0;title? caf\303\251 ??\r\n"));
    memset(plan, '\n', sizeof plan);
    files_write("ada/.plan", plan, sizeof plan, 0644);
    size_t length = finger("ada\r\n", 5);
    assert_true(length > 2 * 65536 && length < 2 * 65536 + 300);
    assert_non_null(strstr(answer, "(the rest is left out)\r\n"));
    files_write("ada/.plan", plan, 65536, 0644);
    finger("ada\r\n", 5);
    assert_null(strstr(answer, "(the rest is left out)"));
}

static void finger__hostile_requests__refused_and_quiet(void **state)
{
    (void)state;
    static char huge[4 << 20];
    static const char few[] = "Bad request: a line of at most 510 characters is expected.\r\n";
    static const char bad[] = "Bad request: the login name of one user is expected.\r\n";

    memset(huge, 'a', sizeof huge);
    finger(huge, 512);
    assert_string_equal(answer, few);
    finger(huge, 511); /* ends by the client's end: a line, but no name */
    assert_string_equal(answer, bad);
    /* What comes after the answer is read and dropped, so that the answer is not lost. */
    finger(huge, sizeof huge);
    assert_string_equal(answer, few);
    memset(huge, 0, sizeof huge);
    finger(huge, sizeof huge);
    assert_string_equal(answer, few);
    finger("ada\0bob\r\n", 9);
    assert_string_equal(answer, bad);
    finger("\377\373\001ada\r\n", 8); /* telnet negotiation */
    assert_string_equal(answer, bad);
    finger("", 0);
    assert_string_equal(answer, "");
}

static void finger__slow_bytes__answered_in_time_and_left_after_it(void **state)
{
    (void)state;
    static const char *const hasty_argv[] = {"finger", "-t", "1", NULL};
    static const char request[] = "bob\r\n";
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_serve(pair.server, finger_argv);
    struct timespec before, after;

    for (size_t i = 0; i < strlen(request); i++) {
        assert_false(handler_readable(pair.client, 20));
        handler_send(pair.client, request + i, 1);
    }
    handler_read_all(pair.client, answer, sizeof answer);
    assert_non_null(strstr(answer, "No Plan.\r\n"));
    close(pair.client);
    handler_end_quietly(&run);
    /* Bytes one by one buy no time: the second is for the whole line. */
    pair = handler_tcp_pair();
    clock_gettime(CLOCK_MONOTONIC, &before);
    run = handler_serve(pair.server, hasty_argv);
    while (!handler_readable(pair.client, 100))
        (void)!send(pair.client, "a", 1, MSG_NOSIGNAL);
    handler_end_quietly(&run);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert_in_range(after.tv_sec - before.tv_sec, 1, 20);
    close(pair.client);
}

static void finger__client_leaves_in_any_state__ends_quietly(void **state)
{
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct handler_pair pair = handler_tcp_pair();
        struct handler_run run = handler_serve(pair.server, finger_argv);
        if (round >= 2)
            handler_send(pair.client, "ada\r\n", round >= 4 ? 5 : 2);
        if (round % 2 == 0)
            handler_reset(pair.client);
        else
            close(pair.client);
        handler_end_quietly(&run);
    }
}

static void finger__wrong_options__status_2_and_why(void **state)
{
    (void)state;
    static const char *const wrong[][4] = {{"finger", "-x", NULL},
                                           {"finger", "operand", NULL},
                                           {"finger", "-U", "x", NULL},
                                           {"finger", "-t", "-1", NULL},
                                           {"finger", "-P", "/nowhere/at/all", NULL}};
    char messages[4096];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct handler_pair pair = handler_socketpair();
        struct handler_run run = handler_serve(pair.server, wrong[i]);
        assert_int_equal(handler_end(&run, messages, sizeof messages), 2);
        assert_true(strlen(messages) > 10);
        close(pair.client);
    }
    struct handler_run run = handler_serve(handler_bind(SOCK_DGRAM, "127.0.0.1", 0), finger_argv);
    assert_int_equal(handler_end(&run, messages, sizeof messages), 2);
    assert_non_null(strstr(messages, "datagram socket"));
}

#define HOMES(test) cmocka_unit_test_setup_teardown(test, make_homes, remove_homes)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finger_request_parse__all_forms__are_told_apart),
        cmocka_unit_test(finger_clean__bytes_of_all_kinds__only_harmless_ones_left),
        HOMES(finger__user__name_project_and_plan),
        HOMES(finger__verbose__directory_and_shell_too),
        HOMES(finger__nobody_to_be_shown__no_such_user),
        HOMES(finger__host_account__is_found),
        HOMES(finger__refused_requests__clear_text),
        HOMES(finger__list_allowed__tells_who_is_logged_in),
        HOMES(finger__plan_that_is_no_file_of_the_user__no_plan),
        HOMES(finger__huge_and_hostile_plan__cut_and_cleaned),
        HOMES(finger__hostile_requests__refused_and_quiet),
        HOMES(finger__slow_bytes__answered_in_time_and_left_after_it),
        HOMES(finger__client_leaves_in_any_state__ends_quietly),
        HOMES(finger__wrong_options__status_2_and_why),
    };

    return cmocka_run_group_tests_name("services/finger", tests, NULL, NULL);
}
