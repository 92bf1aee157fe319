/*
 * reaper: see reaper.h.
 */
#include "supervise/reaper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervise/generation.h"
#include "supervise/instance.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"
#include "supervise/upgrade.h"

#define SWEEP_MS   100 /* from a signal to the look at all children, at least */
#define SWEEP_MOST 100 /* of the time: one part in so many */
#define SCAN_MOST  128 /* instances alive, for a look at all children to cost next to nothing */
#define HINT_LOOKS 4   /* at an instance that closed its stderr, before it is left to the sweep */

static uint64_t oldest_order(const struct supervisor *supervisor)
{
    uint64_t oldest = launchers_oldest(supervisor->generation->launchers);
    uint64_t other = 0;

    if (supervisor->retiring && supervisor->retiring->launchers)
        other = launchers_oldest(supervisor->retiring->launchers);
    if (oldest == 0 || (other != 0 && other < oldest))
        return other;
    return oldest;
}

/* Drop ends that no order on its way can claim any more. */
static void forget_old(struct supervisor *supervisor)
{
    uint64_t oldest = oldest_order(supervisor);
    struct unclaimed *end, *next;

    HASH_ITER (hh, supervisor->unclaimed, end, next) {
        if (oldest == 0 || end->last_instance < oldest) {
            HASH_DEL(supervisor->unclaimed, end);
            free(end);
        }
    }
}

/* Nobody knows it: a left-behind process of some handler, or an instance whose report is still to
 * come. */
static void keep_end(struct supervisor *supervisor, pid_t pid, int status,
                     const struct rusage *usage)
{
    struct unclaimed *end;

    forget_old(supervisor);
    if (oldest_order(supervisor) == 0)
        return;
    HASH_FIND(hh, supervisor->unclaimed, &pid, sizeof pid, end);
    if (!end) {
        end = calloc(1, sizeof *end);
        if (!end) {
            supervisor->ends_lost++; /* reaper_claim() will find the process gone */
            return;
        }
        end->pid = pid;
        HASH_ADD(hh, supervisor->unclaimed, pid, sizeof end->pid, end);
        if (!end->hh.tbl) {
            free(end);
            supervisor->ends_lost++;
            return;
        }
    }
    end->status = status;
    end->usage = *usage;
    end->last_instance = supervisor->last_instance;
}

static bool is_launcher(struct supervisor *supervisor, pid_t pid)
{
    if (launchers_reaped(supervisor->generation->launchers, pid))
        return true;
    return supervisor->retiring && supervisor->retiring->launchers &&
           launchers_reaped(supervisor->retiring->launchers, pid);
}

static void ended(struct supervisor *supervisor, pid_t pid, int status, const struct rusage *usage)
{
    struct instance *instance = instance_find_pid(supervisor, pid);

    if (instance)
        instance_ended(instance, status, usage);
    else if (!is_launcher(supervisor, pid) && !upgrade_reaped(supervisor, pid, status))
        keep_end(supervisor, pid, status, usage);
}

/* Reap PID (-1: any child) if it has ended. */
static bool reap(struct supervisor *supervisor, pid_t pid)
{
    struct rusage usage;
    int status;
    pid_t found;

    do {
        found = wait4(pid, &status, WNOHANG, &usage);
    } while (found < 0 && errno == EINTR);
    if (found <= 0)
        return false;
    ended(supervisor, found, status, &usage);
    return true;
}

void reaper_collect_reports(struct supervisor *supervisor)
{
    if (supervisor->retiring && supervisor->retiring->launchers)
        launchers_collect(supervisor->retiring->launchers);
    if (supervisor->generation && supervisor->generation->launchers &&
        launchers_in_flight(supervisor->generation->launchers))
        launchers_collect(supervisor->generation->launchers);
}

/* ---- Hints ---------------------------------------------------------------------------------- */

void reaper_forget(struct instance *instance)
{
    struct supervisor *supervisor = instance->service->supervisor;

    if (!instance->hints_left)
        return;
    instance->hints_left = 0;
    DL_DELETE2(supervisor->hinted, instance, hint_prev, hint_next);
}

void reaper_hint(struct instance *instance)
{
    struct supervisor *supervisor = instance->service->supervisor;

    if (instance->hints_left)
        return;
    instance->hints_left = HINT_LOOKS;
    DL_APPEND2(supervisor->hinted, instance, hint_prev, hint_next);
}

static void follow_hints(struct supervisor *supervisor)
{
    struct instance *instance = supervisor->hinted, *next;

    for (; instance; instance = next) {
        next = instance->hint_next;
        if (!instance->pid || reap(supervisor, instance->pid))
            continue; /* reaping took it off the list */
        if (instance->hints_left == 1)
            reaper_forget(instance); /* it has closed its stderr and lives on */
        else
            instance->hints_left--;
    }
}

/* ---- Looking -------------------------------------------------------------------------------- */

/* Orders of all generations that are on their way. */
static size_t in_flight(const struct supervisor *supervisor)
{
    size_t count = launchers_in_flight(supervisor->generation->launchers);

    if (supervisor->retiring && supervisor->retiring->launchers)
        count += launchers_in_flight(supervisor->retiring->launchers);
    return count;
}

/* The signal may have been that of several ends, and instances that have only just begun give no hint
 * of theirs: their stderr is not watched yet. What is still being launched has not ended. */
static void reap_young(struct supervisor *supervisor)
{
    if (!supervisor->generation || !supervisor->generation->launchers ||
        stderr_readers_young(supervisor->stderr_readers) <= in_flight(supervisor))
        return;
    if (supervisor->instance_count > SCAN_MOST)
        stderr_readers_look(supervisor->stderr_readers);
    else
        while (reap(supervisor, -1))
            continue;
}

static void on_sweep(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;

    uint64_t begun;

    reaper_collect_reports(supervisor);
    /* Those who tell by their stderr are taken by their pid: the look at all of ten thousand takes its
     * time, and while it lasts others end. */
    reap_young(supervisor);
    follow_hints(supervisor);
    begun = clock_now_ms();
    while (reap(supervisor, -1))
        continue;
    supervisor->sweep_ms = (clock_now_ms() - begun) * SWEEP_MOST;
}

void reaper_signalled(struct supervisor *supervisor, pid_t pid)
{
    reaper_collect_reports(supervisor); /* nearly every child is then known by its pid */
    if (pid > 0)
        reap(supervisor, pid);
    reap_young(supervisor);
    follow_hints(supervisor);
    if (!uv_is_active((uv_handle_t *)&supervisor->sweep_timer) &&
        !uv_is_closing((uv_handle_t *)&supervisor->sweep_timer))
        uv_timer_start(&supervisor->sweep_timer, on_sweep,
                       supervisor->sweep_ms > SWEEP_MS ? supervisor->sweep_ms : SWEEP_MS, 0);
}

/* Has the end of PID been reaped, and how it ended been lost? Then it counts as a normal end. */
static bool claim_lost(struct supervisor *supervisor, pid_t pid, struct unclaimed *end_r)
{
    if (supervisor->ends_lost == 0 || kill(pid, 0) == 0 || errno != ESRCH)
        return false;
    supervisor->ends_lost--;
    *end_r = (struct unclaimed){.pid = pid};
    return true;
}

bool reaper_claim(struct supervisor *supervisor, pid_t pid, uint64_t id, struct unclaimed *end_r)
{
    struct unclaimed *end;

    HASH_FIND(hh, supervisor->unclaimed, &pid, sizeof pid, end);
    if (!end)
        return claim_lost(supervisor, pid, end_r);
    HASH_DEL(supervisor->unclaimed, end);
    *end_r = *end;
    free(end);
    return end_r->last_instance >= id;
}

void reaper_clear(struct supervisor *supervisor)
{
    struct unclaimed *end, *next;

    HASH_ITER (hh, supervisor->unclaimed, end, next) {
        HASH_DEL(supervisor->unclaimed, end);
        free(end);
    }
}
