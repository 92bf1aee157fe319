/* finger: tells about a user of this host (RFC 1288): the name, ~/.project and ~/.plan.
 *
 * What is asked comes from anybody, what is shown comes from users: the request is one short line
 * that has to come in time; files are opened only if they are the user's own, regular and readable
 * by everybody; only printing characters go out; and no other program is run.  Who is logged in is
 * told only on request of the administrator, other hosts are never asked. */
#include <config.h>

#include "finger_request.h"
#include "common/io.h"
#include "common/people.h"
#include "common/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

enum { FILE_SHOWN_MAX = 65536, LIST_MAX = 1000 };

static const char finger_usage[] =
    "usage: finger [-8hl] [-P FILE] [-U UID] [-t SECONDS] [-u FILE]\n"
    "Tell about a user of this host (RFC 1288).\n"
    "  -8          let characters beyond ASCII through, as UTF-8\n"
    "  -l          tell who is logged in\n"
    "  -P FILE     the people in FILE, as passwd(5), instead of the accounts of the host\n"
    "  -U UID      accounts below are not shown (1000)\n"
    "  -t SECONDS  time for the request (30)\n"
    "  -u FILE     as -l, by FILE instead of the utmp(5) of the host\n";

struct finger {
    struct people people;
    bool utf8;
    bool list;
    const char *utmp_file; /* NULL: the host's */
    unsigned seconds;
};

/* Write LENGTH bytes of a user's text, FILE_SHOWN_MAX at most, made harmless. */
static void put_clean(const struct finger *finger, FILE *out, const char *text, size_t length)
{
    static char clean[2 * FILE_SHOWN_MAX];

    if (length > FILE_SHOWN_MAX)
        length = FILE_SHOWN_MAX;
    fwrite(clean, 1, finger_clean(text, length, finger->utf8, clean), out);
}

/* Show the user's file NAME under TITLE: its first line, or all of it.  False when there is none.
 */
static bool show_file(const struct finger *finger, FILE *out, int home, const char *name,
                      uid_t owner, const char *title, bool first_line)
{
    static char text[FILE_SHOWN_MAX + 1];
    size_t length = 0;
    ssize_t n;

    int fd = people_open_file(home, name, owner);
    if (fd < 0)
        return false;
    while (length < sizeof text && (n = io_read(fd, text + length, sizeof text - length)) > 0)
        length += (size_t)n;
    close(fd);
    bool cut = length > FILE_SHOWN_MAX;
    if (cut)
        length = FILE_SHOWN_MAX;
    const char *end = first_line ? memchr(text, '\n', length) : NULL;
    if (end != NULL) {
        length = (size_t)(end - text);
        length -= length > 0 && text[length - 1] == '\r';
        cut = false;
    }
    fputs(title, out);
    put_clean(finger, out, text, length);
    if (length > 0 && text[length - 1] != '\n')
        fputs("\r\n", out);
    if (cut)
        fputs("(the rest is left out)\r\n", out);
    return true;
}

/* Whether the person wants to be left alone. */
static bool is_hidden(int home)
{
    struct stat s;

    return home >= 0 && fstatat(home, ".nofinger", &s, AT_SYMLINK_NOFOLLOW) == 0;
}

static void put_no_such_user(FILE *out, const char *name)
{
    fprintf(out, "finger: %s: no such user\r\n", name);
}

static int tell_user(const struct finger *finger, FILE *out, const struct finger_request *request)
{
    struct person person;
    int error = people_find(&finger->people, request->user, &person);

    if (error < 0) {
        put_no_such_user(out, request->user);
        return error == -ENOENT ? 0 : error;
    }
    int home = people_open_home(&person);
    if (is_hidden(home)) {
        put_no_such_user(out, request->user);
        close(home);
        return 0;
    }
    fprintf(out, "Login: %-32s Name: ", person.name);
    put_clean(finger, out, person.real_name, strlen(person.real_name));
    fputs("\r\n", out);
    if (request->verbose) {
        fputs("Directory: ", out);
        put_clean(finger, out, person.home, strlen(person.home));
        fputs("\r\nShell: ", out);
        put_clean(finger, out, person.shell, strlen(person.shell));
        fputs("\r\n", out);
    }
    bool plan = false;
    if (home >= 0) {
        show_file(finger, out, home, ".project", person.uid, "Project: ", true);
        plan = show_file(finger, out, home, ".plan", person.uid, "Plan:\r\n", false);
        close(home);
    }
    if (!plan)
        fputs("No Plan.\r\n", out);
    return 0;
}

/* One who is logged in; false when it is nobody to be shown. */
static bool put_login(const struct finger *finger, FILE *out, const struct utmpx *entry)
{
    char name[sizeof entry->ut_user + 1] = "", line[sizeof entry->ut_line + 1] = "", since[64] = "";
    time_t when = entry->ut_tv.tv_sec;
    struct person person;
    struct tm parts;

    memcpy(name, entry->ut_user, sizeof entry->ut_user);
    memcpy(line, entry->ut_line, sizeof entry->ut_line);
    if (people_find(&finger->people, name, &person) < 0)
        return false;
    int home = people_open_home(&person);
    bool shown = !is_hidden(home);
    if (shown) {
        if (localtime_r(&when, &parts) != NULL)
            strftime(since, sizeof since, "%Y-%m-%d %H:%M", &parts);
        fprintf(out, "%-16s ", person.name);
        put_clean(finger, out, person.real_name, strlen(person.real_name));
        fputs("  on ", out);
        put_clean(finger, out, line, strlen(line));
        fprintf(out, " since %s\r\n", since);
    }
    if (home >= 0)
        close(home);
    return shown;
}

static void tell_list(const struct finger *finger, FILE *out)
{
    const struct utmpx *entry;
    int shown = 0;

    if (!finger->list) {
        fputs("Finger online user list denied.\r\n", out);
        return;
    }
    if (finger->utmp_file != NULL)
        utmpxname(finger->utmp_file);
    setutxent();
    for (int i = 0; i < LIST_MAX && (entry = getutxent()) != NULL; i++)
        if (entry->ut_type == USER_PROCESS)
            shown += put_login(finger, out, entry);
    endutxent();
    if (shown == 0)
        fputs("No one logged on.\r\n", out);
}

/* Write the answer to what came.  0 or a negative errno value. */
static int answer(const struct finger *finger, FILE *out, const char *line, size_t length)
{
    struct finger_request request = finger_request_parse(line, length);

    switch (request.kind) {
    case FINGER_LIST:
        tell_list(finger, out);
        return 0;
    case FINGER_USER:
        return tell_user(finger, out, &request);
    case FINGER_FORWARD:
        fputs("Finger forwarding service denied.\r\n", out);
        return 0;
    case FINGER_BAD:
        break;
    }
    fputs("Bad request: the login name of one user is expected.\r\n", out);
    return 0;
}

/* Read the request, answer it.  0 or a negative errno value. */
static int serve(const struct finger *finger)
{
    char line[FINGER_LINE_MAX];
    char *text = NULL;
    size_t length, size = 0;

    int error = io_read_line(STDIN_FILENO, line, sizeof line, (int)finger->seconds * 1000, &length);
    if (error < 0 && error != -EMSGSIZE)
        return error == -ENODATA ? 0 : error; /* came and went, or was too slow to be told */
    /* In memory first, so that no file is held open for as long as the client likes. */
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return -errno;
    int result = 0;
    if (error == -EMSGSIZE)
        fprintf(out, "Bad request: a line of at most %d characters is expected.\r\n",
                FINGER_LINE_MAX - 2);
    else
        result = answer(finger, out, line, length);
    if (fclose(out) != 0) {
        free(text);
        return -ENOMEM;
    }
    error = io_write_all(STDOUT_FILENO, text, size);
    free(text);
    if (error == 0)
        io_linger(STDOUT_FILENO);
    return error < 0 ? error : result;
}

int main(int argc, char **argv)
{
    struct finger finger = {.people.least_uid = PEOPLE_LEAST_UID, .seconds = 30};
    unsigned number;
    int option;

    while ((option = getopt(argc, argv, "+8hlP:U:t:u:")) != -1) {
        if (option == '8')
            finger.utf8 = true;
        else if (option == 'h')
            service_usage(finger_usage, true);
        else if (option == 'l')
            finger.list = true;
        else if (option == 'P')
            finger.people.file = optarg;
        else if (option == 'U' && service_number(optarg, UINT32_MAX - 1, &number))
            finger.people.least_uid = number;
        else if (option == 't' && service_number(optarg, 86400, &number))
            finger.seconds = number;
        else if (option == 'u')
            finger.list = (finger.utmp_file = optarg) != NULL;
        else
            service_usage(finger_usage, false);
    }
    if (optind < argc)
        service_usage(finger_usage, false);
    service_prepare();
    if (!service_has_connection("finger") || !people_readable("finger", &finger.people))
        return SERVICE_USAGE;
    return service_status("finger", serve(&finger));
}
