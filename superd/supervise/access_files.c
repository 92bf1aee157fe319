/*
 * access_files: see access_files.h.
 *
 * It is the folder of a file that is watched: editors and scripts put a new file in the place of the
 * old one, and a watch on the file itself would stay with the old.
 */
#include "supervise/access_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <uv.h>

#include "base/log.h"
#include "supervise/events.h"
#include "supervise/generation.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

#define SETTLE_MS      100 /* several changes at once are one */
#define LINE_MAX_BYTES 256

/* ---- Reading -------------------------------------------------------------------------------- */

struct growing { /* a file while it is read */
    struct prefix *prefixes;
    unsigned *lines;
    size_t count, capacity;
};

static bool grow(struct growing *g)
{
    size_t capacity = g->capacity ? g->capacity * 2 : 64;
    struct prefix *prefixes = realloc(g->prefixes, capacity * sizeof *prefixes);
    unsigned *lines;

    if (!prefixes)
        return false;
    g->prefixes = prefixes;
    lines = realloc(g->lines, capacity * sizeof *lines);
    if (!lines)
        return false;
    g->lines = lines;
    g->capacity = capacity;
    return true;
}

/* The word on a line, without comment and blanks; empty when there is none. */
static char *word_of(char *line)
{
    char *word = line + strspn(line, " \t\r\n");

    word[strcspn(word, " \t\r\n#")] = '\0';
    return word;
}

/* What a line has beyond LINE_MAX_BYTES, a comment most likely, is no line of its own. */
static void skip_rest(FILE *file, const char *line)
{
    int c = '\0';

    if (strchr(line, '\n'))
        return;
    while (c != '\n' && c != EOF)
        c = getc(file);
}

static bool read_lines(FILE *file, const char *path, struct growing *g, struct diagnostics *list)
{
    char line[LINE_MAX_BYTES];
    unsigned number = 0;

    while (fgets(line, sizeof line, file)) {
        struct prefix prefix;
        char *word;

        number++;
        skip_rest(file, line);
        word = word_of(line);
        if (!*word)
            continue;
        if (!prefix_parse(word, &prefix)) {
            diagnostics_add(list, SEVERITY_WARNING, (struct position){path, number}, NULL,
                            "\"%s\" is not an address or prefix such as 192.0.2.0/24 or "
                            "2001:db8::/32; the line is left out",
                            word);
            continue;
        }
        if (g->count == g->capacity && !grow(g))
            return false;
        g->prefixes[g->count] = prefix;
        g->lines[g->count++] = number;
    }
    return true;
}

static bool read_one(const struct access_rule *rule, struct access_file *result,
                     struct diagnostics *list)
{
    struct growing g = {0};
    FILE *file = fopen(rule->file, "re");
    bool read = true;

    if (file) {
        read = read_lines(file, rule->file, &g, list);
        fclose(file);
    } else {
        diagnostics_add(list, SEVERITY_WARNING, rule->position, NULL,
                        "%s: %s; the rule matches nobody until the file is there", rule->file,
                        strerror(errno));
    }
    *result = (struct access_file){.prefixes = g.prefixes, .lines = g.lines, .count = g.count};
    result->path = read ? strdup(rule->file) : NULL;
    if (result->path)
        return true;
    free(g.prefixes);
    free(g.lines);
    return false;
}

static bool is_read(const struct access_contents *contents, const char *path)
{
    for (size_t i = 0; i < contents->count; i++) {
        if (strcmp(contents->files[i].path, path) == 0)
            return true;
    }
    return false;
}

static bool read_rule(const struct access_rule *rule, struct access_contents *contents,
                      struct diagnostics *list)
{
    struct access_file *files;

    if (rule->kind != ACCESS_FILE || is_read(contents, rule->file))
        return true;
    files = realloc(contents->files, (contents->count + 1) * sizeof *files);
    if (!files)
        return false;
    contents->files = files;
    if (!read_one(rule, &files[contents->count], list))
        return false;
    contents->count++;
    return true;
}

bool access_contents_read(const struct config *config, struct access_contents *contents,
                          struct diagnostics *list)
{
    *contents = (struct access_contents){0};
    for (size_t i = 0; i < config->service_count; i++) {
        const struct access_settings *access = &config->services[i].access;

        for (size_t j = 0; j < access->rule_count; j++) {
            if (!read_rule(&access->rules[j], contents, list)) {
                access_contents_free(contents);
                return false;
            }
        }
    }
    return true;
}

void access_contents_free(struct access_contents *contents)
{
    for (size_t i = 0; i < contents->count; i++) {
        free((char *)contents->files[i].path);
        free((struct prefix *)contents->files[i].prefixes);
        free((unsigned *)contents->files[i].lines);
    }
    free(contents->files);
    *contents = (struct access_contents){0};
}

/* ---- Watching ------------------------------------------------------------------------------- */

struct watch { /* one folder */
    uv_fs_event_t event;
    struct supervisor *supervisor;
    struct watch *next;
    char folder[];
};

struct rereading {
    uv_work_t work;
    struct supervisor *supervisor;
    struct generation *generation; /* a reference: its rules name the files */
    struct access_contents contents;
    struct diagnostics list;
    bool read;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void read_again(uv_work_t *work)
{
    struct rereading *r = work->data;

    r->read = access_contents_read(r->generation->config, &r->contents, &r->list);
}

static void put_in_force(struct supervisor *supervisor, struct access_contents *contents)
{
    struct service *service, *next;

    access_contents_free(&supervisor->access_contents);
    supervisor->access_contents = *contents;
    *contents = (struct access_contents){0};
    HASH_ITER (hh, supervisor->services, service, next) {
        if (service->config && service->config->access.rule_count && !service_renew_access(service))
            log_event(LEVEL_ERROR, "error", log_text("service", service->name),
                      log_text("what", "out of memory: access rules stay as they were"));
    }
}

static void on_read(uv_work_t *work, int status)
{
    struct rereading *r = work->data;
    struct supervisor *supervisor = r->supervisor;

    supervisor->rereading = false;
    if (status == 0 && r->read && r->generation == supervisor->generation &&
        supervisor->state == STATE_RUNNING) {
        event_diagnostics(&r->list);
        put_in_force(supervisor, &r->contents);
        log_event(LEVEL_INFO, "access", log_text("state", "files read again"),
                  log_u64("files", supervisor->access_contents.count));
    }
    access_contents_free(&r->contents);
    diagnostics_clear(&r->list);
    generation_release(r->generation);
    free(r);
    supervisor_room(supervisor); /* a stop may have waited for us */
}

static void on_settled(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    struct rereading *r;

    if (supervisor->state != STATE_RUNNING)
        return;
    r = supervisor->rereading ? NULL : calloc(1, sizeof *r);
    if (!r) {
        uv_timer_start(timer, on_settled, SETTLE_MS, 0);
        return;
    }
    r->supervisor = supervisor;
    r->generation = supervisor->generation;
    r->work.data = r;
    diagnostics_init(&r->list);
    generation_hold(r->generation);
    supervisor->rereading = true;
    if (uv_queue_work(&supervisor->loop, &r->work, read_again, on_read) == 0)
        return;
    supervisor->rereading = false;
    generation_release(r->generation);
    free(r);
}

/* Something in the folder changed: a file of ours? */
static void on_change(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct watch *watch = event->data;
    struct supervisor *supervisor = watch->supervisor;
    size_t length = strlen(watch->folder);

    (void)events;
    if (status < 0)
        return;
    for (size_t i = 0; i < supervisor->access_contents.count; i++) {
        const char *path = supervisor->access_contents.files[i].path;

        if (strncmp(path, watch->folder, length) == 0 && path[length] == '/' &&
            (!name || strcmp(path + length + 1, name) == 0)) {
            uv_timer_start(&supervisor->access_timer, on_settled, SETTLE_MS, 0);
            return;
        }
    }
}

static void watch_folder(struct supervisor *supervisor, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    struct watch *watch;
    int r;

    LL_FOREACH (supervisor->access_watches, watch) {
        if (strlen(watch->folder) == length && strncmp(watch->folder, path, length) == 0)
            return;
    }
    watch = calloc(1, sizeof *watch + length + 1);
    if (!watch)
        return;
    watch->supervisor = supervisor;
    memcpy(watch->folder, path, length);
    uv_fs_event_init(&supervisor->loop, &watch->event);
    watch->event.data = watch;
    r = uv_fs_event_start(&watch->event, on_change, length ? watch->folder : "/", 0);
    if (r < 0)
        log_event(LEVEL_WARNING, "access", log_text("state", "not watched"),
                  log_text("folder", watch->folder), log_text("error", uv_strerror(r)));
    LL_PREPEND(supervisor->access_watches, watch);
}

static void stop_watches(struct supervisor *supervisor)
{
    while (supervisor->access_watches) {
        struct watch *watch = supervisor->access_watches;

        LL_DELETE(supervisor->access_watches, watch);
        uv_close((uv_handle_t *)&watch->event, on_closed);
    }
}

void access_files_watch(struct supervisor *supervisor)
{
    stop_watches(supervisor);
    for (size_t i = 0; i < supervisor->access_contents.count; i++)
        watch_folder(supervisor, supervisor->access_contents.files[i].path);
}

void access_files_stop(struct supervisor *supervisor)
{
    stop_watches(supervisor);
    access_contents_free(&supervisor->access_contents);
    uv_close((uv_handle_t *)&supervisor->access_timer, NULL);
}
