/* control: see control.h. */
#include "control.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 16

/* What is returned lives as long as the process: here it is held. */
static json_t *kept;

json_t *control_parse(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

    if (!json)
        fail_msg("not JSON: %s", text);
    if (!kept)
        kept = json_array();
    json_array_append_new(kept, json);
    return json;
}

static const char *keep_text(char *text, size_t length)
{
    json_t *string = json_stringn_nocheck(text, length);

    free(text);
    if (!kept)
        kept = json_array();
    json_array_append_new(kept, string);
    return json_string_value(string);
}

/* ---- The socket ----------------------------------------------------------------------------- */

int control_dial(const struct daemon *daemon)
{
    char address[128];

    snprintf(address, sizeof address, "unix:%s/control.sock", daemon->directory);
    return client_dial(address, SOCK_STREAM);
}

void control_say(int fd, const char *request)
{
    char *line = strdup(request);

    assert_non_null(line);
    for (char *c = line; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    client_say(fd, line);
    client_say(fd, "\n");
    free(line);
}

json_t *control_hear(int fd)
{
    return control_parse(client_hear_line(fd));
}

json_t *control_ask(const struct daemon *daemon, const char *request)
{
    int fd = control_dial(daemon);
    json_t *answer;

    control_say(fd, request);
    answer = control_hear(fd);
    close(fd);
    return answer;
}

json_t *control_result(const struct daemon *daemon, const char *request)
{
    json_t *answer = control_ask(daemon, request);

    if (!json_is_true(json_object_get(answer, "ok")))
        fail_msg("%s: %s", request, json_dumps(answer, 0));
    return control_get(answer, "result");
}

const char *control_error(const struct daemon *daemon, const char *request)
{
    json_t *answer = control_ask(daemon, request);

    assert_true(json_is_false(json_object_get(answer, "ok")));
    return control_text(answer, "error");
}

json_t *control_get(json_t *json, const char *path)
{
    json_t *at = json;
    char part[128];

    for (const char *rest = path; rest && *rest;) {
        const char *dot = strchrnul(rest, '.');

        snprintf(part, sizeof part, "%.*s", (int)(dot - rest), rest);
        at = json_is_array(at) ? json_array_get(at, strtoul(part, NULL, 10))
                               : json_object_get(at, part);
        if (!at)
            fail_msg("no \"%s\" in %s", path, json_dumps(json, 0));
        rest = *dot ? dot + 1 : NULL;
    }
    return at;
}

long long control_number(json_t *json, const char *path)
{
    json_t *number = control_get(json, path);

    assert_true(json_is_integer(number));
    return json_integer_value(number);
}

const char *control_text(json_t *json, const char *path)
{
    json_t *text = control_get(json, path);

    assert_true(json_is_string(text));
    return json_string_value(text);
}

void control_expect_true(json_t *json, const char *path)
{
    const json_t *value = control_get(json, path);

    if (!json_is_true(value))
        fail_msg("\"%s\" is not true in %s", path, json_dumps(json, 0));
}

/* ---- superctl ------------------------------------------------------------------------------- */

const char *control_superctl(void)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/superd/superctl/superctl", harness_build());
    return path;
}

static FILE *scratch(const char *content)
{
    FILE *file = tmpfile();

    assert_non_null(file);
    if (content)
        fputs(content, file);
    rewind(file);
    return file;
}

static const char *content_of(FILE *file)
{
    long length;
    char *text;

    fseek(file, 0, SEEK_END);
    length = ftell(file);
    rewind(file);
    text = calloc(1, (size_t)length + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)length, file), length);
    fclose(file);
    return keep_text(text, (size_t)length);
}

static _Noreturn void become_superctl(const struct daemon *daemon, char *arguments)
{
    const char *list[ARGUMENTS_MAX] = {"superctl", "-s", daemon_path(daemon, "control.sock"), "-c",
                                       daemon->config};
    size_t n = 5;

    for (char *word = strtok(arguments, " "); word && n < ARGUMENTS_MAX - 1;
         word = strtok(NULL, " "))
        list[n++] = word;
    execv(control_superctl(), (char *const *)list);
    _exit(127);
}

struct superctl_run superctl_run(const struct daemon *daemon, const char *input,
                                 const char *arguments)
{
    FILE *files[3] = {scratch(input), scratch(NULL), scratch(NULL)};
    struct superctl_run run;
    char *copy = strdup(arguments);
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0 && copy);
    if (pid == 0) {
        for (int i = 0; i < 3; i++)
            dup2(fileno(files[i]), i);
        become_superctl(daemon, copy);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    free(copy);
    fclose(files[0]);
    run.output = content_of(files[1]);
    run.errors = content_of(files[2]);
    run.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return run;
}

const char *superctl_expect(const struct daemon *daemon, int code, const char *arguments)
{
    struct superctl_run run = superctl_run(daemon, NULL, arguments);

    if (run.code != code)
        fail_msg("superctl %s: exit %d\n%s%s", arguments, run.code, run.output, run.errors);
    return run.output;
}
