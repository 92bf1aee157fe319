/*
 * rsync --daemon, fetched from and sent to with rsync.
 */
#include "real.h"

#include <stdio.h>

static void rsync_daemon__tree__checksums_are_equal(void)
{
    const char *rsync = real_program("rsync", "rsync");
    struct daemon *daemon = daemon_prepare(&(struct setup){.services = ""});
    char services[1024], path[PATH_MAX];
    const char *tree = daemon_path(daemon, "tree");
    unsigned port;

    daemon_expect_file(daemon, "tree");
    daemon_expect_file(daemon, "copy");
    daemon_expect_file(daemon, "upload");
    daemon_expect_file(daemon, "rsyncd.log");
    process_shell("mkdir -p '%s/a/b c/d' '%s' && seq 1 100000 > '%s/a/numbers' &&"
                  " touch '%s/a/b c/empty' && ln -s numbers '%s/a/link' && chmod 751 '%s/a'",
                  tree, daemon_path(daemon, "upload"), tree, tree, tree, tree);
    for (int i = 0; i < 50; i++) {
        snprintf(path, sizeof path, "%s/a/b c/d/file%d", tree, i);
        real_fill(path, (size_t)i * 10007);
    }
    daemon_write(daemon, "rsyncd.conf",
                 "use chroot = no\nmunge symlinks = no\nlog file = @DIR@/rsyncd.log\n"
                 "[tree]\npath = @DIR@/tree\nread only = yes\n"
                 "[upload]\npath = @DIR@/upload\nread only = no\n");
    process_shell("if test $(id -u) = 0; then printf 'uid = root\\ngid = root\\n' |"
                  " cat - '%s/rsyncd.conf' > '%s/new' && mv '%s/new' '%s/rsyncd.conf'; fi",
                  daemon->directory, daemon->directory, daemon->directory, daemon->directory);
    snprintf(services, sizeof services,
             "rsync: { listen = '127.0.0.1:0';\n"
             "  exec = ['%s', '--daemon', '--config=@DIR@/rsyncd.conf']; };\n",
             rsync);
    daemon_configure(daemon, &(struct setup){.services = services});
    daemon_run(daemon, NULL);
    port = real_port(daemon, "rsync", 0);
    process_shell("cd '%s' && rsync -a rsync://127.0.0.1:%u/tree/ copy &&"
                  " (cd tree && find . -type f -exec sha256sum {} +) > sums &&"
                  " (cd copy && sha256sum --quiet -c ../sums) && rm sums &&"
                  " diff -r tree copy &&"
                  " rsync -an --checksum --itemize-changes rsync://127.0.0.1:%u/tree/ copy > out &&"
                  " test ! -s out && rm out",
                  daemon->directory, port, port);
    process_shell("cd '%s' && rsync -a tree/ rsync://127.0.0.1:%u/upload/ && diff -r tree upload",
                  daemon->directory, port);
    process_shell("cd '%s' && ! rsync -a rsync://127.0.0.1:%u/none/ none", daemon->directory, port);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(rsync_daemon__tree__checksums_are_equal),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
