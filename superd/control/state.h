/*
 * state: what the parts of control/ share: the state of the control socket, of what a client waits
 * for, and the functions that answer commands.
 */
#ifndef SUPERD_CONTROL_STATE_H
#define SUPERD_CONTROL_STATE_H

#include <uv.h>

#include "base/log_pack.h"
#include "control/clients.h"
#include "control/protocol.h"
#include "control/ring.h"
#include "supervise/operate.h"
#include "supervise/reload.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

#define PAGE_ROWS     256          /* of services, instances, sources in one answer */
#define PAGE_LOOKS    1024         /* at services, to find those */
#define RING_SIZE     (512 * 1024) /* some 3,000 events */
#define DUMP_PIECE    (256 * 1024) /* bytes of a configuration in one answer */
#define FOLLOWERS_MAX 8            /* of the log; each costs a little with every event */
#define METRICS_PIECE (256 * 1024) /* about so many bytes of metrics in one answer */

struct job;

struct control {
    struct supervisor *supervisor;
    struct clients *clients; /* NULL before the supervisor begins and after it has stopped */
    struct ring ring;        /* of packed events: log_pack.h */
    uv_prepare_t feed;       /* active while somebody follows the log */
    unsigned followers;
    bool stop_asked; /* to be begun when the answer is out */
    int ring_fd;     /* the ring for the next program; -1: none is about to be */
    json_t *handed;  /* what the last program had, a reference; NULL: there was none */
};

/* What a client waits for, or is sent: client_data(). */
struct session {
    bool waiting;    /* for the answer to a request: */
    json_t *id;      /* its id, a reference; NULL: none */
    struct job *job; /* that works on it */
    uint64_t reload; /* number of the reload that it waits for; 0: none */
    bool upgrade;    /* it waits for another program */
    bool drain;      /* it waits for the end of what drains: */
    char *service;   /* NULL: the daemon, or a listener of any service */
    char *listener;  /* key */
    bool following;  /* the log: */
    bool starting;   /* still at the lines of the past, of which: */
    uint64_t skip;   /* so many are not wanted */
    struct ring_reader reader;
    char *needle; /* what a line must have in it; NULL: nothing */
};

/* The next event for READER as a line of JSON, see ring_read(). Returns its length, 0: none yet. */
size_t control_next_event(const struct ring *ring, struct ring_reader *reader,
                          char line[LOG_PACK_SIZE + 1], uint64_t *missed);

/* The session of CLIENT. */
struct session *control_session(struct client *client);

/* Make the session of CLIENT, if it has none. False: no memory. */
bool control_begin_session(struct client *client);

/* Answer the request of that id. RESULT is taken over; NULL of lack of memory is answered, too. */
void control_answer(struct client *client, const json_t *id, json_t *result);
void control_refuse(struct client *client, const json_t *id, const struct protocol_error *error);

/* The request that REQUEST is will be answered later, by control_finish() or control_fail(). */
void control_postpone(struct client *client, const struct request *request);
void control_finish(struct client *client, json_t *result);
void control_fail(struct client *client, const struct protocol_error *error);

/* Stop the daemon before the loop sleeps: it may be over at once, and then nobody can be answered. */
void control_stop_soon(struct control *control);

/* To be called when a client begins to follow the log. */
void control_follow(struct control *control, struct client *client);

/* ---- Commands ------------------------------------------------------------------------------- */

/* Answer REQUEST: returns the result, or NULL with ERROR filled, or NULL with ERROR empty when it has
 * been postponed, or there is no memory (then an error says so). */
typedef json_t *control_command(struct control *control, struct client *client,
                                const struct request *request, struct protocol_error *error);

control_command answer_check, answer_drain, answer_dump, answer_explain, answer_history,
    answer_instances, answer_isolation, answer_kill, answer_list, answer_log, answer_metrics,
    answer_pause, answer_reload, answer_resume, answer_show, answer_sources, answer_status,
    answer_stop, answer_upgrade, answer_wait_ready;

/* The service that REQUEST names, which must be there; NULL with ERROR filled. */
struct service *find_service(struct control *control, const struct request *request,
                             struct protocol_error *error);

/* {"services": [...], "next"}: a page of at most MOST of what MAKE makes of each service, sorted by name;
 * one that it makes NULL of is left out, so that a page may be short, or empty, and yet not the last. */
json_t *services_page(struct control *control, const struct request *request, uint64_t most,
                      json_t *(*make)(const struct service *service));

/* What the control group of the service counts: {"cpu_us", "memory", "memory_peak", "processes"}, as far
 * as it does; NULL: none of it. */
json_t *group_json(const struct service *service);

/* REQUEST's argument `source` as a prefix (GIVEN tells whether there is one). False: ERROR is filled. */
bool find_source(const struct request *request, struct prefix *prefix, bool *given,
                 struct protocol_error *error);

/* Is the peer of INSTANCE in PREFIX? */
bool instance_is_of(const struct instance *instance, const struct prefix *prefix);

/* How a listener's address is shown: "127.0.0.1:7000", "udp 127.0.0.1:69", "unix:/run/x". */
#define LISTENER_TEXT_SIZE (ADDRESS_TEXT_SIZE + 16)
const char *listener_text(const struct listener *listener, char text[LISTENER_TEXT_SIZE]);

/* What the operator has asked of the service or listener, or why else it is not served. */
const char *service_state_word(const struct service *service);

/* Answer those who wait for a reload, the end of a drain. */
void answer_reloaded(struct control *control, const struct reload_result *result);
void answer_drained(struct control *control);

/* The upgrade has ended: in this program, or with it. Answers those who wait for that. */
void control_upgraded(void *data, const struct upgrade_result *result);

/* All that the next program is to have, and taking it, from control->handed. */
struct json_t *control_save(void *data, bool final);
void control_load_ring(struct control *control);
void control_load_socket(struct control *control);

/* Send what is new in the log to those who follow it. */
void answer_log_feed(struct control *control, struct client *client);

/* [{"severity","file","line","service","message"}] */
json_t *diagnostics_json(const struct diagnostics *list);
/* {"added":[],"removed":[],"changed":[{"service","settings":[]}],"unchanged":n} */
json_t *changes_json(const struct config_changes *changes);

#endif
