/*
 * shown: see shown.h.
 */
#include "launch/isolation/shown.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "config/config.h"
#include "launch/isolation/mounts.h"

static void show(struct shown_list *list, const char *path, int how, bool optional)
{
    if (list->count < SHOWN_MAX)
        list->items[list->count++] = (struct shown){path, how, optional};
}

static void show_all(struct shown_list *list, const char *const *paths, int how)
{
    while (*paths)
        show(list, *paths++, how, false);
}

void shown_add_settings(struct shown_list *list, const struct isolation_settings *settings)
{
    show_all(list, settings->read_only, SHOW_READ_ONLY);
    show_all(list, settings->read_write, SHOW_READ_WRITE);
    show_all(list, settings->hide, SHOW_HIDDEN);
}

static bool is_system(const char *path)
{
    static const char *const folders[] = {"/usr",   "/bin",    "/sbin", "/lib", "/lib32",
                                          "/lib64", "/libx32", "/proc", "/dev"};

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        size_t length = strlen(folders[i]);

        if (strncmp(path, folders[i], length) == 0 && (path[length] == '/' || path[length] == '\0'))
            return true;
    }
    return strcmp(path, "/") == 0 || strcmp(path, "/tmp") == 0 || strcmp(path, "/etc") == 0;
}

void shown_add_own(struct shown_list *list, const struct service_config *service)
{
    if (!is_system(service->program))
        show(list, service->program, SHOW_READ_ONLY, false);
    if (!is_system(service->directory))
        show(list, service->directory, SHOW_READ_ONLY, true);
    for (size_t i = 1; service->arguments[0] && service->arguments[i]; i++) {
        const char *argument = service->arguments[i];

        if (argument[0] == '/' && !strstr(argument, "..") && !is_system(argument))
            show(list, argument, SHOW_READ_ONLY, true);
    }
}

/* What is above comes first; of one path written twice the last word counts: hide, write, read. */
static int compare_shown(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;
    int order = strcmp(x->path, y->path);

    return order ? order : (int)x->how - (int)y->how;
}

static bool is_below_writable(const struct isolation_settings *settings, const char *path)
{
    for (const char *const *folder = settings->read_write; *folder; folder++) {
        size_t length = strlen(*folder);

        if (strncmp(path, *folder, length) == 0 && (path[length] == '/' || path[length] == '\0'))
            return true;
    }
    return false;
}

int shown_cover(struct mounts *mounts, const struct isolation_settings *settings, const char *path)
{
    struct stat st;
    int place, r;

    snprintf(mounts->what, sizeof mounts->what, "%s", path);
    place = mounts_place(mounts, path, true);
    if (place == -ENOENT && !is_below_writable(settings, path))
        return 0; /* nothing to hide */
    if (place < 0)
        return place;
    r = fstat(place, &st) == 0 ? 0 : -errno;
    fd_close(&place);
    if (r < 0)
        return r;
    if (S_ISDIR(st.st_mode))
        return mounts_new(mounts, "tmpfs", "size=4k,nr_inodes=2,mode=0555",
                          MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, path);
    return mounts_bind(mounts, "/dev/null", path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

static int show_one(struct mounts *mounts, const struct isolation_settings *settings,
                    const struct shown *shown)
{
    uint64_t attributes = MOUNTS_SAFE;
    int r;

    if (shown->how == SHOW_HIDDEN)
        return shown_cover(mounts, settings, shown->path);
    if (shown->how == SHOW_READ_ONLY)
        attributes |= MOUNT_ATTR_RDONLY;
    else if (settings->no_exec)
        attributes |= MOUNT_ATTR_NOEXEC;
    r = mounts_bind(mounts, shown->path, shown->path, attributes);
    return r == -ENOENT && shown->optional ? 0 : r;
}

int shown_make(struct mounts *mounts, const struct isolation_settings *settings,
               struct shown_list *list)
{
    int r = list->count < SHOWN_MAX ? 0 : -E2BIG;

    qsort(list->items, list->count, sizeof list->items[0], compare_shown);
    for (size_t i = 0; r == 0 && i < list->count; i++)
        r = show_one(mounts, settings, &list->items[i]);
    return r;
}
