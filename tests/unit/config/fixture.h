/*
 * fixture: a temporary folder with configuration files and handlers, for the tests of config/.
 *
 * In texts that are written, "@" followed by a slash stands for the folder; in messages that are
 * compared the folder is left out.
 */
#ifndef TESTS_UNIT_CONFIG_FIXTURE_H
#define TESTS_UNIT_CONFIG_FIXTURE_H

#include "unit.h"

#include "config/load.h"

struct fixture {
    char folder[64];
    struct config_surroundings around; /* root, with bin/ as the handlers' folder and as PATH, and
                                          sys/ as what the kernel shows of disks: not there at first */
    char sys[80];
    struct diagnostics list;
    struct config *config;
};

/* cmocka's: *STATE is a struct fixture with bin/hello (executable), bin/text (not), bin/folder. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

/* Write the file NAME, which may be in a subfolder, mode 0644. */
void fixture_write(struct fixture *fixture, const char *name, const char *text);

/* Load the file NAME; what was loaded before is freed. The list is sorted. */
struct config *fixture_load(struct fixture *fixture, const char *name);

/* Write TEXT as main.conf and load that. */
struct config *fixture_load_text(struct fixture *fixture, const char *text);

/* The list holds exactly these messages, each "FILE:LINE: error: ..." in a line of its own. */
void fixture_expect(struct fixture *fixture, const char *messages);

/* The configuration as config_dump() writes it; the caller frees it. */
char *fixture_dump(const struct fixture *fixture);

#endif
