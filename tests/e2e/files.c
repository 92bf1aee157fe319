/*
 * files: see files.h.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

void files_copy(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    struct stat st;
    off_t done = 0;
    int out;

    if (in < 0 || fstat(in, &st) != 0)
        fail_msg("cannot read %s: %s", from, strerror(errno));
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    if (out < 0)
        fail_msg("cannot write %s: %s", to, strerror(errno));
    while (done < st.st_size) {
        if (sendfile(out, in, &done, (size_t)(st.st_size - done)) <= 0)
            fail_msg("cannot copy %s: %s", from, strerror(errno));
    }
    fchmod(out, 0755);
    close(in);
    close(out);
}

void daemon_expect_file(struct daemon *daemon, const char *name)
{
    for (size_t i = 0; i < daemon->known_count; i++) {
        if (strcmp(daemon->known[i], name) == 0)
            return;
    }
    assert_true(daemon->known_count < COUNT(daemon->known));
    daemon->known[daemon->known_count] = strdup(name);
    assert_non_null(daemon->known[daemon->known_count++]);
}

void files_make_directory(struct daemon *daemon)
{
    const char *base = getenv("TMPDIR");

    snprintf(daemon->directory, sizeof daemon->directory, "%s/superd-e2e.XXXXXX",
             base && *base ? base : "/tmp");
    if (!mkdtemp(daemon->directory))
        fail_msg("cannot make %s: %s", daemon->directory, strerror(errno));
    chmod(daemon->directory, 0755);
    files_copy(harness_specimen(), daemon_path(daemon, "specimen"));
    daemon_expect_file(daemon, "specimen");
    daemon_expect_file(daemon, "superd.conf");
    daemon_expect_file(daemon, "log");
    daemon_expect_file(daemon, "stderr");
}

/* ---- Writing and reading -------------------------------------------------------------------- */

char *daemon_path(const struct daemon *daemon, const char *name)
{
    static char *kept[256]; /* they live as long as the process */
    static size_t count;
    char *path;

    assert_true(asprintf(&path, "%s/%s", daemon->directory, name) > 0);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(kept[i], path) == 0) {
            free(path);
            return kept[i];
        }
    }
    assert_true(count < COUNT(kept));
    return kept[count++] = path;
}

/* The text that the word at AT stands for; *LENGTH_R is the word's. NULL: it is none. */
static const char *meaning_of(const struct daemon *daemon, const char *at, size_t *length_r)
{
    static char specimen[128], handlers[PATH_MAX];
    const struct {
        const char *word, *text;
    } words[] = {
        {"@DIR@", daemon->directory},
        {"@SPECIMEN@", specimen},
        {"@HANDLERS@", handlers},
        {"'", "\""},
    };

    snprintf(specimen, sizeof specimen, "%s/specimen", daemon->directory);
    snprintf(handlers, sizeof handlers, "%s/services", harness_build());
    for (size_t i = 0; i < COUNT(words); i++) {
        *length_r = strlen(words[i].word);
        if (strncmp(at, words[i].word, *length_r) == 0)
            return words[i].text;
    }
    return NULL;
}

void daemon_write(struct daemon *daemon, const char *name, const char *text)
{
    FILE *file = fopen(daemon_path(daemon, name), "we");
    size_t length;

    assert_non_null(file);
    while (*text) {
        const char *meaning = meaning_of(daemon, text, &length);

        if (meaning) {
            fputs(meaning, file);
            text += length;
        } else {
            fputc(*text++, file);
        }
    }
    assert_int_equal(fclose(file), 0);
    daemon_expect_file(daemon, name);
}

char *daemon_read(const struct daemon *daemon, const char *name)
{
    static char *text;
    FILE *file = fopen(daemon_path(daemon, name), "re");
    size_t length = 0, n, room = 1 << 20;

    text = realloc(text, room);
    assert_non_null(text);
    while (file && length < room - 1 && (n = fread(text + length, 1, room - 1 - length, file)) > 0)
        length += n;
    text[length] = '\0';
    if (file)
        fclose(file);
    return text;
}

/* ---- The end -------------------------------------------------------------------------------- */

bool files_left_over(const struct daemon *daemon, char *what, size_t size)
{
    DIR *directory = opendir(daemon->directory);
    struct dirent *entry;
    size_t length = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory)) && length < size) {
        bool known = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;

        for (size_t i = 0; i < daemon->known_count; i++)
            known |= strcmp(entry->d_name, daemon->known[i]) == 0;
        if (!known)
            length += (size_t)snprintf(what + length, size - length, " %s", entry->d_name);
    }
    closedir(directory);
    return length > 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

void files_remove_directory(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
