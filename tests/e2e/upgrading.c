/*
 * upgrading: see upgrading.h.
 */
#include "upgrading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

json_t *daemon_upgrade(struct daemon *daemon)
{
    json_t *result = control_result(daemon, "{'command': 'upgrade'}");

    if (!json_is_true(json_object_get(result, "upgraded")))
        fail_msg("it was not upgraded: %s", json_dumps(result, 0));
    expect_event(&daemon->events, "upgrade", "state", "begun", NULL);
    expect_event(&daemon->events, "upgrade", "state", "done", NULL);
    return result;
}

static bool any_has(const json_t *errors, const char *words)
{
    const json_t *error;
    size_t i;

    json_array_foreach(errors, i, error)
    {
        if (strstr(json_string_value(error), words))
            return true;
    }
    return false;
}

void daemon_upgrade_fails(struct daemon *daemon, const char *binary, const char *words)
{
    char request[512];
    json_t *result;

    if (binary)
        snprintf(request, sizeof request, "{'command': 'upgrade', 'binary': '%s'}", binary);
    result = control_result(daemon, binary ? request : "{'command': 'upgrade'}");
    assert_true(json_is_false(json_object_get(result, "upgraded")));
    if (!any_has(json_object_get(result, "errors"), words))
        fail_msg("no error has \"%s\": %s", words, json_dumps(result, 0));
    expect_event(&daemon->events, "upgrade-failed", NULL);
    daemon_talk(daemon, "cat", "as before", "as before");
}

const char *daemon_script(struct daemon *daemon, const char *name, const char *text)
{
    const char *path = daemon_path(daemon, name), *at;
    char whole[4096] = "#!/bin/sh\n";
    size_t length = strlen(whole);
    FILE *file;

    while ((at = strstr(text, "@SUPERD@"))) {
        length += (size_t)snprintf(whole + length, sizeof whole - length, "%.*s%s",
                                   (int)(at - text), text, harness_superd());
        text = at + strlen("@SUPERD@");
    }
    snprintf(whole + length, sizeof whole - length, "%s", text);
    daemon_expect_file(daemon, name);
    file = fopen(path, "we"); /* daemon_write() would take its quotation marks for others */
    assert_non_null(file);
    fputs(whole, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}
