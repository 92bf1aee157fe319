/*
 * policy: see policy.h.
 */
#include "supervise/policy.h"

bool policy_make(const struct service_config *config, const struct access_contents *contents,
                 struct policy *policy_r)
{
    struct policy policy = {0};

    policy.table = access_table_create(&config->access, contents->files, contents->count);
    /* The check of the configuration has loaded this zone before: it is there. */
    if (!policy.table ||
        (config->access.hours_count && zone_load(config->access.time_zone, &policy.zone) < 0)) {
        policy_destroy(&policy);
        return false;
    }
    policy.admission = (struct admission_policy){.limits = &config->limits,
                                                 .access = &config->access,
                                                 .table = policy.table,
                                                 .zone = policy.zone};
    *policy_r = policy;
    return true;
}

void policy_destroy(struct policy *policy)
{
    access_table_destroy(policy->table);
    zone_destroy(policy->zone);
    *policy = (struct policy){0};
}
