/* gopher: serves a directory, and people's ~/public_gopher, as RFC 1436 has it.
 *
 * A request is one short line that has to come in time; it becomes a path below the directory that
 * is served, and the kernel sees to it that nothing outside is opened (gopher_tree.h).  Nothing is
 * run and nothing is written.  Text goes out with its final period, other files as they are. */
#include <config.h>

#include "gopher_menu.h"
#include "gopher_request.h"
#include "gopher_text.h"
#include "gopher_tree.h"
#include "gopher_type.h"
#include "common/io.h"
#include "common/people.h"
#include "common/service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char gopher_usage[] =
    "usage: gopher [-hu] [-n HOST] [-p PORT] [-P FILE] [-U UID] [-t SECONDS] DIRECTORY\n"
    "Serve a directory by gopher (RFC 1436).\n"
    "  -n HOST     our name in menus (TCPLOCALHOST or TCPLOCALIP of the environment)\n"
    "  -p PORT     our port in menus (TCPLOCALPORT of the environment)\n"
    "  -u          serve people's ~/public_gopher as ~user\n"
    "  -P FILE     the people in FILE, as passwd(5), instead of the accounts of the host\n"
    "  -U UID      accounts below have no ~user (1000)\n"
    "  -t SECONDS  time for the request (30)\n";

struct gopher {
    const char *host;
    const char *port;
    bool serve_people;
    struct people people;
    unsigned seconds;
    int directory; /* what is served, open */
};

/* Whether TEXT can stand in a menu line as a host. */
static bool is_host(const char *text)
{
    size_t length = text != NULL ? strlen(text) : 0;

    if (length == 0 || length > 255)
        return false;
    for (const char *p = text; *p != '\0'; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return true;
}

static bool is_port(const char *text)
{
    unsigned port;

    return text != NULL && service_number(text, 65535, &port) && port > 0;
}

/* What is not told by options comes from the environment; what is not there either is a guess, good
 * for one who tries it in a shell. */
static void find_out_where(struct gopher *gopher)
{
    static const char *const names[] = {"TCPLOCALHOST", "TCPLOCALIP"};

    for (size_t i = 0; i < 2 && gopher->host == NULL; i++)
        if (is_host(getenv(names[i])))
            gopher->host = getenv(names[i]);
    if (gopher->host == NULL)
        gopher->host = "localhost";
    if (gopher->port == NULL)
        gopher->port = is_port(getenv("TCPLOCALPORT")) ? getenv("TCPLOCALPORT") : "70";
}

/* Send FD as text or as it is. */
static int send_file(int fd, bool as_text)
{
    static char in[32768], out[2 * sizeof in + 1];
    struct gopher_text text = {0};
    ssize_t n;
    int error = 0;

    while (error == 0 && (n = io_read(fd, in, sizeof in)) != 0) {
        if (n < 0)
            return (int)n;
        if (as_text)
            error = io_write_all(STDOUT_FILENO, out, gopher_text_encode(&text, in, (size_t)n, out));
        else
            error = io_write_all(STDOUT_FILENO, in, (size_t)n);
    }
    if (error == 0 && as_text)
        error = io_write_all(STDOUT_FILENO, out, gopher_text_end(&text, out));
    return error;
}

static int send_error(const char *message)
{
    char line[256];
    int length = snprintf(line, sizeof line, "3%s\t\terror.host\t1\r\n.\r\n", message);

    return io_write_all(STDOUT_FILENO, line, (size_t)length);
}

/* Send the menu of the directory FD, which is taken over; *begun_r as for send_item(). */
static int send_menu(const struct gopher_place *place, int fd, bool *begun_r)
{
    char *text = NULL;
    size_t size = 0;

    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        close(fd);
        return -errno;
    }
    int error = gopher_menu(place, fd, out);
    fputs(".\r\n", out);
    if (fclose(out) != 0)
        error = -ENOMEM;
    *begun_r = error == 0;
    if (error == 0)
        error = io_write_all(STDOUT_FILENO, text, size);
    free(text);
    return error;
}

/* Open what is served to the request: the directory, or a person's.  A descriptor or a negative
 * errno value. */
static int open_root(const struct gopher *gopher, const struct gopher_request *request)
{
    struct person person;
    struct stat status;

    if (!request->is_user) {
        int fd = fcntl(gopher->directory, F_DUPFD_CLOEXEC, 0);
        return fd >= 0 ? fd : -errno;
    }
    int error = gopher->serve_people ? people_find(&gopher->people, request->user, &person)
                                     : -ENOENT;
    if (error < 0)
        return error;
    int home = people_open_home(&person);
    if (home < 0)
        return home;
    int root = gopher_open(home, "public_gopher", &status);
    close(home);
    if (root >= 0 && (!S_ISDIR(status.st_mode) || status.st_uid != person.uid)) {
        close(root);
        root = -ENOENT;
    }
    return root;
}

/* Whether ERROR only says that this one thing is not to be had. */
static bool is_about_the_item(int error)
{
    return error == -ENOENT || error == -EACCES || error == -EXDEV || error == -ELOOP ||
           error == -ENOTDIR || error == -ENAMETOOLONG || error == -ENXIO || error == -EAGAIN ||
           error == -EPERM || error == -EINVAL;
}

/* Send the item that is asked for; *begun_r tells whether an error came after something was sent.
 */
static int send_item(const struct gopher *gopher, const struct gopher_request *request,
                     bool *begun_r)
{
    char selector[2 * GOPHER_SELECTOR_MAX + 8];
    struct stat status;

    int root = open_root(gopher, request);
    if (root < 0)
        return root;
    int fd = gopher_open(root, request->path, &status);
    if (fd < 0) {
        close(root);
        return fd;
    }
    int error;
    if (S_ISDIR(status.st_mode)) {
        snprintf(selector, sizeof selector, "%s%s%s%s", request->is_user ? "/~" : "", request->user,
                 request->path[0] != '\0' ? "/" : "", request->path);
        struct gopher_place place = {gopher->host, gopher->port, selector, root, request->path};
        error = send_menu(&place, fd, begun_r);
    } else {
        *begun_r = true;
        error = send_file(fd, gopher_type_is_text(gopher_type(fd, &status, request->path)));
        close(fd);
    }
    close(root);
    return error;
}

static int serve(const struct gopher *gopher)
{
    char line[GOPHER_LINE_MAX];
    struct gopher_request request;
    size_t length;

    int error = io_read_line(STDIN_FILENO, line, sizeof line, (int)gopher->seconds * 1000, &length);
    if (error == -ENODATA)
        return 0; /* came and went */
    if (error < 0 && error != -EMSGSIZE)
        return error;
    int result = 0;
    bool begun = false;
    if (error == -EMSGSIZE || gopher_request_parse(line, length, &request) < 0) {
        error = send_error("This is no selector of this server");
    } else {
        error = result = send_item(gopher, &request, &begun);
        if (result < 0 && !begun) {
            bool told = is_about_the_item(result);
            error = send_error(told ? "There is no such item" : "The server cannot do that now");
            result = told ? 0 : result;
        }
    }
    if (error == 0)
        io_linger(STDOUT_FILENO);
    return error < 0 ? error : result;
}

int main(int argc, char **argv)
{
    struct gopher gopher = {.people.least_uid = PEOPLE_LEAST_UID, .seconds = 30};
    unsigned number;
    int option;

    while ((option = getopt(argc, argv, "+hun:p:P:U:t:")) != -1) {
        if (option == 'h')
            service_usage(gopher_usage, true);
        else if (option == 'u')
            gopher.serve_people = true;
        else if (option == 'n' && is_host(optarg))
            gopher.host = optarg;
        else if (option == 'p' && is_port(optarg))
            gopher.port = optarg;
        else if (option == 'P')
            gopher.people.file = optarg;
        else if (option == 'U' && service_number(optarg, UINT32_MAX - 1, &number))
            gopher.people.least_uid = number;
        else if (option == 't' && service_number(optarg, 86400, &number))
            gopher.seconds = number;
        else
            service_usage(gopher_usage, false);
    }
    if (optind + 1 != argc)
        service_usage(gopher_usage, false);
    gopher.directory = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (gopher.directory < 0) {
        fprintf(stderr, "gopher: %s: %s\n", argv[optind], strerror(errno));
        return SERVICE_FAILED;
    }
    find_out_where(&gopher);
    service_prepare();
    if (!service_has_connection("gopher") || !people_readable("gopher", &gopher.people))
        return SERVICE_USAGE;
    return service_status("gopher", serve(&gopher));
}
