/*
 * superctl new: in every language, what it writes is put live as it says, and is a handler without
 * faults. A language that is not installed is skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"

#define MANY 2000 /* lines */
#define HUGE 1000000

static void needs(const char *program)
{
    if (!process_find(program))
        e2e_skip("%s is not installed", program);
}

/* ---- Making one ----------------------------------------------------------------------------- */

/* A line for the shell with the programs under test in PATH, in the daemon's directory. */
static char *command(const struct daemon *daemon, const char *line)
{
    return process_shell("PATH=%s/superd:%s/superd/superctl:$PATH; export PATH\n"
                         "SUPERD_TEMPLATES=%s/etc/templates; export SUPERD_TEMPLATES\n"
                         "umask 022; cd %s; { %s; } 2>&1",
                         harness_build(), harness_build(), E2E_SOURCE, daemon->directory, line);
}

/* The NUMBERth command that TEXT advises: its lines that begin with blanks. */
static char *advised(const char *text, int number)
{
    for (const char *at = strstr(text, "\n    "); at; at = strstr(at + 1, "\n    ")) {
        if (number-- == 0)
            return strndup(at + 5, strcspn(at + 5, "\n"));
    }
    fail_msg("no such command in: %s", text);
    return NULL;
}

static void expect_words(const char *said, const char *words)
{
    if (!strstr(said, words))
        fail_msg("\"%s\" is not in: %s", words, said);
}

static void create(struct daemon *daemon, const char *language, const char *source)
{
    static const char *const rest[] = {"mine.conf", "mine"};
    char line[256];
    char *said, *build, *attempt, *check;
    bool built = strcmp(source, "mine") != 0;

    daemon_expect_file(daemon, source);
    for (size_t i = 0; i < COUNT(rest); i++)
        daemon_expect_file(daemon, rest[i]);
    snprintf(line, sizeof line, "superctl new mine --lang %s --listen 127.0.0.1:0", language);
    said = command(daemon, line);
    if (built) {
        build = advised(said, 0);
        command(daemon, build);
        free(build);
    }
    attempt = advised(said, built ? 1 : 0);
    snprintf(line, sizeof line, "printf 'one\\ntwo' | %s 2>/dev/null", attempt);
    said = strdup(said);
    expect_words(command(daemon, line), "127.0.0.1 said: two\n");
    check = advised(said, built ? 2 : 1);
    assert_null(strstr(command(daemon, check), ": warning: "));
    free(attempt);
    free(check);
    free(said);
}

/* ---- Talking to it -------------------------------------------------------------------------- */

static void expect_line(int client, const char *text)
{
    assert_string_equal(client_hear_line(client), text);
}

/* Each line is answered before the next one is said, and clients do not wait for one another. */
static void talk_in_turns(struct daemon *daemon)
{
    int first = daemon_dial(daemon, "mine"), second = daemon_dial(daemon, "mine");

    client_say(first, "one\n");
    expect_line(first, "127.0.0.1 said: one");
    client_say(second, "another\r\n");
    expect_line(second, "127.0.0.1 said: another");
    client_say(first, "\n  tw");
    expect_line(first, "127.0.0.1 said: ");
    client_say(first, "o\\n %s $HOME `id` \xff\xc3(\n");
    expect_line(first, "127.0.0.1 said:   two\\n %s $HOME `id` \xff\xc3(");
    client_say(first, "last");
    client_half_close(first);
    client_half_close(second);
    assert_string_equal(client_hear_all(second, NULL), "");
    assert_string_equal(client_hear_all(first, NULL), "127.0.0.1 said: last\n");
    close(first);
    close(second);
    expect_event(&daemon->events, "stderr", "service", "mine", "text", "answered 4 lines", NULL);
    expect_event(&daemon->events, "stderr", "service", "mine", "text", "answered 1 lines", NULL);
    expect_event(&daemon->events, "end", "service", "mine", "outcome", "ok", NULL);
    expect_event(&daemon->events, "end", "service", "mine", "outcome", "ok", NULL);
}

/* A client that reads nothing until it has said everything gets everything. */
static void talk_much(struct daemon *daemon)
{
    int client = daemon_dial(daemon, "mine");
    char expected[64];

    for (int i = 0; i < MANY; i++) {
        snprintf(expected, sizeof expected, "this is line %d of many\n", i);
        client_say(client, expected);
    }
    client_half_close(client);
    for (int i = 0; i < MANY; i++) {
        snprintf(expected, sizeof expected, "127.0.0.1 said: this is line %d of many", i);
        expect_line(client, expected);
    }
    client_expect_closed(client);
    close(client);
    expect_event(&daemon->events, "stderr", "text", "answered 2000 lines", NULL);
    expect_event(&daemon->events, "end", "service", "mine", "outcome", "ok", NULL);
}

static void say_nothing(struct daemon *daemon)
{
    daemon_talk(daemon, "mine", "", "");
    expect_event(&daemon->events, "stderr", "text", "answered 0 lines", NULL);
    expect_event(&daemon->events, "end", "service", "mine", "outcome", "ok", NULL);
}

/* Breaking off is no error of the handler: nothing but its usual words, and no status. (Nothing that
 * is written in awk can keep awk from saying that it could not write: LOUD.) */
static void break_off(struct daemon *daemon, bool loud)
{
    int client = daemon_dial(daemon, "mine");
    json_t *end;

    client_say(client, "one\n");
    expect_line(client, "127.0.0.1 said: one");
    for (int i = 0; i < MANY; i++)
        client_say(client, "more\n");
    client_reset(client);
    end = expect_event(&daemon->events, "end", "service", "mine", NULL);
    if (loud)
        return;
    if (strcmp(event_text(end, "outcome"), "ok") != 0)
        assert_string_equal(event_text(end, "signal"), "PIPE");
    for (size_t i = 0; i < daemon->events.count; i++) {
        const json_t *json = daemon->events.list[i].json;

        if (strcmp(event_text(json, "event"), "stderr") == 0)
            assert_int_equal(strncmp(event_text(json, "text"), "answered ", 9), 0);
    }
}

/* A line without an end does no harm to others, and its instance ends. */
static void send_huge_line(struct daemon *daemon)
{
    int client = daemon_dial(daemon, "mine"), other = daemon_dial(daemon, "mine");

    client_stuff(client, HUGE);
    client_say(other, "one\n");
    expect_line(other, "127.0.0.1 said: one");
    client_reset(client);
    close(other);
    expect_event(&daemon->events, "end", "service", "mine", NULL);
    expect_event(&daemon->events, "end", "service", "mine", NULL);
}

/* Write it beside a running daemon, include it, reload, and talk to it. */
static void serves(const char *language, const char *source)
{
    const struct setup before = {.services = ""};
    const struct setup after = {.services = "", .top = "include = ['@DIR@/mine.conf'];"};
    struct daemon *daemon = daemon_start(&before);

    create(daemon, language, source);
    daemon_reload(daemon, &after);
    talk_in_turns(daemon);
    talk_much(daemon);
    say_nothing(daemon);
    break_off(daemon, strcmp(language, "awk") == 0);
    send_huge_line(daemon);
    daemon_stop(daemon);
}

static void sh__written__serves(void)
{
    serves("sh", "mine");
}

static void python__written__serves(void)
{
    needs("python3");
    serves("python", "mine");
}

static void perl__written__serves(void)
{
    needs("perl");
    serves("perl", "mine");
}

static void awk__written__serves(void)
{
    needs("awk");
    serves("awk", "mine");
}

static void node__written__serves(void)
{
    needs("node");
    serves("node", "mine");
}

static void ruby__written__serves(void)
{
    needs("ruby");
    serves("ruby", "mine");
}

static void lua__written__serves(void)
{
    needs("lua");
    serves("lua", "mine");
}

static void tcl__written__serves(void)
{
    needs("tclsh");
    serves("tcl", "mine");
}

static void c__written__serves(void)
{
    needs("cc");
    serves("c", "mine.c");
}

static void go__written__serves(void)
{
    needs("go");
    serves("go", "mine.go");
}

/* The compiler may stand in a folder of one's own. */
static void rust__written__serves(void)
{
    if (*process_shell("command -v rustc || :") == '\0')
        e2e_skip("rustc is not installed");
    serves("rust", "mine.rs");
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* Expects that LINE fails, and says WORDS. */
static void fails(const struct daemon *daemon, const char *line, const char *words)
{
    char whole[1024];

    snprintf(whole, sizeof whole, "if %s; then echo it did not fail; exit 1; fi", line);
    expect_words(command(daemon, whole), words);
}

static void files__there_already__not_touched(void)
{
    static const char *const names[] = {"mine", "mine.c", "mine.conf"};
    const struct setup setup = {.services = ""};
    struct daemon *daemon = daemon_start(&setup);
    char path[64];

    for (size_t i = 0; i < COUNT(names); i++) {
        daemon_write(daemon, names[i], "precious");
        snprintf(path, sizeof path, "%s is there already", names[i]);
        fails(daemon, "superctl new mine --lang c", path);
        assert_string_equal(daemon_read(daemon, names[i]), "precious");
        for (size_t j = 0; j < COUNT(names); j++)
            assert_true(i == j || access(daemon_path(daemon, names[j]), F_OK) != 0);
        unlink(daemon_path(daemon, names[i]));
    }
    /* Also when it leads nowhere. */
    assert_int_equal(symlink("/nonexistent", daemon_path(daemon, "mine.conf")), 0);
    fails(daemon, "superctl new mine", "mine.conf is there already");
    assert_int_not_equal(access(daemon_path(daemon, "mine"), F_OK), 0);
    daemon_stop(daemon);
}

static void files__second_one_fails__none_left(void)
{
    const struct setup setup = {.services = ""};
    struct daemon *daemon = daemon_start(&setup);

    command(daemon, "mkdir t; cp $SUPERD_TEMPLATES/handler.sh t");
    fails(daemon, "superctl new mine --templates t", "service.conf: No such file");
    assert_int_not_equal(access(daemon_path(daemon, "mine"), F_OK), 0);
    command(daemon, "rm -r t");
    daemon_stop(daemon);
}

static void words__wrong__said(void)
{
    const struct setup setup = {.services = ""};
    struct daemon *daemon = daemon_start(&setup);

    fails(daemon, "superctl new", "what NAME?");
    fails(daemon, "superctl new one two", "what NAME?");
    fails(daemon, "superctl new 'a b'", "no name for a service");
    fails(daemon, "superctl new ../up", "no name for a service");
    fails(daemon, "superctl new ''", "no name for a service");
    fails(daemon, "superctl new mine --lang pyton", "did you mean \"python\"");
    fails(daemon, "superctl new mine -d nowhere", "nowhere: No such file or directory");
    fails(daemon, "superctl new mine --listen 'unix:/run/x'", "no address for TCP");
    fails(daemon, "superctl new mine --listen '\"; user = \"root'", "no address for TCP");
    fails(daemon, "superctl new mine --loud", "not known here");
    daemon_stop(daemon);
}

/* The advice holds in a directory whose name means something to a shell and to libconfig. */
static void directory__strange__commands_hold(void)
{
    const struct setup setup = {.services = ""};
    struct daemon *daemon = daemon_start(&setup);
    char *said, *check;

    command(daemon, "mkdir 'it'\\''s \"$x\"\\'");
    said = strdup(command(daemon, "superctl new mine -d 'it'\\''s \"$x\"\\'"));
    check = advised(said, 1);
    command(daemon, check);
    assert_non_null(strstr(check, "'it'\\''s \"$x\"\\/mine.conf'"));
    command(daemon, "rm -r it*");
    free(said);
    free(check);
    daemon_stop(daemon);
}

int main(int argc, char **argv)
{
    static const struct e2e_case cases[] = {
        E2E(sh__written__serves),
        E2E(python__written__serves),
        E2E(perl__written__serves),
        E2E(awk__written__serves),
        E2E(c__written__serves),
        E2E(node__written__serves),
        E2E(ruby__written__serves),
        E2E(lua__written__serves),
        E2E(tcl__written__serves),
        E2E(go__written__serves),
        E2E(rust__written__serves),
        E2E(files__there_already__not_touched),
        E2E(files__second_one_fails__none_left),
        E2E(words__wrong__said),
        E2E(directory__strange__commands_hold),
    };

    return e2e_main(argc, argv, cases, COUNT(cases));
}
