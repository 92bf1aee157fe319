/* Tests of superd/base/log.c. Each runs in a temporary directory of its own. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static char directory[] = "/tmp/test_log.XXXXXX";
static char file_path[PATH_MAX], moved_path[PATH_MAX], socket_path[100];
static char content[1 << 20];

static int set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(file_path, sizeof file_path, "%s/log", directory);
    snprintf(moved_path, sizeof moved_path, "%s/log.1", directory);
    snprintf(socket_path, sizeof socket_path, "%s/syslog", directory);
    log_set_syslog_path(socket_path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_observe(NULL, NULL);
    log_close(0);
    unlink(file_path);
    unlink(moved_path);
    unlink(socket_path);
    return rmdir(directory);
}

static void open_log(const char *target, enum log_format format, enum log_level level)
{
    const struct log_settings settings = {.target = target, .format = format, .level = level};

    assert_int_equal(log_open(&settings), 0);
}

static const char *read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    assert_true(fd >= 0);
    length = read(fd, content, sizeof content - 1);
    assert_true(length >= 0);
    content[length] = '\0';
    close(fd);
    return content;
}

/* The line behind its time, which must look like one. */
static const char *after_time(const char *line)
{
    assert_int_equal(line[4], '-');
    assert_int_equal(line[10], 'T');
    assert_memory_equal(line + 26, "Z ", 2);
    return line + 28;
}

static void log_event__text__as_promised(void **state)
{
    (void)state;
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_INFO);
    log_event(LEVEL_INFO, "admit", log_text("service", "hello"), log_u64("instance", 17),
              log_i64("change", -1), log_bool("first", true), log_text("left_out", NULL),
              log_bytes("line", "a\0b \xff", 5));
    assert_true(log_flush());
    assert_string_equal(after_time(read_file(file_path)),
                        "info admit service=hello instance=17 change=-1 first=true "
                        "line=\"a\\x00b \\xff\"\n");
}

static void log_event__json__as_promised(void **state)
{
    char *line;

    (void)state;
    open_log(file_path, LOG_FORMAT_JSON, LEVEL_INFO);
    log_event(LEVEL_WARNING, "refuse", log_text("service", "a \"b\""), log_u64("count", 3),
              log_bool("ok", false));
    log_event(LEVEL_ERROR, "bare");
    assert_true(log_flush());
    line = strstr(read_file(file_path), "Z\"");
    assert_memory_equal(content, "{\"time\":\"20", 11);
    assert_non_null(line);
    assert_memory_equal(
        line,
        "Z\",\"level\":\"warning\",\"event\":\"refuse\",\"service\":\"a \\\"b\\\"\","
        "\"count\":3,\"ok\":false}\n{\"time\":",
        strlen("Z\",\"level\":\"warning\",\"event\":\"refuse\",\"service\":"
               "\"a \\\"b\\\"\",\"count\":3,\"ok\":false}\n{\"time\":"));
    assert_non_null(strstr(content, "Z\",\"level\":\"error\",\"event\":\"bare\"}\n"));
}

static void log_event__below_level__not_written(void **state)
{
    (void)state;
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_WARNING);
    assert_true(log_wants(LEVEL_ERROR));
    assert_true(log_wants(LEVEL_WARNING));
    assert_false(log_wants(LEVEL_INFO));
    log_event(LEVEL_INFO, "admit");
    log_event(LEVEL_WARNING, "throttle");
    assert_true(log_flush());
    assert_string_equal(after_time(read_file(file_path)), "warning throttle\n");
}

static void log_event__errno__kept(void **state)
{
    (void)state;
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_INFO);
    errno = EDOM;
    log_event(LEVEL_INFO, "admit");
    assert_int_equal(errno, EDOM);
    log_flush();
    assert_int_equal(errno, EDOM);
}

static void log_event__field_too_long__left_out_whole(void **state)
{
    static char big[9000];
    char *line;

    (void)state;
    memset(big, 'x', sizeof big - 1);
    open_log(file_path, LOG_FORMAT_JSON, LEVEL_INFO);
    log_event(LEVEL_INFO, "stderr", log_u64("a", 1), log_text("line", big), log_u64("b", 2));
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_INFO);
    log_event(LEVEL_INFO, "stderr", log_u64("a", 1), log_text("line", big), log_u64("b", 2));
    assert_true(log_flush());
    line = strchr(read_file(file_path), '\n');
    assert_non_null(line);
    *line = '\0';
    assert_non_null(strstr(content, ",\"a\":1,\"b\":2,\"truncated\":true}"));
    assert_string_equal(after_time(line + 1), "info stderr a=1 b=2 truncated=true\n");
}

/* Whatever the length of a field, a line ends properly and fits. */
static void log_event__every_length_around_the_edge__line_complete(void **state)
{
    static char big[9000];

    (void)state;
    memset(big, 'x', sizeof big);
    open_log(file_path, LOG_FORMAT_JSON, LEVEL_INFO);
    for (size_t length = 8000; length < 8200; length++) {
        const char *end;

        assert_int_equal(truncate(file_path, 0), 0);
        log_event(LEVEL_INFO, "stderr", log_bytes("line", big, length));
        assert_true(log_flush());
        read_file(file_path);
        assert_true(strlen(content) <= 8192);
        end = content + strlen(content);
        assert_true(strcmp(end - 4, "x\"}\n") == 0 || strcmp(end - 7, ":true}\n") == 0);
    }
}

static void log_reopen__file_moved__new_file(void **state)
{
    struct stat st;

    (void)state;
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_INFO);
    log_event(LEVEL_INFO, "one");
    assert_int_equal(rename(file_path, moved_path), 0);
    assert_int_equal(log_reopen(), 0);
    log_event(LEVEL_INFO, "two");
    assert_true(log_flush());
    assert_string_equal(after_time(read_file(moved_path)), "info one\n");
    assert_string_equal(after_time(read_file(file_path)), "info two\n");
    assert_int_equal(stat(file_path, &st), 0);
    assert_int_equal(st.st_mode & 0137, 0);
}

static void log_open__bad_target__old_one_kept(void **state)
{
    const struct log_settings bad = {.target = "/nonexistent/dir/log", .level = LEVEL_DEBUG};

    (void)state;
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_INFO);
    assert_int_equal(log_open(&bad), -ENOENT);
    assert_false(log_wants(LEVEL_DEBUG));
    log_event(LEVEL_INFO, "still");
    assert_true(log_flush());
    assert_string_equal(after_time(read_file(file_path)), "info still\n");
}

/* Read what is in the pipe now; appends to `content`, returns the new length. */
static size_t read_pipe(int fd, size_t length)
{
    ssize_t got;

    while ((got = read(fd, content + length, sizeof content - 1 - length)) > 0)
        length += (size_t)got;
    content[length] = '\0';
    return length;
}

/* What must hold when nobody reads: no waiting, no more than the buffer kept, whole lines, and one
 * line that says how many are missing. */
static void log_waiting__info_may_wait__warnings_and_many_lines_press(void **state)
{
    (void)state;
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_INFO);
    assert_int_equal(log_waiting(), LOG_WAIT_NONE);
    log_event(LEVEL_INFO, "admit");
    assert_int_equal(log_waiting(), LOG_WAIT_MORE);
    log_event(LEVEL_WARNING, "hold");
    assert_int_equal(log_waiting(), LOG_WAIT_PRESSING);
    assert_true(log_flush());
    assert_int_equal(log_waiting(), LOG_WAIT_NONE);
    for (int i = 0; i < 200; i++)
        log_event(LEVEL_INFO, "admit", log_u64("instance", (uint64_t)i));
    assert_int_equal(log_waiting(), LOG_WAIT_PRESSING);
    assert_true(log_flush());
    assert_int_equal(log_waiting(), LOG_WAIT_NONE);
}

static void log_flush__reader_stops__bounded_and_counted(void **state)
{
    int fds[2], saved = dup(STDERR_FILENO);
    uint64_t begun, lost_before = log_lost(), lost, told = 0, lines = 0;
    const uint64_t written = 20000;
    size_t length = 0;
    bool done;

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    open_log("stderr", LOG_FORMAT_TEXT, LEVEL_INFO);
    begun = clock_now_ms();
    for (uint64_t i = 0; i < written; i++) {
        log_event(LEVEL_INFO, "flood", log_u64("i", i));
        log_flush();
    }
    assert_true(clock_now_ms() - begun < 20000);
    lost = log_lost() - lost_before;
    assert_true(lost > 0 && lost < written);
    do {
        done = log_flush();
        length = read_pipe(fds[0], length);
    } while (!done);
    length = read_pipe(fds[0], length);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_false(fcntl(fds[1], F_GETFL) & O_NONBLOCK); /* it belongs to others too */

    for (char *line = strtok(content, "\n"); line; line = strtok(NULL, "\n")) {
        const char *rest = after_time(line);

        if (strncmp(rest, "warning log-lost count=", 23) == 0)
            told += strtoull(rest + 23, NULL, 10);
        else {
            assert_int_equal(strncmp(rest, "info flood i=", 13), 0);
            lines++;
        }
    }
    assert_int_equal(told, lost);
    assert_int_equal(lines, written - lost);
    close(fds[0]);
    close(fds[1]);
    close(saved);
}

static void log_flush__reader_gone__goes_on(void **state)
{
    int fds[2], saved = dup(STDERR_FILENO);

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    open_log("stderr", LOG_FORMAT_TEXT, LEVEL_INFO);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    close(fds[0]);
    close(fds[1]);
    log_event(LEVEL_INFO, "lonely");
    assert_false(log_flush());
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_INFO);
    assert_true(log_flush());
    assert_string_equal(after_time(read_file(file_path)), "info lonely\n");
}

/* A file that may not grow stands for a full disk: write(2) fails in the same place. */
static void log_flush__disk_full__counted_and_said_later(void **state)
{
    struct rlimit limit, old;
    uint64_t before = log_lost(), lost;
    char expected[64];

    (void)state;
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_INFO);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 10000; i++) {
        log_event(LEVEL_INFO, "flood", log_i64("i", i));
        log_flush();
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    lost = log_lost() - before;
    assert_true(lost > 0);
    assert_true(log_flush());
    log_event(LEVEL_INFO, "again");
    assert_true(log_flush());
    read_file(file_path);
    snprintf(expected, sizeof expected, " warning log-lost count=%llu\n", (unsigned long long)lost);
    assert_non_null(strstr(content, expected));
    assert_non_null(strstr(strstr(content, expected), " info again\n"));
}

static int bind_syslog(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, socket_path);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static const char *receive_line(int fd)
{
    ssize_t length = recv(fd, content, sizeof content - 1, 0);

    if (length < 0)
        return NULL;
    content[length] = '\0';
    return content;
}

static void log_flush__syslog__framed_and_found_again(void **state)
{
    char tag[40];
    int fd;

    (void)state;
    snprintf(tag, sizeof tag, " superd[%ld]: ", (long)getpid());
    open_log("syslog", LOG_FORMAT_TEXT, LEVEL_INFO);
    log_event(LEVEL_INFO, "early");
    assert_false(log_flush()); /* nobody is there: it waits */

    fd = bind_syslog();
    log_event(LEVEL_ERROR, "second");
    assert_true(log_flush());
    assert_non_null(receive_line(fd));
    assert_memory_equal(content, "<30>", 4); /* daemon.info */
    assert_memory_equal(content + 4 + 15, tag, strlen(tag));
    assert_string_equal(after_time(content + 4 + 15 + strlen(tag)), "info early");
    assert_non_null(receive_line(fd));
    assert_memory_equal(content, "<27>", 4); /* daemon.err */
    assert_null(receive_line(fd));

    close(fd); /* the daemon is started anew */
    assert_int_equal(unlink(socket_path), 0);
    log_event(LEVEL_INFO, "third");
    assert_false(log_flush());
    fd = bind_syslog();
    assert_true(log_flush());
    assert_non_null(receive_line(fd));
    assert_non_null(strstr(content, "info third"));
    close(fd);
}

static void log_flush__syslog_full__does_not_wait(void **state)
{
    int fd = bind_syslog();

    (void)state;
    open_log("syslog", LOG_FORMAT_TEXT, LEVEL_INFO);
    for (int i = 0; i < 2000; i++)
        log_event(LEVEL_INFO, "flood", log_i64("i", i));
    assert_false(log_flush());
    while (!log_flush())
        assert_non_null(receive_line(fd));
    close(fd);
}

struct seen {
    unsigned count;
    enum log_level level;
    char event[16];
};

static void observe(void *data, const struct log_record *record)
{
    struct seen *seen = data;

    seen->count++;
    seen->level = record->level;
    snprintf(seen->event, sizeof seen->event, "%s", record->event);
    assert_string_equal(record->fields[0].key, "service");
}

static void log_observe__events_that_are_wanted__are_told(void **state)
{
    struct seen seen = {.count = 0};

    (void)state;
    open_log(file_path, LOG_FORMAT_TEXT, LEVEL_INFO);
    log_observe(observe, &seen);
    log_event(LEVEL_DEBUG, "unwanted");
    assert_int_equal(seen.count, 0);
    log_event(LEVEL_WARNING, "hold", log_text("service", "hello"));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.level, LEVEL_WARNING);
    assert_string_equal(seen.event, "hold");
    log_observe(NULL, NULL);
    log_event(LEVEL_WARNING, "hold");
    assert_int_equal(seen.count, 1);
}

static void log_close__reader_stopped__ends_in_time(void **state)
{
    int fds[2], saved = dup(STDERR_FILENO);
    uint64_t begun;

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    open_log("stderr", LOG_FORMAT_TEXT, LEVEL_INFO);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    for (int i = 0; i < 4000; i++)
        log_event(LEVEL_INFO, "flood");
    begun = clock_now_ms();
    log_close(50);
    assert_true(clock_now_ms() - begun >= 50);
    assert_true(clock_now_ms() - begun < 10000);
    close(fds[0]);
    close(fds[1]);
}

#define LOG_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(log_event__text__as_promised),
        LOG_TEST(log_event__json__as_promised),
        LOG_TEST(log_event__below_level__not_written),
        LOG_TEST(log_event__errno__kept),
        LOG_TEST(log_event__field_too_long__left_out_whole),
        LOG_TEST(log_event__every_length_around_the_edge__line_complete),
        LOG_TEST(log_reopen__file_moved__new_file),
        LOG_TEST(log_open__bad_target__old_one_kept),
        LOG_TEST(log_waiting__info_may_wait__warnings_and_many_lines_press),
        LOG_TEST(log_flush__reader_stops__bounded_and_counted),
        LOG_TEST(log_flush__reader_gone__goes_on),
        LOG_TEST(log_flush__disk_full__counted_and_said_later),
        LOG_TEST(log_flush__syslog__framed_and_found_again),
        LOG_TEST(log_flush__syslog_full__does_not_wait),
        LOG_TEST(log_observe__events_that_are_wanted__are_told),
        LOG_TEST(log_close__reader_stopped__ends_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
