/*
 * log: one line per event, in the shape that superd.log(5) promises: verb first, fields after.
 *
 * There is one log per process, so this module keeps its state itself. What must hold:
 * writing never blocks the caller and never fails him: lines are collected in a bounded buffer,
 * written by log_flush() (many in one call: see log_waiting()), and what does not fit is dropped and counted; the
 * count is logged as event `log-lost` as soon as lines can be written again. Handles a full disk, a
 * reader that stopped reading and a syslog daemon that is away in that same way.
 *
 * It knows nothing of superd's objects: a caller passes fields. The process ignores SIGPIPE.
 */
#ifndef SUPERD_BASE_LOG_H
#define SUPERD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
    LEVEL_ERROR,   /* somebody must act: a service or the daemon cannot do its work */
    LEVEL_WARNING, /* something is off, the daemon goes on */
    LEVEL_INFO,    /* what happens: admit, end, ... */
    LEVEL_DEBUG,
    LEVEL_MAX
};

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON, LOG_FORMAT_MAX };

extern const char *const log_level_names[LEVEL_MAX];
extern const char *const log_format_names[LOG_FORMAT_MAX];

enum log_field_type { FIELD_END, FIELD_TEXT, FIELD_BYTES, FIELD_U64, FIELD_I64, FIELD_BOOL };

/* One key=value of an event; made by the functions below. Nothing is copied: what it points to must
 * live until log_event() returns, and keys and names of events for ever (they are literals). A text of
 * NULL leaves the field out. */
struct log_field {
    const char *key;
    enum log_field_type type;
    union {
        const char *text;
        uint64_t u64;
        int64_t i64;
        bool boolean;
    };
    size_t length; /* of FIELD_BYTES */
};

/* An event as it was logged. */
struct log_record {
    int64_t wall_us; /* when */
    enum log_level level;
    const char *event;
    const struct log_field *fields; /* to FIELD_END */
};

static inline struct log_field log_text(const char *key, const char *text)
{
    return (struct log_field){.key = key, .type = FIELD_TEXT, .text = text};
}

static inline struct log_field log_bytes(const char *key, const char *bytes, size_t length)
{
    return (struct log_field){.key = key, .type = FIELD_BYTES, .text = bytes, .length = length};
}

static inline struct log_field log_u64(const char *key, uint64_t number)
{
    return (struct log_field){.key = key, .type = FIELD_U64, .u64 = number};
}

static inline struct log_field log_i64(const char *key, int64_t number)
{
    return (struct log_field){.key = key, .type = FIELD_I64, .i64 = number};
}

static inline struct log_field log_bool(const char *key, bool boolean)
{
    return (struct log_field){.key = key, .type = FIELD_BOOL, .boolean = boolean};
}

/* Log EVENT with its fields: log_event(LEVEL_INFO, "admit", log_text("service", name), ...). In text:
 *     2026-11-22T14:03:20.123456Z info admit service=hello instance=17
 * in JSON the same with the keys "time", "level", "event" first. errno is kept. */
#define log_event(level, event, ...) \
    log_write((level), (event),      \
              (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.type = FIELD_END}})

/* What log_event() calls; FIELDS ends with FIELD_END. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

/* Would an event of LEVEL be written? To skip costly preparation. */
bool log_wants(enum log_level level);

struct log_settings {
    const char *target; /* "stderr", "syslog", or the absolute path of a file */
    enum log_format format;
    enum log_level level; /* this and the more important ones are written */
};

/* Begin, or change to, SETTINGS (copied). A file is created with mode 0640 and appended to; a syslog
 * daemon that is away is no error, its lines wait. Returns 0 or -errno; on failure the log goes on as it was (at first: text to standard error). */
int log_open(const struct log_settings *settings);

/* Open the file again under its name (after rotation). Returns 0 or -errno; on failure the old file
 * is kept. */
int log_reopen(void);

enum log_wait {
    LOG_WAIT_NONE,    /* nothing is collected */
    LOG_WAIT_MORE,    /* a few lines of level info: they may wait a moment for others */
    LOG_WAIT_PRESSING /* something more important, or enough of it: to be written now */
};

/* What waits for log_flush(). */
enum log_wait log_waiting(void);

/* Write what is collected, as far as it goes without blocking. Returns true when all is written. */
bool log_flush(void);

/* Flush, waiting at most MILLISECONDS for a slow reader: for the end of the process only. */
void log_close(unsigned milliseconds);

/* Where "syslog" sends from the next log_open() on, "/dev/log" at first: for tests. PATH must live on. */
void log_set_syslog_path(const char *path);

/* Lines dropped since the start because nobody took them. */
uint64_t log_lost(void);

/* Have every event that is written told to OBSERVER too (NULL: no longer). RECORD is valid during the
 * call; log_pack.h keeps it. */
typedef void log_observer(void *data, const struct log_record *record);
void log_observe(log_observer *observer, void *data);

#endif
