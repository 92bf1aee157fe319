/*
 * refusals: see refusals.h.
 */
#include "supervise/refusals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/log.h"
#include "supervise/events.h"
#include "supervise/service.h"

/* What is counted together. All bytes of it are compared, so it is zeroed before it is filled. */
struct refusal_key {
    const struct service *service;
    struct prefix source; /* family 0: any, the table or the lines were used up */
    enum reason reason;
};

struct refusal {
    struct refusal_key key;
    uint64_t total;   /* in this interval */
    uint64_t counted; /* of them, not written one by one */
    UT_hash_handle hh;
    struct refusal *next_free;
};

struct refusals {
    uv_timer_t timer; /* active while there is anything in the table */
    uint64_t interval_ms;
    unsigned lines; /* written one by one in this interval */
    struct refusal *table, *free;
    struct refusal entries[REFUSALS_TABLE];
};

static void write_sum(const struct refusals *refusals, const struct refusal *entry)
{
    char source[PREFIX_TEXT_SIZE];

    if (!entry->counted)
        return;
    log_event(LEVEL_INFO, "refuse", log_text("service", entry->key.service->name),
              log_text("source", entry->key.source.family
                                     ? event_source(entry->key.service, &entry->key.source, source)
                                     : NULL),
              log_text("reason", reason_names[entry->key.reason]), log_u64("count", entry->counted),
              log_u64("interval_ms", refusals->interval_ms));
}

static void release(struct refusals *refusals, struct refusal *entry)
{
    HASH_DEL(refusals->table, entry);
    entry->next_free = refusals->free;
    refusals->free = entry;
}

void refusals_write(struct refusals *refusals)
{
    struct refusal *entry, *next;

    HASH_ITER (hh, refusals->table, entry, next) {
        write_sum(refusals, entry);
        release(refusals, entry);
    }
    refusals->lines = 0;
}

static void on_interval(uv_timer_t *timer)
{
    refusals_write(timer->data);
}

static struct refusal *find_or_make(struct refusals *refusals, const struct refusal_key *key)
{
    struct refusal *entry;

    HASH_FIND(hh, refusals->table, key, sizeof *key, entry);
    if (entry || !refusals->free)
        return entry;
    entry = refusals->free;
    refusals->free = entry->next_free;
    memset(entry, 0, sizeof *entry);
    memcpy(&entry->key, key, sizeof *key); /* padding too: all bytes are compared */
    HASH_ADD(hh, refusals->table, key, sizeof entry->key, entry);
    if (!entry->hh.tbl) {
        entry->next_free = refusals->free;
        refusals->free = entry;
        return NULL;
    }
    return entry;
}

void refusals_add(struct refusals *refusals, const struct service *service, const struct peer *peer,
                  const struct prefix *source, const struct verdict *verdict)
{
    struct refusal_key key;
    struct refusal *entry;

    memset(&key, 0, sizeof key);
    key.service = service;
    key.reason = verdict->reason;
    if (refusals->lines < REFUSALS_LINES)
        memcpy(&key.source, source, sizeof key.source);
    if (!uv_is_active((uv_handle_t *)&refusals->timer)) {
        refusals->interval_ms = service->supervisor->generation->config->daemon.log_summary_ms;
        uv_timer_start(&refusals->timer, on_interval, refusals->interval_ms, 0);
    }
    entry = find_or_make(refusals, &key);
    if (!entry && key.source.family) {
        memset(&key.source, 0, sizeof key.source);
        entry = find_or_make(refusals, &key);
    }
    if (!entry)
        return; /* the counters of admission have it all the same */
    entry->total++;
    if (key.source.family && entry->total <= REFUSALS_SINGLY) {
        refusals->lines++;
        event_refuse(service, peer, verdict);
    } else {
        entry->counted++;
    }
}

void refusals_forget(struct refusals *refusals, const struct service *service)
{
    struct refusal *entry, *next;

    HASH_ITER (hh, refusals->table, entry, next) {
        if (entry->key.service != service)
            continue;
        write_sum(refusals, entry);
        release(refusals, entry);
    }
}

int refusals_create(uv_loop_t *loop, struct refusals **refusals_r)
{
    struct refusals *refusals = calloc(1, sizeof *refusals);

    if (!refusals)
        return -ENOMEM;
    for (size_t i = 0; i < REFUSALS_TABLE; i++) {
        refusals->entries[i].next_free = refusals->free;
        refusals->free = &refusals->entries[i];
    }
    uv_timer_init(loop, &refusals->timer);
    refusals->timer.data = refusals;
    *refusals_r = refusals;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void refusals_destroy(struct refusals *refusals)
{
    refusals_write(refusals);
    uv_close((uv_handle_t *)&refusals->timer, on_closed);
}
