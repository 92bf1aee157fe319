/*
 * instance: see instance.h.
 */
#include "supervise/instance.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/fd.h"
#include "net/listener.h"
#include "supervise/deadlines.h"
#include "supervise/events.h"
#include "supervise/generation.h"
#include "supervise/groups.h"
#include "supervise/looping.h"
#include "supervise/operate.h"
#include "supervise/reaper.h"
#include "supervise/service.h"
#include "supervise/stderr_reader.h"
#include "supervise/supervisor.h"
#include "supervise/tree.h"

const char *const outcome_names[OUTCOME_MAX] = {
    [OUTCOME_NONE] = "none",
    [OUTCOME_OK] = "ok",
    [OUTCOME_EXIT] = "exit",
    [OUTCOME_SIGNAL] = "signal",
    [OUTCOME_LAUNCH_FAILED] = "launch-failed",
    [OUTCOME_DEADLINE] = "deadline",
    [OUTCOME_IDLE] = "idle",
    [OUTCOME_FIRST_BYTE] = "first-byte",
    [OUTCOME_GONE] = "gone",
    [OUTCOME_TERMINATED] = "terminated",
};

/* ---- The table ------------------------------------------------------------------------------ */

struct instance *instance_find(struct supervisor *supervisor, uint64_t id)
{
    struct instance *instance;

    HASH_FIND(by_id, supervisor->by_id, &id, sizeof id, instance);
    return instance;
}

struct instance *instance_find_pid(struct supervisor *supervisor, pid_t pid)
{
    struct instance *instance;

    HASH_FIND(by_pid, supervisor->by_pid, &pid, sizeof pid, instance);
    return instance;
}

static bool enter(struct instance *instance)
{
    struct service *service = instance->service;
    struct supervisor *supervisor = service->supervisor;

    HASH_ADD(by_id, supervisor->by_id, id, sizeof instance->id, instance);
    if (!instance->by_id.tbl)
        return false; /* no memory (HASH_NONFATAL_OOM) */
    DL_APPEND(service->instances, instance);
    service->instance_count++;
    supervisor->instance_count++;
    if (instance->via)
        instance->via->live++;
    generation_hold(instance->generation);
    return true;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void free_instance(struct instance *instance)
{
    free(instance->deadlines);
    instance->deadlines = NULL;
    if (instance->timer_open)
        uv_close((uv_handle_t *)&instance->timer, on_timer_closed);
    else
        free(instance);
}

/* Out of the tables; everything that it held is given back. */
static void leave(struct instance *instance)
{
    struct service *service = instance->service;
    struct supervisor *supervisor = service->supervisor;
    struct listener *via = instance->via;

    groups_forget(instance);
    dynamic_users_give_back(&supervisor->dynamic_users, instance->dynamic_uid);
    HASH_DELETE(by_id, supervisor->by_id, instance);
    if (instance->pid)
        HASH_DELETE(by_pid, supervisor->by_pid, instance);
    DL_DELETE(service->instances, instance);
    service->instance_count--;
    supervisor->instance_count--;
    reaper_forget(instance);
    if (via)
        via->live--;
    operate_ended(service, via);
    if (instance->stderr_reader)
        stderr_reader_finish(instance->stderr_reader);
    if (instance->listener)
        instance->listener->instance = NULL;
    admission_release(service->admission, instance->source);
    generation_release(instance->generation);
    free_instance(instance);
    service_instance_gone(service);
}

void instance_timer(struct instance *instance, uv_timer_cb callback, uint64_t ms)
{
    if (!instance->timer_open) {
        uv_timer_init(&instance->service->supervisor->loop, &instance->timer);
        instance->timer.data = instance;
        instance->timer_open = true;
    }
    if (callback)
        uv_timer_start(&instance->timer, callback, ms, 0);
    else
        uv_timer_stop(&instance->timer);
}

/* Remember what its time limits will need; only the service that has some pays for it. */
static bool prepare_deadlines(struct instance *instance)
{
    struct deadlines *d;

    if (!instance->config->time.total && !deadlines_need_activity(instance->config))
        return true;
    d = calloc(1, sizeof *d);
    if (!d)
        return false;
    instance->deadlines = d;
    return true;
}

/* ---- Launching ------------------------------------------------------------------------------ */

/* Find the uid of a dynamic user. False: none can be had now. */
static bool take_dynamic_uid(struct instance *instance, uid_t *uid_r)
{
    struct service *service = instance->service;
    struct dynamic_users *users = &service->supervisor->dynamic_users;
    uint64_t now = uv_now(&service->supervisor->loop);

    switch (service->config->identity.dynamic) {
    case DYNAMIC_SERVICE:
        if (service->dynamic_uid == (uid_t)-1 &&
            !dynamic_users_take(users, now, &service->dynamic_uid))
            return false;
        *uid_r = service->dynamic_uid;
        return true;
    case DYNAMIC_CONNECTION:
        if (!dynamic_users_take(users, now, &instance->dynamic_uid))
            return false;
        *uid_r = instance->dynamic_uid;
        return true;
    default:
        return true;
    }
}

static int send_order(struct instance *instance, const struct launch *launch)
{
    struct service *service = instance->service;
    struct order order = {.instance = instance->id,
                          .service = service->index,
                          .connections = admission_source_live(launch->source),
                          .peer_uid = (uid_t)-1,
                          .peer_gid = (gid_t)-1,
                          .peer_pid = launch->peer_pid,
                          .run_uid = (uid_t)-1};
    int write_end = -1, r;

    if (launch->peer) {
        order.local = instance->local;
        order.peer = launch->peer->address;
        order.peer_uid = launch->peer->uid;
        order.peer_gid = launch->peer->gid;
    }
    if (!take_dynamic_uid(instance, &order.run_uid))
        return -EAGAIN;
    if (service->config->stderr_mode == STDERR_LOG) {
        instance->stderr_reader = stderr_reader_open(service->supervisor->stderr_readers,
                                                     service->name, instance->id, &write_end);
        if (!instance->stderr_reader)
            return -errno;
        order.has_stderr = true;
    }
    r = launchers_send(service->generation->launchers, &order, launch->connection, write_end);
    fd_close(&write_end);
    if (r < 0 && instance->stderr_reader) {
        stderr_reader_drop(instance->stderr_reader);
        instance->stderr_reader = NULL;
    }
    return r;
}

static struct instance *launch_failed(struct service *service, const struct launch *launch,
                                      struct instance *instance, int error, int *error_r)
{
    *error_r = error;
    if (instance) {
        dynamic_users_give_back(&service->supervisor->dynamic_users, instance->dynamic_uid);
        free(instance->deadlines);
    }
    free(instance);
    if (error == -EAGAIN)
        return NULL; /* the caller parks it */
    admission_release(service->admission, launch->source);
    if (!launch->keep)
        fd_close(&(int){launch->connection});
    return NULL;
}

/* Both ends: the connection itself will not be here any more when somebody asks. */
static void know_addresses(struct instance *instance, const struct launch *launch)
{
    instance->peer = launch->peer->address;
    instance->peer_uid = launch->peer->uid;
    if (!instance->peer.length || instance->peer.sa.sa_family == AF_UNIX)
        return;
    /* A listener that is bound to one address has no connections to another. */
    if (launch->via && launch->via->bound.length && !address_is_wildcard(&launch->via->bound))
        instance->local = launch->via->bound;
    else
        listener_bound(launch->connection, &instance->local);
    address_unmap(&instance->local);
}

struct instance *instance_launch(struct service *service, const struct launch *launch, int *error_r)
{
    struct supervisor *supervisor = service->supervisor;
    struct instance *instance = calloc(1, sizeof *instance);
    int r;

    if (!instance)
        return launch_failed(service, launch, NULL, -ENOMEM, error_r);
    instance->id = supervisor->last_instance + 1;
    instance->dynamic_uid = (uid_t)-1;
    instance->service = service;
    instance->generation = service->generation;
    instance->config = service->config;
    instance->listener = launch->listener;
    instance->source = launch->source;
    instance->begun_ns = clock_now_ns();
    instance->via = launch->via;
    if (launch->peer)
        know_addresses(instance, launch);
    if (launch->listener)
        looping_before(launch->listener);
    r = prepare_deadlines(instance) ? send_order(instance, launch) : -ENOMEM;
    if (r < 0)
        return launch_failed(service, launch, instance, r, error_r);
    supervisor->last_instance++;
    if (!launch->keep)
        fd_close(&(int){launch->connection});
    if (!enter(instance)) {
        /* The order is out; its report will find nobody and the child, when it ends, neither. */
        if (instance->stderr_reader)
            stderr_reader_drop(instance->stderr_reader);
        return launch_failed(service, &(struct launch){.keep = true, .source = launch->source},
                             instance, -ENOMEM, error_r);
    }
    if (launch->listener)
        launch->listener->instance = instance;
    return instance;
}

static void launch_succeeded(struct instance *instance)
{
    struct supervisor *supervisor = instance->service->supervisor;
    struct unclaimed end;

    instance->state = INSTANCE_RUNNING;
    histogram_add(&instance->service->metrics.launch, &metrics_launch_us,
                  (instance->running_ns - instance->begun_ns) / 1000);
    service_launch_succeeded(instance->service);
    event_admit(instance);
    if (reaper_claim(supervisor, instance->pid, instance->id, &end)) {
        instance_ended(instance, end.status, &end.usage);
        return;
    }
    if (instance->wanted != OUTCOME_NONE) {
        enum outcome outcome = instance->wanted;

        instance->wanted = OUTCOME_NONE;
        instance_end(instance, outcome);
        if (instance->kill_wanted)
            instance_kill(instance);
        return;
    }
    deadlines_begin(instance);
}

static void launch_reported_failed(struct instance *instance, enum launch_step step, int error,
                                   bool at_fault)
{
    struct service *service = instance->service;

    event_launch_failed(instance, step, error);
    if (at_fault)
        service_launch_failed(service);
    leave(instance);
}

void instance_reported(struct supervisor *supervisor, const struct launch_report *report)
{
    struct instance *instance = instance_find(supervisor, report->instance);

    if (!instance || instance->state != INSTANCE_LAUNCHING)
        return;
    if (report->step != STEP_NONE) {
        /* Launchers that did not take the order at all hang because of another service's. */
        bool at_fault = report->step != STEP_STUCK || report->pid > 0;

        if (report->step == STEP_STUCK && at_fault && instance->service->config &&
            instance->service->generation->launchers)
            launchers_set_apart(instance->service->generation->launchers, instance->service->index);
        launch_reported_failed(instance, report->step, report->error, at_fault);
        return;
    }
    instance->running_ns = report->at_ns ? report->at_ns : clock_now_ns();
    instance->pid = report->pid;
    HASH_ADD(by_pid, supervisor->by_pid, pid, sizeof instance->pid, instance);
    if (!instance->by_pid.tbl) {
        /* A process whose end could not be matched must not live on. */
        kill(instance->pid, SIGKILL);
        instance->pid = 0;
        launch_reported_failed(instance, STEP_CLONE, ENOMEM, true);
        return;
    }
    launch_succeeded(instance);
}

/* ---- Ending --------------------------------------------------------------------------------- */

static enum outcome outcome_of(const struct instance *instance, int status)
{
    if (instance->wanted != OUTCOME_NONE)
        return instance->wanted;
    if (WIFSIGNALED(status))
        return OUTCOME_SIGNAL;
    return WEXITSTATUS(status) == 0 ? OUTCOME_OK : OUTCOME_EXIT;
}

static void count_end(struct instance *instance, enum outcome outcome, const struct rusage *usage)
{
    struct service_metrics *metrics = &instance->service->metrics;

    histogram_add(&metrics->duration, &metrics_duration_ms,
                  (clock_now_ns() - instance->begun_ns) / 1000000);
    metrics->outcomes[outcome]++;
    metrics->cpu_us += event_cpu_us(usage);
}

void instance_ended(struct instance *instance, int status, const struct rusage *usage)
{
    struct service *service = instance->service;
    struct listener *listener = instance->listener;

    if (instance->stderr_reader) {
        /* What it said comes before how it ended. */
        stderr_reader_finish(instance->stderr_reader);
        instance->stderr_reader = NULL;
    }
    count_end(instance, outcome_of(instance, status), usage);
    event_end(instance, outcome_of(instance, status), status, usage);
    if (instance->wanted != OUTCOME_NONE)
        tree_kill_rest(instance); /* it had to be ended: so has what it leaves behind */
    if (listener)
        service_listener_returned(service, listener, instance);
    leave(instance);
}

static void on_grace_over(uv_timer_t *timer)
{
    instance_kill(timer->data);
}

void instance_end(struct instance *instance, enum outcome outcome)
{
    if (instance->wanted != OUTCOME_NONE)
        return;
    instance->wanted = outcome;
    if (instance->state != INSTANCE_RUNNING)
        return; /* its report will bring us back */
    instance->state = INSTANCE_TERMINATING;
    tree_signal(instance, SIGTERM);
    instance_timer(instance, on_grace_over, instance->config->time.grace);
}

void instance_kill(struct instance *instance)
{
    instance->kill_wanted = true;
    if (instance->state == INSTANCE_LAUNCHING)
        return; /* its report will bring us back */
    instance->state = INSTANCE_KILLED;
    if (instance->timer_open)
        uv_timer_stop(&instance->timer);
    tree_signal(instance, SIGKILL);
}

/* ---- From the daemon's last program --------------------------------------------------------- */

bool instance_go_on(struct instance *instance, uint64_t timer_ms)
{
    struct supervisor *supervisor = instance->service->supervisor;

    if (!enter(instance))
        return false;
    HASH_ADD(by_pid, supervisor->by_pid, pid, sizeof instance->pid, instance);
    if (!instance->by_pid.tbl)
        return false; /* the daemon cannot go on with a process whose end it could not match */
    if (instance->listener)
        instance->listener->instance = instance;
    dynamic_users_reserve(&supervisor->dynamic_users, instance->dynamic_uid);
    if (instance->state == INSTANCE_RUNNING)
        deadlines_go_on(instance);
    else if (instance->state == INSTANCE_TERMINATING)
        instance_timer(instance, on_grace_over, timer_ms);
    return true;
}
