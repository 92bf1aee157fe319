/* call_sets: see call_sets.h. */
#include "config/call_sets.h"

#include <string.h>

/* clang-format off */
static const char *const base[] = {
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
    "pwritev2", "close", "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "ioctl", "lseek",
    "_llseek", "pipe", "pipe2", "poll", "ppoll", "select", "_newselect", "pselect6", "epoll_create",
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd",
    "eventfd2", "memfd_create", "mmap", "mmap2", "mprotect", "munmap", "mremap", "madvise",
    "mincore", "msync", "brk", "mlock", "mlock2", "munlock", "mlockall", "munlockall", "membarrier",
    "mseal", "map_shadow_stack", "pkey_alloc", "pkey_free", "pkey_mprotect", "set_mempolicy",
    "get_mempolicy", "mbind", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "sigaltstack",
    "sigreturn", "signalfd", "signalfd4", "pause", "restart_syscall", "exit", "exit_group", "futex",
    "futex_waitv", "futex_wake", "futex_wait", "futex_requeue", "set_robust_list",
    "get_robust_list", "rseq", "set_tid_address", "arch_prctl", "set_thread_area",
    "get_thread_area", "prctl", "personality", "gettid", "getpid", "getppid", "getpgid", "getpgrp",
    "getsid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
    "capget", "getcpu", "sysinfo", "uname", "times", "time", "gettimeofday", "clock_gettime",
    "clock_getres", "clock_nanosleep", "nanosleep", "getrandom", "sched_yield", "timerfd_create",
    "timerfd_settime", "timerfd_gettime", "timer_create", "timer_settime", "timer_gettime",
    "timer_getoverrun", "timer_delete", "alarm", "getitimer", "setitimer", "riscv_flush_icache",
    "riscv_hwprobe", "cacheflush", NULL};
static const char *const files[] = {
    "open", "openat", "openat2", "creat", "stat", "stat64", "fstat", "fstat64", "lstat", "lstat64",
    "newfstatat", "fstatat64", "statx", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents", "getdents64", "rename", "renameat", "renameat2", "link", "linkat",
    "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat",
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime",
    "utimes", "futimesat", "utimensat", "truncate", "ftruncate", "truncate64", "ftruncate64",
    "fallocate", "fsync", "fdatasync", "sync_file_range", "sync", "syncfs", "fadvise64",
    "fadvise64_64", "readahead", "flock", "statfs", "fstatfs", "statfs64", "fstatfs64", "getcwd",
    "chdir", "fchdir", "umask", "setxattr", "lsetxattr", "fsetxattr", "setxattrat", "getxattr",
    "lgetxattr", "fgetxattr", "getxattrat", "listxattr", "llistxattr", "flistxattr", "listxattrat",
    "removexattr", "lremovexattr", "fremovexattr", "removexattrat", "copy_file_range", "sendfile",
    "sendfile64", "splice", "tee", "vmsplice", "inotify_init", "inotify_init1",
    "inotify_add_watch", "inotify_rm_watch", "cachestat", "io_setup", "io_destroy", "io_submit",
    "io_cancel", "io_getevents", "io_pgetevents", NULL};
static const char *const process[] = {
    "clone", "fork", "vfork", "execve", "execveat", "wait4", "waitid", "kill", "tkill", "tgkill",
    "setpgid", "setsid", "setpriority", "getpriority", "getrlimit", "setrlimit", "prlimit64",
    "getrusage", "sched_setparam", "sched_getparam", "sched_setscheduler", "sched_getscheduler",
    "sched_get_priority_max", "sched_get_priority_min", "sched_rr_get_interval",
    "sched_setaffinity", "sched_getaffinity", "sched_setattr", "sched_getattr", "ioprio_set",
    "ioprio_get", "pidfd_open", "pidfd_send_signal", NULL};
static const char *const identity[] = {
    "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid",
    "setgroups", "capset", NULL};
static const char *const network[] = {
    "socket", "socketpair", "bind", "connect", "listen", "accept", "accept4", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom",
    "recvmsg", "recvmmsg", "shutdown", NULL};
static const char *const ipc[] = {
    "shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget",
    "msgsnd", "msgrcv", "msgctl", "ipc", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive",
    "mq_notify", "mq_getsetattr", NULL};
static const char *const sandbox[] = {
    "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", NULL};
static const char *const debug[] = {
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease",
    "kcmp", "pidfd_getfd", NULL};
static const char *const namespaces[] = {"unshare", "setns", "clone3", NULL};
static const char *const mount[] = {
    "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig", "fsmount", "fspick",
    "open_tree", "move_mount", "mount_setattr", "statmount", "listmount", NULL};
static const char *const keyring[] = {"add_key", "request_key", "keyctl", NULL};
static const char *const kernel[] = {
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "iopl", "ioperm", "modify_ldt", "vm86", "vm86old", "fanotify_init",
    "fanotify_mark", "lookup_dcookie", "name_to_handle_at", "open_by_handle_at", "memfd_secret",
    "remap_file_pages", "migrate_pages", "move_pages", "set_mempolicy_home_node", NULL};
static const char *const administration[] = {
    "reboot", "swapon", "swapoff", "sethostname", "setdomainname", "settimeofday", "stime",
    "clock_settime", "clock_adjtime", "clock_settime64", "adjtimex", "acct", "quotactl",
    "quotactl_fd", "syslog", "vhangup", "nfsservctl", "uselib", "ustat", "sysfs", "_sysctl",
    "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules", NULL};
static const char *const ordinary[] = {
    "@base", "@files", "@process", "@identity", "@network", "@ipc", "@sandbox", NULL};
/* clang-format on */

static const struct call_set sets[] = {
    {"@ordinary-1", "what programs of a distribution use: all of the seven sets below it",
     ordinary},
    {"@ordinary", "the newest of the versioned sets", ordinary},
    {"@base", "memory, descriptors, time, signals, threads, asking who one is", base},
    {"@files", "opening, reading and changing files and directories", files},
    {"@process", "starting, ending and scheduling processes", process},
    {"@identity", "changing one's uid, gid and capabilities, as far as the kernel lets one",
     identity},
    {"@network", "sockets: UNIX, IPv4, IPv6 and netlink ones", network},
    {"@ipc", "System V and POSIX message queues, semaphores, shared memory", ipc},
    {"@sandbox", "restricting oneself further", sandbox},
    {"@debug", "tracing other processes and reading their memory", debug},
    {"@namespace", "entering and making namespaces", namespaces},
    {"@mount", "mounting file systems, changing the root", mount},
    {"@keyring", "the kernel's key rings", keyring},
    {"@kernel", "parts of the kernel that are often attacked, and its modules", kernel},
    {"@administration", "clock, swap, host name, quotas, rebooting", administration},
};

#define SETS  (sizeof sets / sizeof sets[0])
#define PLAIN 2 /* from here on: sets of calls, not of sets */

static const char *const needed[] = {
    "clone",        "close",         "dup2",         "dup3",
    "execve",       "exit",          "exit_group",   "fcntl",
    "futex",        "getpid",        "getsockname",  "getsockopt",
    "mmap",         "mprotect",      "munmap",       "brk",
    "openat",       "prctl",         "prlimit64",    "setrlimit",
    "read",         "recvmsg",       "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "sendto",        "setgroups",    "setpriority",
    "setresgid",    "setresuid",     "setsid",       "umask",
    "write",        "capset",        "chdir",        "landlock_restrict_self",
    "mkdirat",      "clock_gettime",
};

const struct call_set *call_set_at(size_t number)
{
    return number < SETS ? &sets[number] : NULL;
}

const struct call_set *call_set_find(const char *name)
{
    for (size_t i = 0; i < SETS; i++) {
        if (strcmp(sets[i].name, name) == 0)
            return &sets[i];
    }
    return NULL;
}

bool call_known(const char *name)
{
    for (size_t i = PLAIN; i < SETS; i++) {
        for (const char *const *member = sets[i].members; *member; member++) {
            if (strcmp(*member, name) == 0)
                return true;
        }
    }
    return false;
}

void call_each(const char *name, void (*visit)(void *data, const char *call), void *data)
{
    const struct call_set *set;

    if (name[0] != '@') {
        visit(data, name);
        return;
    }
    set = call_set_find(name);
    for (const char *const *member = set ? set->members : NULL; member && *member; member++)
        call_each(*member, visit, data); /* at most two deep */
}

bool call_is_of_keys(const char *name)
{
    for (const char *const *member = keyring; *member; member++) {
        if (strcmp(*member, name) == 0)
            return true;
    }
    return false;
}

bool call_is_needed(const char *name)
{
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (strcmp(needed[i], name) == 0)
            return true;
    }
    return false;
}

size_t call_count(void)
{
    size_t count = 0;

    for (size_t i = PLAIN; i < SETS; i++) {
        for (const char *const *member = sets[i].members; *member; member++)
            count++;
    }
    return count;
}
