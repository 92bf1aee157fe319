/*
 * git daemon --inetd, as etc/services.d/git.conf has it, cloned from with git. As root, the repository is of
 * another user than the service's.
 */
#include "real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A repository of some MB with a few commits. */
static void make_repository(const char *directory)
{
    char path[PATH_MAX];

    process_shell("mkdir -p '%s/tree' && cd '%s/tree' && git init -q -b main .", directory,
                  directory);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/tree/file%d", directory, i);
        real_fill(path, 2 << 20);
        process_shell("cd '%s/tree' && seq 1 2000 > text && git add . &&"
                      " git -c user.name=e2e -c user.email=e2e@localhost commit -q -m 'commit %d'",
                      directory, i);
    }
    process_shell("cd '%s' && git clone -q --bare tree repository.git &&"
                  " touch repository.git/git-daemon-export-ok && chmod -R a+rX .",
                  directory);
}

static void git_daemon__clone_of_some_mb__whole(void)
{
    const char *git = real_program("git", "git");
    struct daemon *daemon;
    const char *directory;
    char services[1024];
    unsigned port;

    setenv("HOME", "/nonexistent", 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    daemon = daemon_prepare(&(struct setup){.services = ""});
    directory = daemon_path(daemon, "git");
    daemon_expect_file(daemon, "git");
    make_repository(directory);
    snprintf(services, sizeof services,
             "git: { listen = ('127.0.0.1:0', 'unix:@DIR@/sock');\n"
             "  exec = ['%s', '-c', 'safe.directory=*', 'daemon', '--inetd',\n"
             "    '--base-path=%s', '%s'];\n"
             "  %s environment: { HOME = '/nonexistent'; }; };\n",
             git, directory, directory, harness_is_root() ? "user = 'nobody';" : "");
    daemon_configure(daemon, &(struct setup){.services = services});
    daemon_run(daemon, NULL);
    port = real_port(daemon, "git", 0);
    process_shell("cd '%s' && git clone -q git://127.0.0.1:%u/repository.git clone &&"
                  " git -C clone fsck --full --strict && git -C clone rev-parse HEAD > a &&"
                  " git -C tree rev-parse HEAD > b && cmp a b && diff -r -x .git tree clone",
                  directory, port);
    /* Several at a time, and one that asks for what is not there. */
    process_shell("cd '%s' && for i in 1 2 3 4; do"
                  " git clone -q git://127.0.0.1:%u/repository.git clone$i & p=\"$p $!\"; done;"
                  " for i in $p; do wait $i; done; ! git clone -q git://127.0.0.1:%u/none.git none",
                  directory, port, port);
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 0);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    {.name = "git_daemon__clone_of_some_mb__whole", .run = git_daemon__clone_of_some_mb__whole},
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
