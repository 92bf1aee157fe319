/*
 * tree: see tree.h.
 */
#include "supervise/tree.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "base/log.h"
#include "base/proc.h"
#include "base/units.h"
#include "supervise/groups.h"
#include "supervise/instance.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

/* Looks at most for one SIGKILL: a fork bomb may outrun any number of them. */
#define KILL_ROUNDS 50
/* Looks that find nobody before that is believed, where one has found somebody: who forks and ends all
 * the time can be missed by one. */
#define QUIET_ROUNDS 3
/* Looks at our own children in each of them. */
#define ORPHAN_LOOKS 64
/* More than SUPERD_INSTANCE and any number take. */
#define ENVIRONMENT_OVERLAP 64

/* One end that was asked for; it outlives its instance. */
struct tree_end {
    uint64_t id;
    pid_t pid; /* of the instance, so its session and its first process group */
    int number;
    unsigned rounds;
    unsigned quiet; /* of them, the last ones, in which nobody was seen */
    size_t seen;    /* processes of it at this look */
    UT_hash_handle hh;
};

/* A process as /proc shows it. */
struct process {
    pid_t pid, parent, group, session;
    uint64_t owner; /* instance id; 0: none of ours */
    bool resolved;
    UT_hash_handle hh;
};

/* ---- Looking through /proc ------------------------------------------------------------------ */

static bool read_process(pid_t pid, struct process *process)
{
    struct proc_stat stat;

    if (!proc_stat(pid, &stat) || stat.state == 'Z' || stat.state == 'X')
        return false; /* dead already; its parent's business */
    *process = (struct process){
        .pid = pid, .parent = stat.parent, .group = stat.group, .session = stat.session};
    return true;
}

static struct process *look(void)
{
    struct process *all = NULL;
    DIR *directory = opendir("/proc");
    struct dirent *entry;

    if (!directory)
        return NULL;
    while ((entry = readdir(directory))) {
        struct process found, *process;
        uint64_t pid;

        if (!units_parse_number(entry->d_name, INT32_MAX, &pid) ||
            !read_process((pid_t)pid, &found))
            continue;
        process = malloc(sizeof *process);
        if (!process)
            break;
        *process = found;
        HASH_ADD(hh, all, pid, sizeof process->pid, process);
        if (!process->hh.tbl)
            free(process);
    }
    closedir(directory);
    return all;
}

/* The number behind SUPERD_INSTANCE in a piece of an environment; 0: it is not there as a whole. */
static uint64_t find_instance(const char *text, size_t length)
{
    static const char name[] = "\0SUPERD_INSTANCE=";
    const char *at = memmem(text, length, name, sizeof name - 1);
    uint64_t id = 0;

    if (!at)
        return 0;
    at += sizeof name - 1;
    if (!memchr(at, '\0', (size_t)(text + length - at)) || !units_parse_number(at, UINT64_MAX, &id))
        return 0;
    return id;
}

/* The instance that an orphan's environment names, wherever in it that stands; 0: none. */
static uint64_t environment_owner(pid_t pid)
{
    char text[8192] = ""; /* begins with the end of a variable that is not there */
    int fd = proc_open(pid, "environ");
    size_t kept = 1;
    uint64_t id = 0;
    ssize_t n;

    if (fd < 0)
        return 0;
    while (id == 0 && (n = read(fd, text + kept, sizeof text - kept)) > 0) {
        size_t length = kept + (size_t)n;

        id = find_instance(text, length);
        kept = length < ENVIRONMENT_OVERLAP ? length : ENVIRONMENT_OVERLAP;
        memmove(text, text + length - kept, kept);
    }
    close(fd);
    return id;
}

/* The instance that had PID and has been reaped, while its rest is being ended. */
static uint64_t ended_owner(const struct supervisor *supervisor, pid_t pid)
{
    const struct tree_end *end;

    for (end = supervisor->tree_ends; end; end = end->hh.next) {
        if (end->pid == pid)
            return end->id;
    }
    return 0;
}

/* Whose is it, who has come to us as an orphan, or is a child of ours that is no instance? */
static uint64_t orphan_owner(const struct supervisor *supervisor, const struct process *process)
{
    struct instance *instance = instance_find_pid((struct supervisor *)supervisor,
                                                  process->session);
    uint64_t id = instance ? instance->id : ended_owner(supervisor, process->session);

    /* Every handler leads a session, so what is in ours are launchers, whatever their environment. */
    if (process->session == getsid(0))
        return 0;
    return id ? id : environment_owner(process->pid);
}

/* Whose is it? By itself, by its parents, by its session, by its environment. */
static uint64_t owner_of(struct supervisor *supervisor, struct process *all,
                         struct process *process, unsigned depth)
{
    struct instance *instance = instance_find_pid(supervisor, process->pid);
    struct process *parent;

    if (process->resolved || depth > 1000)
        return process->owner;
    process->resolved = true;
    if (instance)
        return process->owner = instance->id;
    if (process->pid == getpid())
        return 0;
    HASH_FIND(hh, all, &process->parent, sizeof process->parent, parent);
    if (parent && parent->pid != getpid())
        process->owner = owner_of(supervisor, all, parent, depth + 1);
    if (!process->owner && process->parent == getpid())
        process->owner = orphan_owner(supervisor, process);
    return process->owner;
}

/* ---- Signals -------------------------------------------------------------------------------- */

static void send_signal(pid_t pid, int number)
{
    kill(pid, number);
    if (number != SIGKILL)
        kill(pid, SIGCONT);
}

/* Returns whether it is one that is to be ended. */
static bool signal_process(struct supervisor *supervisor, const struct process *process)
{
    struct tree_end *end;

    if (!process->owner || process->pid == getpid())
        return false;
    HASH_FIND(hh, supervisor->tree_ends, &process->owner, sizeof process->owner, end);
    if (!end)
        return false;
    /* The whole group in one call, so that what it forks meanwhile is not missed. */
    if (end->number == SIGKILL && process->group > 1 && process->group != getpgrp())
        kill(-process->group, SIGKILL);
    send_signal(process->pid, end->number);
    end->seen++;
    return true;
}

/* Signal those of our children that are orphans to be ended. Returns how many, and in *CHILDREN_R how
 * many children there are, dead ones included. */
static size_t signal_orphans(struct supervisor *supervisor, size_t *children_r)
{
    char path[64];
    size_t signalled = 0;
    FILE *file;
    int pid;

    *children_r = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    file = fopen(path, "re");
    if (!file)
        return 0;
    for (; fscanf(file, "%d", &pid) == 1; ++*children_r) {
        struct process process;

        if (instance_find_pid(supervisor, pid) || !read_process(pid, &process))
            continue;
        process.owner = orphan_owner(supervisor, &process);
        signalled += signal_process(supervisor, &process);
    }
    fclose(file);
    return signalled;
}

/* Processes that fork and end, their children as well and so on, outrun a look through /proc: whoever was
 * seen has ended before he can be signalled. But each of them becomes our child, and stays, dead, until
 * it is reaped. So our children are looked at, and each is signalled as soon as it is seen, until there
 * is none and no other has come. */
static void chase_orphans(struct supervisor *supervisor)
{
    size_t before = 0, children = 0, signalled = 1;

    for (int i = 0; i < ORPHAN_LOOKS && (signalled || children != before); i++) {
        before = children;
        signalled = signal_orphans(supervisor, &children);
    }
}

static bool any_killed(const struct supervisor *supervisor)
{
    const struct tree_end *end;

    for (end = supervisor->tree_ends; end; end = end->hh.next) {
        if (end->number == SIGKILL)
            return true;
    }
    return false;
}

static void forget(struct supervisor *supervisor, struct tree_end *end)
{
    HASH_DEL(supervisor->tree_ends, end);
    free(end);
}

/* SIGTERM is sent once; SIGKILL until nobody is left to get it. */
static void finish_round(struct supervisor *supervisor, struct tree_end *end)
{
    end->quiet = end->seen == 0 ? end->quiet + 1 : 0;
    if (end->number != SIGKILL || (end->quiet > 0 && end->rounds == 0) ||
        end->quiet == QUIET_ROUNDS) {
        forget(supervisor, end);
    } else if (++end->rounds >= KILL_ROUNDS && end->seen > 0) {
        log_event(LEVEL_ERROR, "error", log_text("what", "processes survive SIGKILL"),
                  log_u64("instance", end->id), log_u64("processes", end->seen));
        forget(supervisor, end);
    } else {
        end->seen = 0;
    }
}

static void run_batch(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    struct process *all = look(), *process, *next;
    struct tree_end *end, *next_end;

    HASH_ITER (hh, all, process, next) {
        owner_of(supervisor, all, process, 0);
    }
    HASH_ITER (hh, all, process, next) {
        signal_process(supervisor, process);
    }
    if (any_killed(supervisor))
        chase_orphans(supervisor);
    HASH_ITER (hh, supervisor->tree_ends, end, next_end) {
        finish_round(supervisor, end);
    }
    HASH_ITER (hh, all, process, next) {
        HASH_DEL(all, process);
        free(process);
    }
    if (supervisor->tree_ends)
        uv_timer_start(timer, run_batch, TREE_BATCH_MS, 0);
    else
        supervisor_room(supervisor); /* a stop may have waited for this */
}

/* Have the next look send NUMBER to what belongs to INSTANCE. */
static void queue(struct instance *instance, int number)
{
    struct supervisor *supervisor = instance->service->supervisor;
    struct tree_end *end;

    HASH_FIND(hh, supervisor->tree_ends, &instance->id, sizeof instance->id, end);
    if (!end) {
        end = calloc(1, sizeof *end);
        if (!end)
            return;
        end->id = instance->id;
        end->pid = instance->pid;
        HASH_ADD(hh, supervisor->tree_ends, id, sizeof end->id, end);
        if (!end->hh.tbl) {
            free(end);
            return;
        }
    }
    end->number = number;
    end->rounds = end->quiet = 0;
    if (!uv_is_active((uv_handle_t *)&supervisor->tree_timer))
        uv_timer_start(&supervisor->tree_timer, run_batch, TREE_BATCH_MS, 0);
}

void tree_signal(struct instance *instance, int number)
{
    if (number == SIGKILL && groups_kill(instance))
        return;
    /* The group first and at once: that is all of most instances. */
    kill(-instance->pid, number);
    send_signal(instance->pid, number);
    queue(instance, number);
}

void tree_kill_rest(struct instance *instance)
{
    if (groups_kill(instance))
        return;
    queue(instance, SIGKILL);
}

void tree_begin(struct supervisor *supervisor)
{
    uv_timer_init(&supervisor->loop, &supervisor->tree_timer);
    supervisor->tree_timer.data = supervisor;
}

void tree_stop(struct supervisor *supervisor)
{
    struct tree_end *end, *next;

    HASH_ITER (hh, supervisor->tree_ends, end, next) {
        forget(supervisor, end);
    }
    uv_close((uv_handle_t *)&supervisor->tree_timer, NULL);
}
