/*
 * Ordinary programs, unmodified, at each level: they notice nothing of `basic`, and `strict` needs
 * only to be told which files are theirs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#include "files.h"
#include "process.h"

static const char *const levels[] = {"isolation = 'basic';", "isolation = 'strict';"};

static const char *needs(const char *program)
{
    const char *path = program[0] == '/' && access(program, X_OK) == 0 ? program
                                                                       : process_find(program);

    if (!path)
        e2e_skip("there is no %s", program);
    return path;
}

static const char *port_of(struct daemon *daemon, const char *service)
{
    return strrchr(daemon_address(daemon, service, 0), ':') + 1;
}

/* Run TRY with a daemon whose service "it" is EXEC, at each level. */
static void at_each_level(const char *exec, const char *details,
                          void (*prepare)(struct daemon *daemon),
                          void (*try)(struct daemon *daemon))
{
    static const char *const made[] = {"git", "clone", "files", "site"};

    isolation_needs_root();
    for (size_t i = 0; i < COUNT(levels); i++) {
        static char services[8192];
        struct daemon *daemon = isolation_start(NULL, CAT);

        if (prepare)
            prepare(daemon);
        snprintf(services, sizeof services,
                 FIRST "it: { listen = '127.0.0.1:0'; exec = [ %s ]; " ATTACKER " %s %s };", exec,
                 levels[i], details);
        daemon_reload(daemon, &(struct setup){.superd = "isolation: { idle = '100ms'; };",
                                              .services = services});
        daemon_rebase(daemon);
        for (size_t n = 0; n < COUNT(made); n++)
            daemon_expect_file(daemon, made[n]);
        try(daemon);
        isolation_stop(daemon);
    }
}

/* ---- git ------------------------------------------------------------------------------------ */

static void make_repository(struct daemon *daemon)
{
    const char *where = daemon_path(daemon, "git");

    process_shell(
        "set -e; export HOME=/nonexistent; git init -q -b main %s/work; cd %s/work; echo "
        "hello > file; git add file; git -c user.name=a -c user.email=a@b commit -q -m "
        "first; git clone -q --bare %s/work %s/it.git; chown -R %d:%d %s; chmod -R a+rX %s",
        where, where, where, where, ATTACKER_UID, ATTACKER_UID, where, where);
}

static void clone_it(struct daemon *daemon)
{
    process_shell("set -e; export HOME=/nonexistent; rm -rf %s/clone; git clone -q "
                  "git://127.0.0.1:%s/it.git %s/clone; grep -q hello %s/clone/file",
                  daemon->directory, port_of(daemon, "it"), daemon->directory, daemon->directory);
}

static void git_daemon__each_level__clones(void)
{
    char exec[512];

    needs("git");
    snprintf(exec, sizeof exec,
             "'%s', 'daemon', '--inetd', '--export-all', '--base-path=@DIR@/git'", needs("git"));
    at_each_level(exec, "environment: { HOME = '/'; }; isolate: { read_only = '@DIR@/git'; };",
                  make_repository, clone_it);
}

/* ---- rsync ---------------------------------------------------------------------------------- */

static void make_module(struct daemon *daemon)
{
    char text[512];

    assert_int_equal(mkdir(daemon_path(daemon, "files"), 0755), 0);
    daemon_write(daemon, "files/one", "first file\n");
    snprintf(text, sizeof text, "use chroot = no\n[files]\npath = %s\nread only = yes\n",
             daemon_path(daemon, "files"));
    daemon_write(daemon, "rsyncd.conf", text);
}

static void copy_it(struct daemon *daemon)
{
    process_shell("set -e; rsync -a rsync://127.0.0.1:%s/files/ %s/copy/; cmp %s/files/one "
                  "%s/copy/one; rm -r %s/copy",
                  port_of(daemon, "it"), daemon->directory, daemon->directory, daemon->directory,
                  daemon->directory);
}

static void rsync__each_level__copies(void)
{
    char exec[512];

    snprintf(exec, sizeof exec, "'%s', '--daemon', '--config=@DIR@/rsyncd.conf'", needs("rsync"));
    at_each_level(exec, "isolate: { read_only = ['@DIR@/files', '@DIR@/rsyncd.conf']; };",
                  make_module, copy_it);
}

/* ---- Languages ------------------------------------------------------------------------------ */

static void say_hello(struct daemon *daemon)
{
    daemon_talk(daemon, "it", "hello\n", "HELLO\n");
}

static void interpreter(const char *program, const char *flag, const char *script)
{
    char exec[1024];

    snprintf(exec, sizeof exec, "'%s', '%s', '%s'", needs(program), flag, script);
    at_each_level(exec, "", NULL, say_hello);
}

static void shell__each_level__answers(void)
{
    interpreter("sh", "-c",
                "tr a-z A-Z | cat > /tmp/superd-test.$$ && cat /tmp/superd-test.$$ && rm "
                "/tmp/superd-test.$$");
}

static void perl__each_level__answers(void)
{
    interpreter("perl", "-e", "use strict; use POSIX; $| = 1; while (<STDIN>) { print uc }");
}

/* Threads, temporary files, and modules from the standard library. */
static void python__each_level__answers(void)
{
    interpreter("/usr/bin/python3", "-c",
                "import sys, threading, tempfile, json, subprocess\\n"
                "with tempfile.TemporaryFile() as f:\\n"
                "    f.write(sys.stdin.read().upper().encode()); f.seek(0)\\n"
                "    t = threading.Thread(target=lambda: sys.stdout.write(f.read().decode()))\\n"
                "    t.start(); t.join()\\n"
                "sys.stdout.flush(); subprocess.run([\\\"true\\\"], check=True)");
}

static void node__each_level__answers(void)
{
    interpreter(
        "node", "-e",
        "process.stdin.on(\\\"data\\\", d => process.stdout.write(String(d).toUpperCase()))");
}

/* ---- Services of ours ----------------------------------------------------------------------- */

static void make_page(struct daemon *daemon)
{
    assert_int_equal(mkdir(daemon_path(daemon, "site"), 0755), 0);
    daemon_write(daemon, "site/index.html", "<p>here</p>\n");
    files_copy(E2E_BUILD "/services/page/page", daemon_path(daemon, "page"));
    daemon_expect_file(daemon, "page");
}

static void fetch_it(struct daemon *daemon)
{
    char *text = process_shell("curl -sS http://127.0.0.1:%s/index.html", port_of(daemon, "it"));

    assert_string_equal(text, "<p>here</p>\n");
}

static void page__each_level__serves(void)
{
    needs("curl");
    if (access(E2E_BUILD "/services/page/page", X_OK) != 0)
        e2e_skip("page has not been built");
    at_each_level("'@DIR@/page', '@DIR@/site'", "", make_page, fetch_it);
}

static const struct e2e_case cases[] = {
    E2E(git_daemon__each_level__clones), E2E(rsync__each_level__copies),
    E2E(shell__each_level__answers),     E2E(perl__each_level__answers),
    E2E(python__each_level__answers),    E2E(node__each_level__answers),
    E2E(page__each_level__serves),
};

int main(int argc, char **argv)
{
    return isolation_main(argc, argv, cases, COUNT(cases));
}
