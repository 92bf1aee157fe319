/*
 * slots: see slots.h.
 */
#include "launch/isolation/slots.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/isolation/namespaces.h"

#define TRIES 4 /* slots that are looked at before another is made */
#define REST_MS \
    50 /* as long as a uid that is gone may take the kernel to forget: to look for it is
                    * cheap afterwards, and goes through all processes before */

int slots_prepare(void)
{
    return mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                 "size=64k,nr_inodes=4096,mode=0700") == 0
               ? 0
               : -errno;
}

void slots_begin(struct slots *slots, const struct plan *plan, int channel)
{
    *slots = (struct slots){.mounts = -1, .most = SLOTS_MAX};
    if (!plan->slots || channel < 0)
        return;
    slots->mounts = namespaces_open_mounts(channel);
    if (slots->mounts < 0)
        return;
    /* A copy of a mount may be bound again: a slot must not have the other slots in it. */
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/tmp", NULL, MS_UNBINDABLE, NULL) == 0)
        slots->plan = plan;
    else
        fd_close(&slots->mounts);
}

/* ---- One slot ------------------------------------------------------------------------------- */

static bool tmp_path(const struct slot *slot, char *path, size_t size)
{
    return snprintf(path, size, "%s/tmp", slot->path) < (int)size;
}

static bool free_of(const struct slot *slot, unsigned long long *bytes, unsigned long long *inodes)
{
    struct statfs st;
    char path[64];

    if (!tmp_path(slot, path, sizeof path) || statfs(path, &st) != 0)
        return false;
    *bytes = st.f_bfree;
    *inodes = st.f_ffree;
    return true;
}

/* For the group of whoever has the slot alone (give()): somebody who was handed a descriptor of the
 * root of his slot before can look into it, but not into its /tmp. */
static bool furnish(const struct slots *slots, struct slot *slot)
{
    char path[64], options[160];

    return snprintf(options, sizeof options, "%s,mode=1770", slots->plan->tmp_options) <
               (int)sizeof options &&
           tmp_path(slot, path, sizeof path) &&
           mount("tmpfs", path, "tmpfs", slots->plan->tmp_flags, options) == 0 &&
           free_of(slot, &slot->fresh_bytes, &slot->fresh_inodes);
}

static bool is_fresh(const struct slot *slot)
{
    unsigned long long bytes, inodes;

    return free_of(slot, &bytes, &inodes) && bytes == slot->fresh_bytes &&
           inodes == slot->fresh_inodes;
}

/* Nobody is in it any more, and nothing was left there, or it has been thrown away. */
static bool is_ready(const struct slots *slots, struct slot *slot)
{
    char path[64];

    /* EPERM: there is such a process, and cheaper to find than all of a uid. */
    if (kill(slot->pid, 0) == 0 || errno != ESRCH)
        return false;
    errno = 0;
    getpriority(PRIO_USER, slot->uid);
    if (errno != ESRCH)
        return false;
    if (is_fresh(slot))
        return true;
    return tmp_path(slot, path, sizeof path) && umount2(path, MNT_DETACH) == 0 &&
           furnish(slots, slot);
}

static bool make(struct slots *slots, struct slot *slot)
{
    snprintf(slot->path, sizeof slot->path, "/tmp/%ld.%zu", (long)getpid(), slots->count);
    if (mkdir(slot->path, 0755) != 0)
        return false;
    if (mount("/", slot->path, NULL, MS_BIND | MS_REC, NULL) != 0) {
        rmdir(slot->path);
        return false;
    }
    if (!furnish(slots, slot)) {
        umount2(slot->path, MNT_DETACH);
        rmdir(slot->path);
        return false;
    }
    return true;
}

static int64_t now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The group of a dynamic user has the user's number. Root stays the owner: what an owner may change
 * would outlive his use. */
static struct slot *give(struct slot *slot, uid_t uid, int64_t now)
{
    char path[64];

    slot->uid = uid;
    slot->used_ms = now;
    return tmp_path(slot, path, sizeof path) && chown(path, (uid_t)-1, (gid_t)uid) == 0 ? slot
                                                                                        : NULL;
}

/* ---- All of them ---------------------------------------------------------------------------- */

struct slot *slots_take(struct slots *slots, uid_t uid)
{
    int64_t now = slots->plan ? now_ms() : 0;
    struct slot *slot;

    if (!slots->plan)
        return NULL;
    for (size_t i = 0; i < TRIES && i < slots->count; i++) {
        slot = &slots->slots[slots->next];
        if (slots->count < slots->most && now - slot->used_ms < REST_MS)
            break; /* and the others were used later */
        slots->next = (slots->next + 1) % slots->count;
        if (is_ready(slots, slot))
            return give(slot, uid, now);
    }
    if (slots->count >= slots->most)
        return NULL;
    slot = &slots->slots[slots->count];
    if (!make(slots, slot)) {
        slots->most = slots->count; /* a limit of the kernel's: these must do */
        return NULL;
    }
    slots->count++;
    return give(slot, uid, now);
}
