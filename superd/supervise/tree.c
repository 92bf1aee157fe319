/*
 * tree: see tree.h.
 */
#include "supervise/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "base/log.h"
#include "base/units.h"
#include "supervise/groups.h"
#include "supervise/instance.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

/* Looks at most for one SIGKILL: a fork bomb may outrun any number of them. */
#define KILL_ROUNDS 50

/* One end that was asked for; it outlives its instance. */
struct tree_end {
    uint64_t id;
    pid_t pid; /* of the instance, so its session and its first process group */
    int number;
    unsigned rounds;
    size_t seen; /* processes of it at this look */
    UT_hash_handle hh;
};

/* A process as /proc shows it. */
struct process {
    pid_t pid, parent, session;
    uint64_t owner; /* instance id; 0: none of ours */
    bool resolved;
    UT_hash_handle hh;
};

/* ---- Looking through /proc ------------------------------------------------------------------ */

static bool read_file(pid_t pid, const char *name, char *text, size_t size, size_t *length_r)
{
    char path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, size - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    *length_r = (size_t)n;
    return true;
}

/* proc(5), /proc/pid/stat: "pid (comm) state ppid pgrp session ..."; comm may hold anything. */
static bool read_process(pid_t pid, struct process *process)
{
    char text[512], state;
    const char *rest;
    size_t length;
    int parent, group, session;

    if (!read_file(pid, "stat", text, sizeof text, &length))
        return false;
    rest = strrchr(text, ')');
    if (!rest || sscanf(rest + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4)
        return false;
    if (state == 'Z' || state == 'X')
        return false; /* dead already; its parent's business */
    *process = (struct process){.pid = pid, .parent = parent, .session = session};
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

/* The instance that an orphan's environment names; 0: none. */
static uint64_t environment_owner(pid_t pid)
{
    static const char name[] = "SUPERD_INSTANCE=";
    char text[8192];
    size_t length;
    uint64_t id = 0;

    if (!read_file(pid, "environ", text, sizeof text, &length))
        return 0;
    for (const char *at = text; at < text + length; at += strlen(at) + 1) {
        if (strncmp(at, name, sizeof name - 1) == 0 &&
            units_parse_number(at + sizeof name - 1, UINT64_MAX, &id))
            return id;
    }
    return 0;
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
    if (!process->owner && process->parent == getpid()) {
        instance = instance_find_pid(supervisor, process->session);
        process->owner = instance ? instance->id : ended_owner(supervisor, process->session);
        if (!process->owner)
            process->owner = environment_owner(process->pid);
    }
    return process->owner;
}

/* ---- Signals -------------------------------------------------------------------------------- */

static void send_signal(pid_t pid, int number)
{
    kill(pid, number);
    if (number != SIGKILL)
        kill(pid, SIGCONT);
}

static void signal_process(struct supervisor *supervisor, const struct process *process)
{
    struct tree_end *end;

    if (!process->owner || process->pid == getpid())
        return;
    HASH_FIND(hh, supervisor->tree_ends, &process->owner, sizeof process->owner, end);
    if (!end)
        return;
    send_signal(process->pid, end->number);
    end->seen++;
}

static void forget(struct supervisor *supervisor, struct tree_end *end)
{
    HASH_DEL(supervisor->tree_ends, end);
    free(end);
}

/* SIGTERM is sent once; SIGKILL until nobody is left to get it. */
static void finish_round(struct supervisor *supervisor, struct tree_end *end)
{
    if (end->number != SIGKILL || end->seen == 0) {
        forget(supervisor, end);
    } else if (++end->rounds == KILL_ROUNDS) {
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
    end->rounds = 0;
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
