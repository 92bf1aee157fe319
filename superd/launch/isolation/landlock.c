/*
 * landlock: see landlock.h. Constants newer than the oldest kernel headers we build with are
 * written here, as linux/landlock.h has them.
 */
#include "launch/isolation/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/config.h"
#include "launch/isolation/view.h"

struct ruleset { /* struct landlock_ruleset_attr of version 6 */
    uint64_t files, tcp, scopes;
};

#define FILES_REFER     (UINT64_C(1) << 13) /* version 2 */
#define FILES_TRUNCATE  (UINT64_C(1) << 14) /* version 3 */
#define FILES_IOCTL     (UINT64_C(1) << 15) /* version 5 */
#define TCP_ALL         UINT64_C(3)         /* version 4 */
#define SCOPE_ALL       UINT64_C(3)         /* version 6: abstract sockets, signals */
#define SCOPE_SIGNALS   UINT64_C(2)
#define FILES_VERSION_1 ((UINT64_C(1) << 13) - 1)
#define FILES_ONLY                                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | \
     FILES_TRUNCATE | FILES_IOCTL)
#define FILES_READ \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return version > 0 ? (int)version : 0;
}

int landlock_enter(int rules)
{
    return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}

static uint64_t files_of(int version)
{
    uint64_t files = FILES_VERSION_1;

    if (version >= 2)
        files |= FILES_REFER;
    if (version >= 3)
        files |= FILES_TRUNCATE;
    if (version >= 5)
        files |= FILES_IOCTL;
    return files;
}

static int create(const struct ruleset *ruleset, int version)
{
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    long fd = syscall(SYS_landlock_create_ruleset, ruleset, size, 0);

    return fd < 0 ? -errno : (int)fd; /* it is born close-on-exec */
}

/* Allow ACCESS below PATH; a path that is not there needs no rule. */
static int allow(int rules, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access};
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC), r = 0;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access &= FILES_ONLY;
    rule.parent_fd = fd;
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        r = -errno;
    fd_close(&fd);
    return r;
}

static int allow_files(int rules, const struct isolation_settings *settings, uint64_t all)
{
    uint64_t written = settings->no_exec ? all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE : all;
    int r = allow(rules, "/", FILES_READ);

    if (r == 0)
        r = allow(rules, "/dev", all & (LANDLOCK_ACCESS_FS_WRITE_FILE | FILES_IOCTL));
    if (r == 0 && settings->private_tmp == SHARING_SERVICE)
        r = allow(rules, "/tmp", written);
    for (const char *const *path = settings->read_write; r == 0 && *path; path++)
        r = allow(rules, *path, written);
    return r;
}

/* All that a kernel of VERSION can keep handlers at `strict` from. */
static struct ruleset ruleset_of(const struct isolation_settings *settings, int version)
{
    /* What is mounted for one connection is younger than the rules: they would not know it. And of
     * the host's own root it is for others to say what may be written. */
    bool files = settings->root == ROOT_MINIMAL && settings->private_tmp != SHARING_CONNECTION;

    if (version == 0)
        return (struct ruleset){0};
    return (struct ruleset){.files = files ? files_of(version) : 0,
                            .tcp = version >= 4 && settings->network == NETWORK_NONE ? TCP_ALL : 0,
                            .scopes = version >= LANDLOCK_SIGNALS ? SCOPE_ALL : 0};
}

/* The kernel makes no set of rules of that. */
static bool is_empty(const struct ruleset *ruleset)
{
    return ruleset->files == 0 && ruleset->tcp == 0 && ruleset->scopes == 0;
}

int landlock_rules(const struct isolation_settings *settings)
{
    int version = landlock_version(), rules, r;
    struct ruleset ruleset = ruleset_of(settings, version);

    if (is_empty(&ruleset))
        return -EOPNOTSUPP;
    rules = create(&ruleset, version);
    if (rules < 0)
        return rules;
    r = ruleset.files ? allow_files(rules, settings, ruleset.files) : 0;
    if (r < 0) {
        fd_close(&rules);
        return r;
    }
    return rules;
}

int landlock_scope(void)
{
    int version = landlock_version();

    if (version < LANDLOCK_SIGNALS)
        return -EOPNOTSUPP;
    return create(&(struct ruleset){.scopes = SCOPE_ALL}, version);
}

int landlock_apart(int version)
{
    int rules, r;

    if (version >= LANDLOCK_SIGNALS)
        return create(&(struct ruleset){.scopes = SCOPE_SIGNALS}, version);
    /* Before that rules must be about files: about making disks, then, which root alone may in any
     * case. Such rules forbid to move files from one directory to another unless that is allowed,
     * which the first version could not. */
    if (version < 2)
        return -EOPNOTSUPP;
    rules = create(&(struct ruleset){.files = LANDLOCK_ACCESS_FS_MAKE_BLOCK | FILES_REFER},
                   version);
    r = rules < 0 ? rules : allow(rules, "/", FILES_REFER);
    if (r < 0)
        fd_close(&rules);
    return r < 0 ? r : rules;
}

enum landlock_reach landlock_reach_of(const struct service_config *service, int version)
{
    const struct isolation_settings *settings = &service->isolation;
    struct ruleset ruleset = ruleset_of(settings, version);
    bool rules = settings->level == ISOLATION_STRICT && !is_empty(&ruleset);

    if (!rules && !(view_needed(service) && version >= 2))
        return LANDLOCK_ALL;
    return version >= LANDLOCK_SIGNALS ? LANDLOCK_UNREACHED : LANDLOCK_UNTRACED;
}
