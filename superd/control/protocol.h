/*
 * protocol: the lines of the control socket, as superd-control(7) promises them: a request checked
 * against the table of commands, and the shapes of answers.
 *
 *     {"id": 1, "command": "show", "service": "echo"}
 *     {"id": 1, "ok": true, "result": {...}}   or   {"id": 1, "ok": false, "error": "...", "hint": "..."}
 *
 * Pure: bytes in, values out; it knows nothing of the daemon. Both ends use it.
 */
#ifndef SUPERD_CONTROL_PROTOCOL_H
#define SUPERD_CONTROL_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_ID_MAX    256 /* bytes of an id as JSON; it is repeated with every answer */
#define PROTOCOL_ARGUMENTS 8   /* that a command can have at most */

enum command {
    COMMAND_CHECK,
    COMMAND_DRAIN,
    COMMAND_DUMP,
    COMMAND_EXPLAIN,
    COMMAND_HISTORY,
    COMMAND_INSTANCES,
    COMMAND_ISOLATION,
    COMMAND_KILL,
    COMMAND_LIST,
    COMMAND_LOG,
    COMMAND_METRICS,
    COMMAND_PAUSE,
    COMMAND_RELOAD,
    COMMAND_RESUME,
    COMMAND_SHOW,
    COMMAND_SOURCES,
    COMMAND_STATUS,
    COMMAND_STOP,
    COMMAND_UPGRADE,
    COMMAND_WAIT_READY,
    COMMAND_MAX
};

enum argument_type {
    ARGUMENT_TEXT = 1, /* without NUL bytes */
    ARGUMENT_NUMBER,   /* a whole number, 0 or more */
    ARGUMENT_BOOL,
    ARGUMENT_DURATION, /* "30s", as in the configuration */
    ARGUMENT_NUMBERS,  /* an array of whole numbers */
};

struct argument {
    const char *name; /* NULL: no more */
    enum argument_type type;
    bool required;
};

struct command_info {
    const char *name;
    bool operators; /* not for those who may only read */
    struct argument arguments[PROTOCOL_ARGUMENTS + 1];
};

extern const struct command_info protocol_commands[COMMAND_MAX];

/* A checked request: its arguments have the types that the table says. */
struct request {
    json_t *root;
    json_t *id; /* of root; NULL: none was given */
    enum command command;
};

#define PROTOCOL_ERROR_SIZE 512
struct protocol_error {
    char error[PROTOCOL_ERROR_SIZE];
    char hint[PROTOCOL_ERROR_SIZE]; /* "": none */
    bool denied;                    /* whoever asks has no right to */
};

/* Read LINE (without its newline). True: REQUEST is to be cleared by the caller. False: ERROR says why;
 * REQUEST may still have an id, and is to be cleared, too. */
bool protocol_parse(const char *line, size_t length, struct request *request,
                    struct protocol_error *error);
void protocol_clear(struct request *request);

/* Arguments of a checked request. */
const char *protocol_text(const struct request *request, const char *name); /* NULL: not given */
uint64_t protocol_number(const struct request *request, const char *name, uint64_t otherwise);
bool protocol_bool(const struct request *request, const char *name);
uint64_t protocol_duration(const struct request *request, const char *name, uint64_t otherwise);

/* Say why in ERROR. Returns false, so that it can be returned. */
bool protocol_fail(struct protocol_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void protocol_hint(struct protocol_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* TEXT as a JSON string; bytes that are not UTF-8 become "?". NULL: no memory, or TEXT is NULL. */
json_t *protocol_string(const char *text);

/* A line with its newline, to be freed; NULL when there is no memory. ID may be NULL; RESULT is taken
 * over. */
char *protocol_answer(const json_t *id, json_t *result, size_t *length_r);
char *protocol_refusal(const json_t *id, const struct protocol_error *error, size_t *length_r);

#endif
