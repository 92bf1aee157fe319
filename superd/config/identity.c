/* identity: users and groups. See identity.h. */
#include "config/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/suggest.h"
#include "config/uid_range.h"

#define GROUPS_FIRST 32

/* ---- Names ---------------------------------------------------------------------------------- */

/* The nearest name in a file of the shape of passwd(5) or group(5). Only the local file: a
 * directory service may have millions. */
static void consider_file(struct suggestion *near, const char *path)
{
    FILE *file = fopen(path, "re");
    char line[512];

    if (!file)
        return;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, ":\n")] = '\0';
        suggestion_consider(near, line);
    }
    fclose(file);
}

static void say_unknown(struct loader *loader, struct position position, const char *kind,
                        const char *name, const char *path, int error)
{
    struct suggestion near;

    /* What getpwnam(3) gives for "not found" differs from system to system. */
    if (error && error != ENOENT && error != ESRCH && error != EBADF && error != EPERM) {
        loader_error(loader, position, "cannot look up the %s \"%s\": %s", kind, name,
                     strerror(error));
        return;
    }
    suggestion_init(&near, name);
    consider_file(&near, path);
    loader_error(loader, position, "there is no %s \"%s\"%s", kind, name, suggestion_text(&near));
}

/* The largest number means "leave it" to the kernel. */
static bool parse_id(const char *text, uint32_t *id_r)
{
    uint64_t number;

    if (!units_parse_number(text, UINT32_MAX - 1, &number))
        return false;
    *id_r = (uint32_t)number;
    return true;
}

static const struct passwd *find_user(const char *text)
{
    const struct passwd *user;
    uint32_t uid;

    errno = 0;
    user = getpwnam(text);
    if (!user && parse_id(text, &uid))
        user = getpwuid(uid);
    return user;
}

bool identity_uid(struct loader *loader, const char *text, struct position position, uid_t *uid_r)
{
    const struct passwd *user = find_user(text);
    uint32_t uid;

    if (user) {
        *uid_r = user->pw_uid;
        return true;
    }
    if (parse_id(text, &uid)) {
        *uid_r = uid;
        return true;
    }
    say_unknown(loader, position, "user", text, "/etc/passwd", errno);
    return false;
}

bool identity_gid(struct loader *loader, const char *text, struct position position, gid_t *gid_r)
{
    const struct group *group;
    uint32_t gid;

    errno = 0;
    group = getgrnam(text);
    if (group) {
        *gid_r = group->gr_gid;
        return true;
    }
    if (parse_id(text, &gid)) {
        *gid_r = gid;
        return true;
    }
    say_unknown(loader, position, "group", text, "/etc/group", errno);
    return false;
}

/* ---- Identities ----------------------------------------------------------------------------- */

static bool copy_user(struct loader *loader, const struct passwd *user, struct identity *identity)
{
    identity->uid = user->pw_uid;
    identity->gid = user->pw_gid;
    identity->name = loader_strdup(loader, user->pw_name);
    identity->home = loader_strdup(loader, user->pw_dir[0] ? user->pw_dir : "/");
    identity->shell = loader_strdup(loader, user->pw_shell[0] ? user->pw_shell : "/bin/sh");
    return identity->name && identity->home && identity->shell;
}

/* A number without an entry in passwd. */
static void bare_user(const char *name, uid_t uid, gid_t gid, struct identity *identity)
{
    identity->uid = uid;
    identity->gid = gid;
    identity->name = name;
    identity->home = "/";
    identity->shell = "/bin/sh";
}

/* The supplementary groups that the system gives the user. */
static bool copy_groups(struct loader *loader, struct identity *identity)
{
    int room = GROUPS_FIRST, count;
    gid_t *groups;

    for (;;) {
        groups = loader_array(loader, (size_t)room, sizeof *groups);
        if (!groups)
            return false;
        count = room;
        if (getgrouplist(identity->name, identity->gid, groups, &count) >= 0)
            break;
        room = count > room ? count : room * 2;
    }
    identity->groups = groups;
    identity->group_count = (size_t)count;
    return true;
}

/* Look up `user` and `group` as root. */
static bool look_up(struct loader *loader, const struct service_draft *draft,
                    struct identity *identity)
{
    struct position position = draft_position(draft, "user");
    const struct passwd *user = find_user(draft->user);
    int error = errno;
    uint32_t uid;

    identity->change = true;
    if (user) {
        if (!copy_user(loader, user, identity))
            return false;
    } else if (!parse_id(draft->user, &uid)) {
        say_unknown(loader, position, "user", draft->user, "/etc/passwd", error);
        return false;
    } else if (!draft->group) {
        loader_error(
            loader, position,
            "there is no user with the number %s; to use it all the same, give a \"group\"",
            draft->user);
        return false;
    } else {
        bare_user(draft->user, uid, 0, identity);
    }
    if (draft->group &&
        !identity_gid(loader, draft->group, draft_position(draft, "group"), &identity->gid))
        return false;
    return user ? copy_groups(loader, identity) : true;
}

/* The same once for each pair of names. */
static bool look_up_once(struct loader *loader, const struct service_draft *draft,
                         struct identity *identity)
{
    char key[512];
    struct identity *copy;
    void **slot;

    snprintf(key, sizeof key, "%s:%s", draft->user, draft->group ? draft->group : "");
    copy = map_get(&loader->users, key);
    if (copy) {
        *identity = *copy;
        return true;
    }
    if (!look_up(loader, draft, identity))
        return false;
    copy = loader_array(loader, 1, sizeof *copy);
    slot = loader_check(loader, map_slot(&loader->users, key));
    if (!copy || !slot)
        return false;
    *copy = *identity;
    *slot = copy;
    return true;
}

static bool set_groups(struct loader *loader, const struct service_draft *draft,
                       struct identity *identity)
{
    gid_t *groups = loader_array(loader, draft->groups.count, sizeof *groups);
    bool good = groups != NULL;

    for (size_t i = 0; groups && i < draft->groups.count; i++) {
        const struct text_item *item = &draft->groups.items[i];

        good &= identity_gid(loader, item->text, item->position, &groups[i]);
    }
    if (good) {
        identity->groups = groups;
        identity->group_count = draft->groups.count;
    }
    return good;
}

/* We are no root: everything runs as whoever we are. */
static bool stay(struct loader *loader, const struct service_draft *draft,
                 struct identity *identity)
{
    static const char *const settings[] = {"group", "groups"};
    const uid_t uid = loader->surroundings->uid;
    const struct passwd *user = getpwuid(uid);
    bool given[] = {draft->group != NULL, draft->groups.items != NULL};
    uint32_t number;

    if (user) {
        if (!copy_user(loader, user, identity))
            return false;
    } else {
        char *name = loader_check(loader, arena_printf(loader->arena, "%lu", (unsigned long)uid));

        if (!name)
            return false;
        bare_user(name, uid, 0, identity);
    }
    identity->gid = getgid();
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        if (given[i]) {
            loader_error(loader, draft_position(draft, settings[i]),
                         "\"%s\" needs superd to run as root", settings[i]);
            return false;
        }
    }
    if (draft->user && strcmp(draft->user, identity->name) != 0 &&
        !(parse_id(draft->user, &number) && number == uid)) {
        loader_error(loader, draft_position(draft, "user"),
                     "superd runs as \"%s\" and cannot start a handler as \"%s\": run it as root, "
                     "or leave \"user\" out",
                     identity->name, draft->user);
        return false;
    }
    return true;
}

/* A uid that is found when it is needed. */
static bool take_dynamic(struct loader *loader, const struct service_draft *draft,
                         struct identity *identity)
{
    if (!loader->config->daemon.dynamic_users) {
        loader_error(loader, draft_position(draft, "user"),
                     "\"%s\" needs a range of uids: superd: { isolation: { users = "
                     "\"" UID_RANGE_EXAMPLE "\"; }; };",
                     draft->user);
        return false;
    }
    bare_user(draft->user, (uid_t)-1, (gid_t)-1, identity);
    identity->change = true;
    identity->dynamic = strcmp(draft->user, "dynamic") == 0 ? DYNAMIC_SERVICE : DYNAMIC_CONNECTION;
    if (draft->group &&
        !identity_gid(loader, draft->group, draft_position(draft, "group"), &identity->gid))
        return false;
    return draft->groups.items ? set_groups(loader, draft, identity) : true;
}

static bool is_dynamic(const char *user)
{
    return strcmp(user, "dynamic") == 0 || strcmp(user, "dynamic-per-connection") == 0;
}

bool identity_finish(struct loader *loader, struct service_draft *draft)
{
    struct identity *identity = &draft->config.identity;

    if (!loader->surroundings->root)
        return stay(loader, draft, identity);
    if (!draft->user) {
        loader_error(loader, draft->config.position,
                     "\"user\" is missing: superd runs as root, so say whom the handler runs as, "
                     "here or in \"defaults\"");
        return false;
    }
    if (is_dynamic(draft->user))
        return take_dynamic(loader, draft, identity);
    if (!look_up_once(loader, draft, identity))
        return false;
    return draft->groups.items ? set_groups(loader, draft, identity) : true;
}
