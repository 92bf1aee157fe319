/*
 * privilege: see privilege.h.
 */
#include "launch/isolation/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* keyctl_setperm(3): of those who possess the key. Only libkeyutils has names for them. */
#define KEY_POS_VIEW   0x01000000
#define KEY_POS_READ   0x02000000
#define KEY_POS_SEARCH 0x08000000

static int set_capabilities(uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)permitted, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(permitted >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};

    return (int)syscall(SYS_capset, &header, data);
}

uint64_t privilege_permitted(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    if (syscall(SYS_capget, &header, data) != 0)
        return 0;
    return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

int privilege_bound(uint64_t keep)
{
    for (unsigned number = 0; number < 64; number++) {
        int has = prctl(PR_CAPBSET_READ, number, 0, 0, 0);

        if (has < 0)
            break; /* no such capability, nor any above */
        if (has && !(keep & CAPABILITY(number)) && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0)
            return -errno;
    }
    return 0;
}

bool privilege_is_bound(uint64_t keep)
{
    for (unsigned number = 0; number < 64; number++) {
        int has = prctl(PR_CAPBSET_READ, number, 0, 0, 0);

        if (has < 0)
            break;
        if (has && !(keep & CAPABILITY(number)))
            return false;
    }
    return true;
}

int privilege_reduce(uint64_t keep)
{
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return set_capabilities(keep & privilege_permitted(), 0) == 0 ? 0 : -errno;
}

int privilege_grant(uint64_t capabilities)
{
    if (set_capabilities(capabilities, capabilities) != 0)
        return -1;
    for (unsigned number = 0; number < 64; number++) {
        if ((capabilities & CAPABILITY(number)) &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0)
            return -1;
    }
    return 0;
}

int privilege_renounce(void)
{
    long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);

    /* Without key rings in the kernel (ENOSYS) or with its quota used up there is none to leave
     * behind that matters: handlers of another uid may not use superd's keys in any case. Handlers
     * of several services may share this one, so nobody puts anything into it; who needs one of his
     * own may join one. */
    if (ring > 0)
        syscall(SYS_keyctl, KEYCTL_SETPERM, ring, KEY_POS_VIEW | KEY_POS_READ | KEY_POS_SEARCH);
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    return 0;
}
