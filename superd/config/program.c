/* program: finding executables. See program.h. */
#include "config/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/isolation.h"
#include "config/suggest.h"

/* NULL when PATH can be executed, else why not. */
static const char *problem_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return strerror(errno);
    if (S_ISDIR(st.st_mode))
        return "it is a folder";
    if (!S_ISREG(st.st_mode))
        return "it is not a file";
    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
        return errno == EACCES ? "it is not executable" : strerror(errno);
    return NULL;
}

static void consider_folder(struct suggestion *near, const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir)))
        suggestion_consider(near, entry->d_name);
    closedir(dir);
}

/* Take the next folder off the front of a list as PATH is; false at its end. What is empty or no
 * absolute path is skipped: the folder we stand in is no place for programs. */
static bool next_folder(const char **list, char folder[PATH_MAX])
{
    while (*list && **list) {
        size_t length = strcspn(*list, ":");
        const char *start = *list;

        *list += length + (start[length] == ':');
        if (start[0] == '/' && length < PATH_MAX) {
            memcpy(folder, start, length);
            folder[length] = '\0';
            return true;
        }
    }
    return false;
}

static char *find_in(struct loader *loader, const char *list, const char *name)
{
    char folder[PATH_MAX], path[PATH_MAX];

    while (next_folder(&list, folder)) {
        if (snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path &&
            !problem_of(path))
            return loader_strdup(loader, path);
    }
    return NULL;
}

static char *find_bare(struct loader *loader, const struct text_item *item)
{
    const char *lists[] = {loader->surroundings->handler_path, loader->surroundings->path};
    struct suggestion near;
    char folder[PATH_MAX], *path;

    for (size_t i = 0; i < 2; i++) {
        path = find_in(loader, lists[i], item->text);
        if (path || loader->out_of_memory)
            return path;
    }
    suggestion_init(&near, item->text);
    for (size_t i = 0; i < 2; i++) {
        while (next_folder(&lists[i], folder))
            consider_folder(&near, folder);
    }
    loader_error(loader, item->position,
                 "there is no program \"%s\" among the handlers or in PATH%s", item->text,
                 suggestion_text(&near));
    return NULL;
}

static char *find_absolute(struct loader *loader, const struct text_item *item)
{
    const char *problem = problem_of(item->text), *slash = strrchr(item->text, '/');
    struct suggestion near;
    char folder[PATH_MAX];

    if (!problem)
        return loader_strdup(loader, item->text);
    suggestion_init(&near, slash + 1);
    if (slash - item->text < (long)sizeof folder) {
        snprintf(folder, sizeof folder, "%.*s/", (int)(slash - item->text), item->text);
        consider_folder(&near, folder);
    }
    if (strpbrk(item->text, " \t"))
        loader_error(loader, item->position,
                     "cannot execute \"%s\": %s; arguments are texts of their own: exec = [ "
                     "\"PROGRAM\", \"ARGUMENT\" ];",
                     item->text, problem);
    else
        loader_error(loader, item->position, "cannot execute \"%s\": %s%s", item->text, problem,
                     suggestion_text(&near));
    return NULL;
}

/* A program of an image that is its handler's root: looked up as it will be there, symbolic links
 * included. */
static char *find_in_root(struct loader *loader, const char *root, const struct text_item *item)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1, error;

    if (item->text[0] != '/') {
        loader_error(loader, item->position,
                     "\"%s\" must be an absolute path, as it is in isolate.root", item->text);
        fd_close(&directory);
        return NULL;
    }
    if (directory >= 0)
        fd = (int)syscall(SYS_openat2, directory, item->text, &how, sizeof how);
    error = errno;
    fd_close(&directory);
    if (fd < 0) {
        loader_error(loader, item->position, "cannot execute \"%s\" in \"%s\": %s", item->text,
                     root, strerror(error));
        return NULL;
    }
    fd_close(&fd);
    return loader_strdup(loader, item->text);
}

static char *find_program(struct loader *loader, const struct text_item *item)
{
    char *path = map_get(&loader->programs, item->text);
    void **slot;

    if (path)
        return path;
    if (item->text[0] == '/') {
        path = find_absolute(loader, item);
    } else if (strchr(item->text, '/')) {
        loader_error(loader, item->position,
                     "\"%s\" must be an absolute path, or the bare name of a handler", item->text);
    } else if (!item->text[0]) {
        loader_error(loader, item->position, "the program in \"exec\" is empty");
    } else {
        path = find_bare(loader, item);
    }
    if (!path)
        return NULL;
    slot = loader_check(loader, map_slot(&loader->programs, item->text));
    if (!slot)
        return NULL;
    *slot = path;
    return path;
}

bool program_finish(struct loader *loader, struct service_draft *draft)
{
    const struct texts *exec = &draft->exec;
    const char **arguments;

    if (exec->count == 0) {
        loader_error(loader, draft_position(draft, "exec"),
                     exec->items ? "\"exec\" is empty: it must begin with a program"
                                 : "\"exec\" is missing: say which program is the handler");
        return false;
    }
    draft->config.program = isolation_root_directory(draft)
                                ? find_in_root(loader, isolation_root_directory(draft),
                                               &exec->items[0])
                                : find_program(loader, &exec->items[0]);
    arguments = loader_array(loader, exec->count + 1, sizeof *arguments);
    if (!draft->config.program || !arguments)
        return false;
    arguments[0] = draft->argv0 ? draft->argv0 : draft->config.program;
    for (size_t i = 1; i < exec->count; i++)
        arguments[i] = exec->items[i].text;
    draft->config.arguments = arguments;
    return true;
}
