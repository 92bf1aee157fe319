/*
 * lost: see lost.h.
 *
 * A launcher notes in its slot what it has in hand. When it dies, the reports it sent are read
 * first; if the order in its slot is still unanswered, the slot tells whether a child was made
 * (then that pid is the answer) or not (then the answer is a failure). Between taking an order from
 * the socket and noting it lies a moment in which the slot does not know. Such an order is found by
 * elimination: the socket is empty, no launcher has it in its slot, and it is still unanswered;
 * seen twice in a row, some time apart, so that a living launcher in that same moment is not
 * wronged.
 *
 * The child that a launcher has made ready would outlive it: it is killed, too.
 *
 * A launcher sleeps until its child has become its program, and nobody can wake it before. One that
 * has had the same order in hand for too long is killed, with the child: its order has failed, and
 * another launcher takes its place. When orders lie in the socket for too long and nobody takes
 * them, all launchers hang (somebody stopped them, or what they are to enter is never ready): the
 * orders are taken back, and have failed.
 */
#include "launch/lost.h"

#include <errno.h>
#include <linux/sockios.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/pool_state.h"

#define LOST_CHECK_MS 200  /* between two looks for lost orders */
#define LATE_CHECK_MS 1000 /* between two looks for late ones, at most */

static bool in_some_slot(const struct launch_pool *pool, uint64_t instance)
{
    for (unsigned i = 0; i < pool->settings.launchers; i++) {
        if (pool->pids[i] && pool->board->slots[i].instance == instance)
            return true;
    }
    return false;
}

static void answer_failed(struct launch_pool *pool, uint64_t instance, pid_t child,
                          enum launch_step step, int error)
{
    struct launch_report report = {
        .instance = instance, .pid = child, .step = step, .error = error};

    launch_pool_answer(pool, &report);
}

/* ---- Launchers that died -------------------------------------------------------------------- */

static void look_for_lost(uv_timer_t *timer)
{
    struct launch_pool *pool = timer->data;
    int unread = 0;
    bool any = false;

    launch_pool_collect(pool);
    /* On a UNIX socket this counts what the other side has not taken yet. */
    if (ioctl(pool->socket, SIOCOUTQ, &unread) != 0 || unread > 0)
        return;
    for (size_t i = 0; i < pool->in_flight_count;) {
        uint64_t instance = pool->in_flight[i];

        if (in_some_slot(pool, instance)) {
            pool->suspected[i++] = false;
        } else if (!pool->suspected[i]) {
            pool->suspected[i++] = any = true;
        } else {
            answer_failed(pool, instance, 0, STEP_LAUNCHER, ECHILD); /* takes the entry out */
        }
    }
    if (!any)
        uv_timer_stop(timer);
}

/* The child of a launcher that was killed for it. It is ours to end: not reaped yet, or it would be
 * no child any more. */
static void end_child(pid_t child)
{
    siginfo_t info;

    if (child > 0 && waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
        kill(child, SIGKILL);
}

void lost_launcher(struct launch_pool *pool, unsigned number)
{
    const struct launch_slot *slot = &pool->board->slots[number];
    uint64_t instance = slot->instance;
    pid_t child = slot->pid;

    if (instance == 0 && slot->ready) {
        /* It would go on taking orders, and nobody would tell of them. */
        end_child(slot->ready);
        instance = slot->instance; /* it may have taken one just then */
        if (instance)
            answer_failed(pool, instance, slot->ready, STEP_LAUNCHER, ECHILD);
    } else if (instance && pool->watched[number].stuck) {
        end_child(child);
        answer_failed(pool, instance, child, STEP_STUCK, ETIMEDOUT);
    } else if (instance && child) {
        answer_failed(pool, instance, child, STEP_NONE, 0);
    } else if (instance) {
        answer_failed(pool, instance, 0, STEP_LAUNCHER, ECHILD);
    }
    if (pool->in_flight_count && !uv_is_active((uv_handle_t *)&pool->lost_timer))
        uv_timer_start(&pool->lost_timer, look_for_lost, LOST_CHECK_MS, LOST_CHECK_MS);
}

/* ---- Launchers that hang -------------------------------------------------------------------- */

/* Has INSTANCE been where WATCHED saw it for too long? */
static bool is_late(const struct launch_pool *pool, struct watched *watched, uint64_t instance)
{
    uint64_t now = uv_now(pool->settings.loop);

    if (instance == 0 || instance != watched->instance) {
        *watched = (struct watched){.instance = instance, .since_ms = now};
        return false;
    }
    return now - watched->since_ms >= pool->settings.late_ms;
}

/* Orders that no launcher takes, taken back by their own end of the socket. */
static void take_back(struct launch_pool *pool)
{
    struct order order;

    while (!pool->destroyed &&
           recv(pool->launchers_end, &order, sizeof order, MSG_DONTWAIT) == (ssize_t)sizeof order)
        answer_failed(pool, order.instance, 0, STEP_STUCK, ETIMEDOUT);
}

static void look_for_late(uv_timer_t *timer)
{
    struct launch_pool *pool = timer->data;
    uint64_t oldest;
    bool untaken;

    launch_pool_collect(pool);
    if (pool->destroyed)
        return;
    oldest = launch_pool_oldest(pool);
    untaken = is_late(pool, &pool->oldest, oldest) && !in_some_slot(pool, oldest);
    for (unsigned i = 0; i < pool->settings.launchers; i++) {
        if (!pool->pids[i])
            continue;
        if (is_late(pool, &pool->watched[i], pool->board->slots[i].instance))
            pool->watched[i].stuck = true;
        if (untaken || pool->watched[i].stuck)
            kill(pool->pids[i], SIGKILL); /* a child of ours that is not reaped yet */
    }
    if (untaken)
        take_back(pool);
    if (!pool->destroyed && pool->in_flight_count == 0)
        uv_timer_stop(timer);
}

void lost_watch(struct launch_pool *pool)
{
    uint64_t period = pool->settings.late_ms / 4;

    if (!pool->settings.late_ms || uv_is_active((uv_handle_t *)&pool->late_timer))
        return;
    if (period > LATE_CHECK_MS)
        period = LATE_CHECK_MS;
    pool->oldest = (struct watched){0};
    for (unsigned i = 0; i < pool->settings.launchers; i++)
        pool->watched[i] = (struct watched){0};
    uv_timer_start(&pool->late_timer, look_for_late, period, period);
}
