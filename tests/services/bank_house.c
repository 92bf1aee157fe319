/*
 * bank_house: see bank_house.h.
 */
#include "bank_house.h"

#include "serve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

char house_directory[64];

const char *house_database(const char *bank)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s.db", house_directory, bank);
    return path;
}

int house_ledger(const char *bank, const char *what)
{
    const char *argv[] = {serve_program("bank/bank-ledger"),
                          "--bank",
                          bank,
                          "--database",
                          house_database(bank),
                          what,
                          NULL};
    char output[1024];
    int status = serve_command(house_directory, argv, output, sizeof output, PATIENCE_MS);

    if (status == 1) /* an audit's find */
        fputs(output, stderr);
    return status;
}

int house_setup(void **state)
{
    (void)state;
    serve_make_directory(house_directory);
    return house_ledger("north", "--create") || house_ledger("south", "--create");
}

int house_teardown(void **state)
{
    bool good = house_ledger("north", "--audit") == 0 && house_ledger("south", "--audit") == 0 &&
                serve_log_is_clean(house_directory);

    (void)state;
    serve_remove_directory(house_directory);
    return good ? 0 : -1;
}
