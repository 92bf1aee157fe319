/*
 * reaper: see reaper.h.
 */
#include "supervise/reaper.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/log.h"
#include "supervise/instance.h"
#include "supervise/supervisor.h"

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
        if (!end)
            return; /* the instance will be found dead when its deadline comes, at the latest */
        end->pid = pid;
        HASH_ADD(hh, supervisor->unclaimed, pid, sizeof end->pid, end);
        if (!end->hh.tbl) {
            free(end);
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

void reaper_run(struct supervisor *supervisor)
{
    /* Reports first: nearly every child is then known by its pid. */
    if (supervisor->retiring && supervisor->retiring->launchers)
        launchers_collect(supervisor->retiring->launchers);
    if (launchers_in_flight(supervisor->generation->launchers))
        launchers_collect(supervisor->generation->launchers);

    for (;;) {
        struct rusage usage;
        int status;
        pid_t pid = wait4(-1, &status, WNOHANG, &usage);
        struct instance *instance;

        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            break;
        instance = instance_find_pid(supervisor, pid);
        if (instance)
            instance_ended(instance, status, &usage);
        else if (!is_launcher(supervisor, pid))
            keep_end(supervisor, pid, status, &usage);
    }
}

bool reaper_claim(struct supervisor *supervisor, pid_t pid, uint64_t id, struct unclaimed *end_r)
{
    struct unclaimed *end;

    HASH_FIND(hh, supervisor->unclaimed, &pid, sizeof pid, end);
    if (!end)
        return false;
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
