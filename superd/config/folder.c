/* folder: listing drop-in files. See folder.h. */
#include "config/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void folder_free(struct folder_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->paths[i]);
    free(files->paths);
}

static bool add(struct folder_files *files, const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path;

    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? files->capacity * 2 : 32;
        char **paths = realloc(files->paths, capacity * sizeof *paths);

        if (!paths)
            return false;
        files->paths = paths;
        files->capacity = capacity;
    }
    path = malloc(size);
    if (!path)
        return false;
    snprintf(path, size, "%s/%s", folder, name);
    files->paths[files->count++] = path;
    return true;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_drop_in(const char *name)
{
    size_t length = strlen(name);

    return name[0] != '.' && length > 5 && strcmp(name + length - 5, ".conf") == 0;
}

int folder_list(const char *folder, struct folder_files *files_r)
{
    const struct dirent *entry;
    DIR *dir = opendir(folder);
    bool good = true;

    memset(files_r, 0, sizeof *files_r);
    if (!dir)
        return -errno;
    while (good && (entry = readdir(dir))) {
        if (is_drop_in(entry->d_name))
            good = add(files_r, folder, entry->d_name);
    }
    closedir(dir);
    if (good && files_r->count > 1)
        qsort(files_r->paths, files_r->count, sizeof *files_r->paths, compare);
    return good ? 0 : -ENOMEM;
}
