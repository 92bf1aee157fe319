/*
 * reason: see reason.h.
 */
#include "admission/reason.h"

const char *const reason_names[REASON_MAX] = {
    [REASON_NONE] = "none",
    [REASON_DENIED] = "denied",
    [REASON_CLOSED_HOURS] = "closed-hours",
    [REASON_TRAPPED] = "trapped",
    [REASON_SOURCE_LIMIT] = "source-limit",
    [REASON_SOURCE_RATE] = "source-rate",
    [REASON_FAIR_SHARE] = "fair-share",
    [REASON_SOURCE_TABLE] = "source-table",
    [REASON_SERVICE_LIMIT] = "service-limit",
    [REASON_SERVICE_RATE] = "service-rate",
    [REASON_DAEMON_LIMIT] = "daemon-limit",
    [REASON_LOAD] = "load",
    [REASON_DYNAMIC_USERS] = "dynamic-users",
    [REASON_LAUNCHERS] = "launchers",
    [REASON_THROTTLED] = "throttled",
    [REASON_PAUSED] = "paused",
    [REASON_DRAINING] = "draining",
};
