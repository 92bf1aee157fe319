/*
 * exposure: what the handlers of a service can do to the host, wall by wall, and a score: 0.0 for all
 * walls standing, 10.0 for none. Each wall has a weight and counts as far as it is missing; the
 * weights say what the wall keeps an attacker from, not how likely it is that he gets that far.
 *
 * It looks at the settings in force and the kernel's landlock, and starts no process.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_EXPOSURE_H
#define SUPERD_LAUNCH_ISOLATION_EXPOSURE_H

#define EXPOSURE_WALLS 14

struct service_config;

struct exposure_wall {
    const char *name;
    unsigned missing; /* 0 to 2 of 2: index of exposure_marks */
    double counts;    /* of the score */
    const char *meaning;
};

struct exposure {
    unsigned tenths; /* the score, 0 to 100 */
    const char *word;
    struct exposure_wall walls[EXPOSURE_WALLS];
};

extern const char *const exposure_marks[];

void exposure_look(const struct service_config *service, struct exposure *exposure_r);

#endif
