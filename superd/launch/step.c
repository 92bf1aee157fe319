/*
 * step: the stable words for the steps of a launch (order.h), as the log has them.
 */
#include "launch/order.h"

const char *const launch_step_names[STEP_MAX] = {
    [STEP_NONE] = "none",
    [STEP_RECEIVE] = "receive",
    [STEP_ENVIRONMENT] = "environment",
    [STEP_CLONE] = "clone",
    [STEP_SESSION] = "session",
    [STEP_DESCRIPTORS] = "descriptors",
    [STEP_NICE] = "nice",
    [STEP_RLIMITS] = "rlimits",
    [STEP_GROUPS] = "groups",
    [STEP_GID] = "gid",
    [STEP_UID] = "uid",
    [STEP_DIRECTORY] = "directory",
    [STEP_EXEC] = "exec",
    [STEP_USER_NAMESPACE] = "user-namespace",
    [STEP_NAMESPACES] = "namespaces",
    [STEP_ROOT] = "root",
    [STEP_CGROUP] = "cgroup",
    [STEP_PRIVILEGES] = "privileges",
    [STEP_LANDLOCK] = "landlock",
    [STEP_SYSTEM_CALLS] = "system-calls",
    [STEP_PRIVATE_MOUNTS] = "private-mounts",
    [STEP_LAUNCHER] = "launcher",
    [STEP_STUCK] = "stuck",
};
