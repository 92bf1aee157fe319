#include <config.h>

#include "people.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool people_readable(const char *program, const struct people *people)
{
    if (people->file == NULL || access(people->file, R_OK) == 0)
        return true;
    fprintf(stderr, "%s: %s: %s\n", program, people->file, strerror(errno));
    return false;
}

static bool is_name(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length > PEOPLE_NAME_MAX || name[0] == '-' || name[0] == '.')
        return false;
    for (const char *p = name; *p != '\0'; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        if (!letter && !(*p >= '0' && *p <= '9') && strchr("._-", *p) == NULL)
            return false;
    }
    return true;
}

/* The account of NAME; NULL with *error_r 0 when there is none. */
static const struct passwd *look_up(const struct people *people, const char *name, int *error_r)
{
    const struct passwd *entry;

    if (people->file == NULL) {
        errno = 0;
        entry = getpwnam(name);
        /* "Not found" is told in several ways; see getpwnam(3). */
        *error_r = entry != NULL || errno == ENOENT || errno == ESRCH ? 0 : errno;
        return entry;
    }
    FILE *file = fopen(people->file, "re");
    if (file == NULL) {
        *error_r = errno;
        return NULL;
    }
    *error_r = 0;
    while ((entry = fgetpwent(file)) != NULL)
        if (strcmp(entry->pw_name, name) == 0)
            break;
    fclose(file);
    return entry;
}

/* The real name is the first field of the comment, where & stands for the login name. */
static void copy_real_name(const struct passwd *entry, char *to, size_t capacity)
{
    size_t length = 0;

    for (const char *p = entry->pw_gecos; p != NULL && *p != '\0' && *p != ','; p++) {
        const char *piece = *p == '&' ? entry->pw_name : p;
        size_t size = *p == '&' ? strlen(entry->pw_name) : 1;
        if (length + size >= capacity)
            break;
        memcpy(to + length, piece, size);
        if (*p == '&')
            to[length] = (char)toupper((unsigned char)to[length]);
        length += size;
    }
    to[length] = '\0';
}

int people_find(const struct people *people, const char *name, struct person *person_r)
{
    struct person person = {0};
    int error;

    if (!is_name(name))
        return -ENOENT;
    const struct passwd *entry = look_up(people, name, &error);
    if (entry == NULL)
        return error != 0 ? -error : -ENOENT;
    if (entry->pw_uid < people->least_uid)
        return -ENOENT;
    if (strlen(entry->pw_dir) >= sizeof person.home ||
        strlen(entry->pw_shell) >= sizeof person.shell)
        return -ENAMETOOLONG;
    person.uid = entry->pw_uid;
    strcpy(person.name, name);
    strcpy(person.home, entry->pw_dir);
    strcpy(person.shell, entry->pw_shell);
    copy_real_name(entry, person.real_name, sizeof person.real_name);
    *person_r = person;
    return 0;
}

int people_open_home(const struct person *person)
{
    int fd = open(person->home, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 ? fd : -errno;
}

int people_open_file(int at, const char *name, uid_t owner)
{
    struct stat s;
    int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == owner && (s.st_mode & S_IROTH) != 0)
        return fd;
    close(fd);
    return -EPERM;
}
