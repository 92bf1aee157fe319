/* capability: see capability.h. The numbers are the kernel's, and for ever. */
#include "config/capability.h"

#include <stddef.h>
#include <strings.h>

static const char *const names[] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};

#define NAMES (sizeof names / sizeof names[0])

const char *capability_name(unsigned number)
{
    return number < NAMES ? names[number] : NULL;
}

bool capability_parse(const char *name, unsigned *number_r)
{
    if (strncasecmp(name, "cap_", 4) == 0)
        name += 4;
    for (unsigned i = 0; i < NAMES; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            *number_r = i;
            return true;
        }
    }
    return false;
}
