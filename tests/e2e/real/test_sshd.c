/*
 * sshd -i: a login with a key, a command, a transfer of 100 MB.
 */
#include "real.h"

#include <pwd.h>
#include <sys/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A server that lets in the user who runs us, by one key, and reads nothing of the host's. */
static struct daemon *start_sshd(void)
{
    const char *sshd = real_program("sshd", "openssh-server");
    struct daemon *daemon;
    char services[1024];

    real_program("ssh", "openssh-client");
    real_program("ssh-keygen", "openssh-client");
    if (harness_is_root() && mkdir("/run/sshd", 0755) != 0 && access("/run/sshd", X_OK) != 0)
        e2e_skip("sshd wants a directory /run/sshd");
    daemon = daemon_prepare(&(struct setup){.services = ""});
    for (size_t i = 0; i < 7; i++) {
        static const char *const names[] = {"host",         "host.pub", "user", "user.pub",
                                            "allowed_keys", "big",      "got"};

        daemon_expect_file(daemon, names[i]);
    }
    process_shell("cd '%s' && ssh-keygen -q -t ed25519 -N '' -f host &&"
                  " ssh-keygen -q -t ed25519 -N '' -f user && cp user.pub allowed_keys",
                  daemon->directory);
    daemon_write(daemon, "sshd_config",
                 "HostKey @DIR@/host\nAuthorizedKeysFile @DIR@/allowed_keys\nStrictModes no\n"
                 "UsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"
                 "PidFile none\nPrintMotd no\nPrintLastLog no\nLogLevel ERROR\n");
    snprintf(
        services, sizeof services,
        "ssh: { listen = '127.0.0.1:0'; exec = ['%s', '-i', '-e', '-f', '@DIR@/sshd_config']; };\n",
        sshd);
    daemon_configure(daemon, &(struct setup){.services = services});
    daemon_run(daemon, NULL);
    return daemon;
}

static char *over_ssh(struct daemon *daemon, const char *command)
{
    const struct passwd *user = getpwuid(geteuid());

    assert_non_null(user);
    return process_shell("cd '%s' && ssh -F none -i user -o IdentitiesOnly=yes -o BatchMode=yes"
                         " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
                         " -o LogLevel=ERROR -p %u %s@127.0.0.1 %s",
                         daemon->directory, real_port(daemon, "ssh", 0), user->pw_name, command);
}

static void need_login_shell(void)
{
    const struct passwd *user = getpwuid(geteuid());

    if (!user || access(user->pw_shell, X_OK) != 0 || strstr(user->pw_shell, "nologin") ||
        strstr(user->pw_shell, "false"))
        e2e_skip("the user who runs this has no shell to log in with");
}

static void sshd__login_with_a_key__command_runs(void)
{
    struct daemon *daemon;

    need_login_shell();
    daemon = start_sshd();
    assert_string_equal(over_ssh(daemon, "'echo hello; echo $((6 * 7))'"), "hello\n42\n");
    assert_non_null(strstr(over_ssh(daemon, "'echo $SSH_CONNECTION'"), "127.0.0.1 "));
    daemon_stop(daemon);
}

static void sshd__100_mb__whole_both_ways(void)
{
    struct daemon *daemon;
    char command[256];

    need_login_shell();
    daemon = start_sshd();
    real_fill(daemon_path(daemon, "big"), 100 << 20);
    snprintf(command, sizeof command, "'cat > %s/got' < big && cmp big got", daemon->directory);
    over_ssh(daemon, command);
    snprintf(command, sizeof command, "'cat %s/big' | cmp - big", daemon->directory);
    over_ssh(daemon, command);
    daemon_stop(daemon);
}

/* sshd ends with 255 after each session that ended so; that is nobody's failure. */
static void sshd__status_of_the_command__comes_back(void)
{
    struct daemon *daemon;

    need_login_shell();
    daemon = start_sshd();
    for (int i = 0; i < 5; i++)
        over_ssh(daemon, "'exit 7' || test $? = 7");
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 0);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(sshd__login_with_a_key__command_runs),
    E2E(sshd__100_mb__whole_both_ways),
    E2E(sshd__status_of_the_command__comes_back),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
