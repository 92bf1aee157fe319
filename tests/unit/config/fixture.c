/* fixture: see fixture.h. */
#include "fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char bin[PATH_MAX];

/* TEXT with FROM replaced by TO everywhere; the caller frees it. */
static char *replaced(const char *text, const char *from, const char *to)
{
    char *result = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&result, &length);

    assert_non_null(file);
    while (*text) {
        if (strncmp(text, from, strlen(from)) == 0) {
            fputs(to, file);
            text += strlen(from);
        } else {
            fputc(*text++, file);
        }
    }
    fclose(file);
    return result;
}

int fixture_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    strcpy(fixture->folder, "/var/tmp/test_config.XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    diagnostics_init(&fixture->list);
    snprintf(bin, sizeof bin, "%s/bin", fixture->folder);
    snprintf(fixture->sys, sizeof fixture->sys, "%s/sys", fixture->folder);
    fixture->around = (struct config_surroundings){
        .root = true, .handler_path = bin, .path = "/bin:/usr/bin", .sys = fixture->sys};
    fixture_write(fixture, "bin/hello", "#!/bin/sh\n");
    fixture_write(fixture, "bin/text", "no program\n");
    fixture_write(fixture, "bin/folder/x", "");
    snprintf(bin, sizeof bin, "%s/bin/hello", fixture->folder);
    if (chmod(bin, 0755) != 0)
        return -1;
    snprintf(bin, sizeof bin, "%s/bin", fixture->folder);
    *state = fixture;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;

    config_free(fixture->config);
    diagnostics_clear(&fixture->list);
    nftw(fixture->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

void fixture_write(struct fixture *fixture, const char *name, const char *text)
{
    char path[PATH_MAX], parent[PATH_MAX], here[80];
    char *content;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    for (char *slash = strchr(path + strlen(fixture->folder) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
        mkdir(parent, 0755);
    }
    snprintf(here, sizeof here, "%s/", fixture->folder);
    content = replaced(text, "@/", here);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(content);
}

struct config *fixture_load(struct fixture *fixture, const char *name)
{
    char path[PATH_MAX];

    config_free(fixture->config);
    diagnostics_clear(&fixture->list);
    snprintf(path, sizeof path, "%s/%s", fixture->folder, name);
    fixture->config = config_load(path, &fixture->around, &fixture->list);
    diagnostics_sort(&fixture->list);
    return fixture->config;
}

struct config *fixture_load_text(struct fixture *fixture, const char *text)
{
    fixture_write(fixture, "main.conf", text);
    return fixture_load(fixture, "main.conf");
}

void fixture_expect(struct fixture *fixture, const char *messages)
{
    char *all = NULL, *plain, here[80];
    size_t length = 0;
    FILE *file = open_memstream(&all, &length);

    assert_non_null(file);
    for (size_t i = 0; i < fixture->list.count; i++) {
        char line[2048];

        diagnostic_format(&fixture->list.items[i], line, sizeof line);
        fprintf(file, "%s\n", line);
    }
    fclose(file);
    snprintf(here, sizeof here, "%s/", fixture->folder);
    plain = replaced(all, here, "");
    assert_string_equal(plain, messages);
    free(plain);
    free(all);
}

char *fixture_dump(const struct fixture *fixture)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);

    assert_non_null(file);
    assert_int_equal(config_dump(fixture->config, file), 0);
    assert_int_equal(fclose(file), 0);
    return text;
}
