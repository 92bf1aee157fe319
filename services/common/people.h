/* The people of a host, for services that show what they have put into their home directories: who
 * there is, and files of theirs opened so that they can show nothing but their own. */
#ifndef SERVICES_COMMON_PEOPLE_H
#define SERVICES_COMMON_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PEOPLE_NAME_MAX = 64, PEOPLE_LEAST_UID = 1000 };

struct people {
    const char *file; /* a file in the form of passwd(5), NULL: the accounts of the host */
    uid_t least_uid;  /* accounts below are the system's, and nobody's business */
};

struct person {
    char name[PEOPLE_NAME_MAX + 1];
    char real_name[256];
    char home[4096];
    char shell[4096];
    uid_t uid;
};

/* Whether the file, where there is one, can be read; when it cannot, says so in PROGRAM's name. */
bool people_readable(const char *program, const struct people *people);

/* Find the person whose login name is NAME.  0, -ENOENT when there is none or it is below the
 * least uid, or another negative errno value.  Names with other characters than letters, digits and
 * "._-" are never looked up. */
int people_find(const struct people *people, const char *name, struct person *person_r);

/* A descriptor (O_PATH) of the person's home directory, or a negative errno value. */
int people_open_home(const struct person *person);

/* Open the file NAME in the directory AT for reading: only a regular file, not through a link, that
 * belongs to OWNER and that everybody may read, so that the answer is the same whoever asks and as
 * whomever we run.  Never blocks.  A descriptor or a negative errno value (-EPERM: not such a
 * file). */
int people_open_file(int at, const char *name, uid_t owner);

#endif
