/*
 * services/status: whatever superd's answers hold, the page is made of it, bounded, and without a tag
 * that is not the page's own. The input is an answer with all that a snapshot has, as JSON.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "status/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *take(const json_t *input, const char *key, bool object)
{
    json_t *value = json_object_get(input, key);

    if (object ? json_is_object(value) : json_is_array(value))
        return json_incref(value);
    return object ? json_object() : json_array();
}

/* There is one script, at the end; what superd tells comes before it. */
static void check_page(const char *page, size_t length)
{
    const char *script = strstr(page, "<script");

    if (strlen(page) != length || !script || strstr(script + 1, "<script") ||
        strncmp(script, "<script nonce=\"n\">", 18) != 0 || strstr(page, "<img"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *input = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    struct snapshot snapshot = {.now_ms = 1795358600000};
    struct history history;
    size_t length = 0;
    char *page;

    snapshot.daemon = take(input, "daemon", true);
    snapshot.services = take(input, "services", false);
    snapshot.instances = take(input, "instances", false);
    snapshot.reasons = take(input, "reasons", false);
    snapshot.history = take(input, "history", false);
    snapshot.events = take(input, "events", false);
    history_read(&history, snapshot.history, snapshot.now_ms);
    page = view_page(&snapshot, &history, NULL, "n", &length);
    if (page)
        check_page(page, length);
    free(page);
    history_free(&history);
    snapshot_free(&snapshot);
    json_decref(input);
    return 0;
}
