/*
 * answer_config: check and dump, which read or write a configuration in a thread; and diagnostics and
 * changes as JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/job.h"
#include "supervise/generation.h"

/* ---- As JSON -------------------------------------------------------------------------------- */

json_t *diagnostics_json(const struct diagnostics *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];

        json_array_append_new(
            array,
            json_pack("{s:s, s:o*, s:I, s:o*, s:o}", "severity",
                      item->severity == SEVERITY_ERROR ? "error" : "warning", "file",
                      protocol_string(item->file), "line", (json_int_t)item->line, "service",
                      protocol_string(item->service), "message", protocol_string(item->message)));
    }
    if (list->out_of_memory)
        json_array_append_new(
            array, json_pack("{s:s, s:s}", "severity", "error", "message", "out of memory"));
    return array;
}

json_t *changes_json(const struct config_changes *changes)
{
    json_t *added = json_array(), *removed = json_array(), *changed = json_array();

    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        json_t *settings;

        if (change->kind != CHANGE_CHANGED) {
            json_array_append_new(change->kind == CHANGE_ADDED ? added : removed,
                                  json_string(change->service));
            continue;
        }
        settings = json_array();
        for (size_t j = 0; j < change->setting_count; j++)
            json_array_append_new(settings, json_string(change->settings[j]));
        json_array_append_new(
            changed, json_pack("{s:s*, s:o}", "service", change->service, "settings", settings));
    }
    return json_pack("{s:o, s:o, s:o, s:I}", "added", added, "removed", removed, "changed", changed,
                     "unchanged", (json_int_t)changes->unchanged);
}

/* ---- Check ---------------------------------------------------------------------------------- */

struct checked {
    const char *path;
    const struct config_surroundings *surroundings;
    struct diagnostics list;
    struct config_changes changes;
    size_t services;
    bool loaded;
};

static void check(struct job *job)
{
    struct checked *checked = job->data;
    struct access_contents contents = {0};
    struct config *config = config_load(checked->path, checked->surroundings, &checked->list);

    checked->loaded = config;
    if (config) {
        if (access_contents_read(config, &contents, &checked->list))
            access_contents_free(&contents);
        config_changes_find(&checked->changes, job->generation->config, config);
        checked->services = config->service_count;
    }
    diagnostics_sort(&checked->list);
    config_free(config);
}

static json_t *checked_json(struct job *job, struct protocol_error *error)
{
    const struct checked *checked = job->data;
    bool valid = checked->loaded && !diagnostics_failed(&checked->list);

    (void)error;
    return json_pack(
        "{s:b, s:s, s:I, s:I, s:I, s:o, s:o*}", "valid", valid, "config", checked->path, "services",
        (json_int_t)checked->services, "errors", (json_int_t)checked->list.errors, "warnings",
        (json_int_t)checked->list.warnings, "diagnostics", diagnostics_json(&checked->list),
        "changes", valid ? changes_json(&checked->changes) : NULL);
}

static void free_checked(void *data)
{
    struct checked *checked = data;

    diagnostics_clear(&checked->list);
    config_changes_clear(&checked->changes);
    free(checked);
}

json_t *answer_check(struct control *control, struct client *client, const struct request *request,
                     struct protocol_error *error)
{
    struct checked *checked = calloc(1, sizeof *checked);
    const struct job job = {.generation = control->supervisor->generation,
                            .data = checked,
                            .run = check,
                            .result = checked_json,
                            .free_data = free_checked};

    if (!checked)
        return NULL;
    checked->path = control->supervisor->config_path;
    checked->surroundings = control->supervisor->surroundings;
    diagnostics_init(&checked->list);
    job_start(control, client, request, &job, error);
    return NULL;
}

/* ---- Dump ----------------------------------------------------------------------------------- */

/* A configuration may be larger than an answer: each asks for a piece, from an offset, of the text of
 * one generation. */
struct dumped {
    uint64_t offset;
    char *text;
    size_t length;
    int error;
};

static void dump(struct job *job)
{
    struct dumped *dumped = job->data;
    FILE *file = open_memstream(&dumped->text, &dumped->length);

    dumped->error = file ? config_dump(job->generation->config, file) : -ENOMEM;
    if (file && fclose(file) != 0 && !dumped->error)
        dumped->error = -ENOMEM;
}

static json_t *dumped_json(struct job *job, struct protocol_error *error)
{
    struct dumped *dumped = job->data;
    char next[48];
    size_t length;

    if (dumped->error || dumped->offset > dumped->length) {
        protocol_fail(error, "the configuration cannot be written: %s",
                      dumped->error ? strerror(-dumped->error) : "it is shorter than that");
        return NULL;
    }
    length = dumped->length - dumped->offset;
    if (length > DUMP_PIECE) {
        char *line_end = memrchr(dumped->text + dumped->offset, '\n', DUMP_PIECE);

        length = line_end ? (size_t)(line_end + 1 - dumped->text) - dumped->offset : DUMP_PIECE;
    }
    dumped->text[dumped->offset + length] = '\0';
    snprintf(next, sizeof next, "%" PRIu64 ":%" PRIu64, job->generation->number,
             dumped->offset + length);
    return json_pack("{s:o, s:I, s:s*}", "text", protocol_string(dumped->text + dumped->offset),
                     "generation", (json_int_t)job->generation->number, "next",
                     dumped->offset + length < dumped->length ? next : NULL);
}

static void free_dumped(void *data)
{
    struct dumped *dumped = data;

    free(dumped->text);
    free(dumped);
}

json_t *answer_dump(struct control *control, struct client *client, const struct request *request,
                    struct protocol_error *error)
{
    const struct generation *generation = control->supervisor->generation;
    const char *after = protocol_text(request, "after");
    uint64_t number = generation->number, offset = 0;
    struct dumped *dumped = calloc(1, sizeof *dumped);
    const struct job job = {.generation = control->supervisor->generation,
                            .data = dumped,
                            .run = dump,
                            .result = dumped_json,
                            .free_data = free_dumped};

    if (!dumped)
        return NULL;
    if (after && sscanf(after, "%" SCNu64 ":%" SCNu64, &number, &offset) != 2)
        protocol_fail(error, "\"after\" is what \"next\" of the piece before said");
    else if (number != generation->number)
        protocol_fail(error, "the configuration was replaced while it was read");
    if (error->error[0]) {
        free(dumped);
        return NULL;
    }
    dumped->offset = offset;
    job_start(control, client, request, &job, error);
    return NULL;
}
