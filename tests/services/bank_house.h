/*
 * bank_house: the ledgers of two banks, north and south, new for each test; at its end their books
 * must be right and no sanitizer must have spoken.
 */
#ifndef TESTS_BANK_HOUSE_H
#define TESTS_BANK_HOUSE_H

enum { PATIENCE_MS = 20000, HOUSE_OUTPUT_SIZE = 1 << 17 };

/* Where a test's files are. */
extern char house_directory[64];

/* The file of a bank's ledger; static storage a few deep. */
const char *house_database(const char *bank);

/* Run bank-ledger with --create or --audit; its exit status. */
int house_ledger(const char *bank, const char *what);

int house_setup(void **state);
int house_teardown(void **state);

#endif
