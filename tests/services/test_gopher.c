/* services/gopher: menus, text and binaries, and that nothing outside of what is served comes out.
 */
#include <config.h>

#include "handler_files.h"
#include "handler_run.h"

#include "../../services/gopher_request.h"
#include "../../services/gopher_text.h"
#include "../../services/gopher_type.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define HERE "\thost.example\t7070\r\n"
#define INFO "\t\terror.host\t1\r\n"

static char answer[2 << 20];
static const char *const gopher_argv[] = {"gopher", "-n", "host.example", "-p",     "7070", "-u",
                                          "-U",     "0",  "-P",           "passwd", "top",  NULL};

static size_t gopher(const void *request, size_t length)
{
    return handler_exchange(gopher_argv, NULL, request, length, answer, sizeof answer);
}

static void expect(const char *request, const char *expected)
{
    gopher(request, strlen(request));
    assert_string_equal(answer, expected);
}

static void expect_error(const void *request, size_t length)
{
    gopher(request, length);
    if (answer[0] != '3' || strstr(answer, INFO ".\r\n") == NULL ||
        strstr(answer, "SECRET") != NULL)
        fail_msg("%.*s: %s", (int)length, (const char *)request, answer);
}

static int make_tree(void **state)
{
    static const char *const names[] = {"ada", "bob", "eve", NULL};

    (void)state;
    files_make();
    files_people(names);
    files_text("outside.txt", "SECRET\n");
    files_directory("top", 0755);
    files_text("top/a.txt", "one\ntwo\r\n\nend");
    files_text("top/Readme", "read me\n");
    files_write("top/data", "\0\1\2", 3, 0644);
    files_text("top/page.html", "<p>\n.</p>\n");
    files_text("top/pic.JPG", "");
    files_text("top/.hidden", "SECRET\n");
    files_write("top/private.txt", "SECRET\n", 7, 0640);
    files_text("top/tab\tname", "SECRET\n");
    files_text("top/~ada", "SECRET\n");
    files_directory("top/sub", 0755);
    files_text("top/sub/x.md", "x\n");
    files_directory("top/closed", 0700);
    files_text("top/closed/x.txt", "x\n");
    assert_int_equal(mkfifo("top/fifo", 0644), 0);
    assert_int_equal(symlink("sub/x.md", "top/inner"), 0);
    assert_int_equal(symlink("../outside.txt", "top/outer"), 0);
    assert_int_equal(symlink("..", "top/sub/up"), 0);
    assert_int_equal(symlink("../..", "top/sub/upup"), 0);
    assert_int_equal(symlink("/etc", "top/etc"), 0);
    assert_int_equal(symlink("/proc/self/root", "top/magic"), 0);
    assert_int_equal(symlink("loop", "top/loop"), 0);
    files_directory("ada", 0755);
    files_directory("ada/public_gopher", 0755);
    files_text("ada/public_gopher/hello.txt", "hello\n");
    files_directory("bob", 0755);
    assert_int_equal(symlink("../top", "bob/public_gopher"), 0);
    files_directory("eve", 0755);
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    files_remove();
    return 0;
}

static void gopher_request_parse__selectors__become_paths_or_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *user, *path;
    } cases[] = {
        {"", NULL, ""},
        {"/", NULL, ""},
        {"//", NULL, ""},
        {"\tsearch", NULL, ""},
        {"/a/b", NULL, "a/b"},
        {"a//b/", NULL, "a/b"},
        {"a b\t+", NULL, "a b"},
        {"a\t../..", NULL, "a"},
        {"/~ada", "ada", ""},
        {"~ada/x", "ada", "x"},
        {"~", "", ""},
        {"a/~ada", NULL, "a/~ada"},
        {"\303\244", NULL, "\303\244"},
    };
    static const char *const refused[] = {"..",   "/..",   "a/..",    "a/../b",
                                          ".",    "./a",   ".plan",   "a/.b",
                                          "a\rb", "a\177", "~ada/..", "~../x/../y"};
    struct gopher_request r;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(gopher_request_parse(cases[i].line, strlen(cases[i].line), &r), 0);
        assert_string_equal(r.path, cases[i].path);
        assert_int_equal(r.is_user, cases[i].user != NULL);
        assert_string_equal(r.user, cases[i].user != NULL ? cases[i].user : "");
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(gopher_request_parse(refused[i], strlen(refused[i]), &r), -EINVAL);
    assert_int_equal(gopher_request_parse("a\0b", 3, &r), -EINVAL);
    char line[300];
    memset(line, 'a', sizeof line);
    assert_int_equal(gopher_request_parse(line, 255, &r), 0);
    assert_int_equal(strlen(r.path), 255);
    assert_int_equal(gopher_request_parse(line, 256, &r), -EINVAL);
    line[0] = '~';
    assert_int_equal(gopher_request_parse(line, 255, &r), 0);
    assert_int_equal(strlen(r.user), 254);
}

static void gopher_text_encode__however_it_is_cut__the_same(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ".\r\n"},
        {"a", "a\r\n.\r\n"},
        {"a\n", "a\r\n.\r\n"},
        {"a\r\n", "a\r\n.\r\n"},
        {"\n\n", "\r\n\r\n.\r\n"},
        {".\n..\na.\n", "..\r\n...\r\na.\r\n.\r\n"},
        {".", "..\r\n.\r\n"},
        {"a\rb\r\rc\r\r\n", "a\rb\r\rc\r\r\n.\r\n"},
        {"a\r", "a\r\n.\r\n"},
        {"\r.", "\r.\r\n.\r\n"},
    };
    char out[64];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t cut = 0; cut <= strlen(cases[i].in); cut++) {
            struct gopher_text text = {0};
            size_t n = gopher_text_encode(&text, cases[i].in, cut, out);
            n += gopher_text_encode(&text, cases[i].in + cut, strlen(cases[i].in) - cut, out + n);
            n += gopher_text_end(&text, out + n);
            out[n] = '\0';
            assert_string_equal(out, cases[i].out);
        }
    }
}

static void gopher__directory__sorted_menu_of_what_may_be_read(void **state)
{
    (void)state;
    static const char menu[] = "0Readme\t/Readme" HERE "0a.txt\t/a.txt" HERE "9data\t/data" HERE
                               "0inner\t/inner" HERE "hpage.html\t/page.html" HERE
                               "Ipic.JPG\t/pic.JPG" HERE "1sub\t/sub" HERE ".\r\n";

    expect("\r\n", menu);
    expect("/\r\n", menu);
    expect("\n", menu);
    expect("\t$\r\n", menu); /* a Gopher+ client */
    expect("/sub\r\n", "1up\t/sub/up" HERE "0x.md\t/sub/x.md" HERE ".\r\n");
    expect("sub/up/sub/\r\n", "1up\t/sub/up/sub/up" HERE "0x.md\t/sub/up/sub/x.md" HERE ".\r\n");
}

static void gopher__files__text_with_period_and_others_as_they_are(void **state)
{
    (void)state;
    static char data[1 << 20];

    expect("/a.txt\r\n", "one\r\ntwo\r\n\r\nend\r\n.\r\n");
    expect("Readme", "read me\r\n.\r\n");
    expect("/inner\tsearch words\r\n", "x\r\n.\r\n");
    expect("/page.html\r\n", "<p>\n.</p>\n");
    files_text("top/dots.txt", ".\n.a\n");
    expect("/dots.txt\r\n", "..\r\n..a\r\n.\r\n");
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 2654435761u >> 24);
    files_write("top/data", data, sizeof data, 0644);
    assert_int_equal(gopher("data\r\n", 6), sizeof data);
    assert_memory_equal(answer, data, sizeof data);
    /* The border of what is looked at to tell text from binary. */
    memset(data, 'x', 600);
    data[511] = '\0';
    assert_int_equal(gopher_type_by_content(data, 600), '9');
    data[511] = 'x';
    data[512] = '\0';
    assert_int_equal(gopher_type_by_content(data, 600), '0');
}

static void gopher__gophermap__is_the_menu(void **state)
{
    (void)state;
    files_text("top/sub/gophermap",
               "Welcome\r\n\n1Up\t/\n0Text\tx.md\n0x.md\t\n1Elsewhere\t/a\tother.example\n"
               "1Port\t/a\tother.example\t71\nhWeb\tURL:http://x.example/\n3Sorry\tx\n\tno type\n"
               "0Evil\033\tx\ry\n*\n.\nnot shown\n");
    expect("/sub\r\n",
           "iWelcome" INFO "i" INFO "1Up\t/" HERE "0Text\t/sub/x.md" HERE "0x.md\t/sub/x.md" HERE
           "1Elsewhere\t/a\tother.example\t70\r\n1Port\t/a\tother.example\t71\r\n"
           "hWeb\tURL:http://x.example/" HERE "3Sorry\tx" HERE "i\tno type" HERE
           "0Evil\t/sub/xy" HERE "1up\t/sub/up" HERE "0x.md\t/sub/x.md" HERE ".\r\n");
    assert_int_equal(unlink("top/sub/gophermap"), 0);
    assert_int_equal(symlink("../../outside.txt", "top/sub/gophermap"), 0);
    expect("/sub\r\n", "1up\t/sub/up" HERE "0x.md\t/sub/x.md" HERE ".\r\n");
}

static void gopher__ways_out__are_errors(void **state)
{
    (void)state;
    static const char *const selectors[] = {
        "..",
        "../outside.txt",
        "/../outside.txt",
        "sub/../../outside.txt",
        "/etc/passwd",
        "//etc/passwd",
        "outer",
        "etc/passwd",
        "magic",
        "sub/upup",
        "sub/upup/outside.txt",
        ".hidden",
        "private.txt",
        "closed",
        "fifo",
        "tab\tname",
        "loop",
        "none",
        "a.txt/b",
        "~ada/../..",
        "~bob",
        "~bob/a.txt",
        "~eve",
        "~none",
        "~",
        "~../top",
        "~root/x",
        "GET / HTTP/1.0",
    };
    char line[300];

    for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++) {
        snprintf(line, sizeof line, "%s\r\n", selectors[i]);
        expect_error(line, strlen(line));
    }
}

static void gopher__people__have_their_directories(void **state)
{
    (void)state;
    static const char *const without_argv[] = {"gopher", "-U", "0", "-P", "passwd", "top", NULL};

    expect("/~ada\r\n", "0hello.txt\t/~ada/hello.txt" HERE ".\r\n");
    expect("~ada/hello.txt\r\n", "hello\r\n.\r\n");
    files_text("ada/public_gopher/gophermap", "0Hi\thello.txt\n1Top\t/\n");
    expect("/~ada/\r\n", "0Hi\t/~ada/hello.txt" HERE "1Top\t/" HERE ".\r\n");
    handler_exchange(without_argv, NULL, "/~ada\r\n", 7, answer, sizeof answer);
    assert_int_equal(answer[0], '3');
    if (getuid() == 0) {
        /* Another's directory, moved there. */
        assert_int_equal(chown("ada/public_gopher", 12345, 12345), 0);
        expect_error("/~ada\r\n", 7);
    }
}

static void gopher__place_from_environment__when_it_is_one(void **state)
{
    (void)state;
    static const char *const argv[] = {"gopher", "top/sub", NULL};
    static const struct {
        const char *environment[4];
        const char *expected;
    } cases[] = {
        {{"TCPLOCALHOST=h.example", "TCPLOCALIP=192.0.2.1", "TCPLOCALPORT=7071"},
         "h.example\t7071"},
        {{"TCPLOCALIP=192.0.2.1", "TCPLOCALPORT=7071"}, "192.0.2.1\t7071"},
        {{"TCPLOCALHOST=", "TCPLOCALIP=192.0.2.1", "TCPLOCALPORT=0"}, "192.0.2.1\t70"},
        {{"TCPLOCALHOST=a\tb", "TCPLOCALIP=a\r\nb", "TCPLOCALPORT=7x"}, "localhost\t70"},
        {{NULL}, "localhost\t70"},
    };
    char expected[200];

    assert_int_equal(unlink("top/sub/up"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        handler_exchange(argv, cases[i].environment, "\r\n", 2, answer, sizeof answer);
        snprintf(expected, sizeof expected, "0x.md\t/x.md\t%s\r\n.\r\n", cases[i].expected);
        assert_string_equal(answer, expected);
    }
}

static void gopher__directory_of_thousands__bounded_menu(void **state)
{
    (void)state;
    char name[64];
    size_t lines = 0;

    files_directory("top/many", 0755);
    for (int i = 0; i < 4100; i++) {
        snprintf(name, sizeof name, "top/many/%04d.gif", i);
        files_text(name, "");
    }
    gopher("many\r\n", 6);
    for (const char *p = answer; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    assert_int_equal(lines, 4096 + 2);
    assert_non_null(strstr(answer, "i(there are more, which are not shown)" INFO ".\r\n"));
}

static void gopher__hostile_requests__errors_and_quiet(void **state)
{
    (void)state;
    static char huge[4 << 20];

    memset(huge, 'a', sizeof huge);
    expect_error(huge, sizeof huge);
    expect_error(huge, 1024);
    expect_error(huge, 1023);
    expect_error(huge, 256);
    expect_error(huge, 255); /* a name that cannot be */
    memset(huge, '/', sizeof huge);
    expect_error(huge, 1024);
    memset(huge, 0, sizeof huge);
    expect_error(huge, sizeof huge);
    expect_error("a.txt\0\r\n", 8);
    expect_error("\377\373\001\r\n", 5);
    assert_int_equal(gopher("", 0), 0);
}

static void gopher__slow_bytes__answered_in_time_and_left_after_it(void **state)
{
    (void)state;
    static const char *const hasty_argv[] = {"gopher", "-t", "1", "top", NULL};
    static const char request[] = "inner\r\n";
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_serve(pair.server, gopher_argv);
    struct timespec before, after;

    for (size_t i = 0; i < strlen(request); i++) {
        assert_false(handler_readable(pair.client, 20));
        handler_send(pair.client, request + i, 1);
    }
    handler_read_all(pair.client, answer, sizeof answer);
    assert_string_equal(answer, "x\r\n.\r\n");
    close(pair.client);
    handler_end_quietly(&run);
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

static void gopher__client_leaves_in_any_state__ends_quietly(void **state)
{
    (void)state;
    static char data[20 << 20];
    char start[1000];

    memset(data + 600, 'x', sizeof data - 600);
    files_write("top/data", data, sizeof data, 0644);
    for (int round = 0; round < 8; round++) {
        struct handler_pair pair = handler_tcp_pair();
        struct handler_run run = handler_serve(pair.server, gopher_argv);
        if (round >= 2)
            handler_send(pair.client, "data\r\n", round >= 4 ? 6 : 2);
        if (round >= 6) {
            assert_true(handler_readable(pair.client, 60000));
            assert_true(read(pair.client, start, sizeof start) > 0);
        }
        if (round % 2 == 0)
            handler_reset(pair.client);
        else
            close(pair.client);
        handler_end_quietly(&run);
    }
}

static void gopher__wrong_options__status_and_why(void **state)
{
    (void)state;
    static const struct {
        const char *argv[5];
        int status;
    } wrong[] = {
        {{"gopher", NULL}, 2},
        {{"gopher", "top", "top", NULL}, 2},
        {{"gopher", "-x", "top", NULL}, 2},
        {{"gopher", "-p", "0", "top", NULL}, 2},
        {{"gopher", "-n", "a b", "top", NULL}, 2},
        {{"gopher", "-P", "none", "top", NULL}, 2},
        {{"gopher", "none", NULL}, 1},
        {{"gopher", "passwd", NULL}, 1},
    };
    char messages[4096];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct handler_pair pair = handler_socketpair();
        struct handler_run run = handler_serve(pair.server, wrong[i].argv);
        assert_int_equal(handler_end(&run, messages, sizeof messages), wrong[i].status);
        assert_true(strlen(messages) > 10);
        close(pair.client);
    }
}

#define TREE(test) cmocka_unit_test_setup_teardown(test, make_tree, remove_tree)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gopher_request_parse__selectors__become_paths_or_are_refused),
        cmocka_unit_test(gopher_text_encode__however_it_is_cut__the_same),
        TREE(gopher__directory__sorted_menu_of_what_may_be_read),
        TREE(gopher__files__text_with_period_and_others_as_they_are),
        TREE(gopher__gophermap__is_the_menu),
        TREE(gopher__ways_out__are_errors),
        TREE(gopher__people__have_their_directories),
        TREE(gopher__place_from_environment__when_it_is_one),
        TREE(gopher__directory_of_thousands__bounded_menu),
        TREE(gopher__hostile_requests__errors_and_quiet),
        TREE(gopher__slow_bytes__answered_in_time_and_left_after_it),
        TREE(gopher__client_leaves_in_any_state__ends_quietly),
        TREE(gopher__wrong_options__status_and_why),
    };

    return cmocka_run_group_tests_name("services/gopher", tests, NULL, NULL);
}
