/*
 * bank_books: what stands in the ledgers of two banks, read from their files and not through the
 * programs that are tested.
 */
#ifndef TESTS_BANK_BOOKS_H
#define TESTS_BANK_BOOKS_H

#include "bank/protocol.h"

#include <stdint.h>

/* Open one of the two, for good: it must be there. */
void books_open(int which, const char *file);
void books_close(void);

/* The first column of the first row, INT64_MIN when there is none. FIRST and SECOND are bound when
 * they are not NULL. */
int64_t books_number(int which, const char *sql, const char *first, const char *second);

/* The state of a transfer or credit, with the number of entries that it must have. */
enum books_state {
    BOOKS_ABSENT,
    BOOKS_DONE,     /* two */
    BOOKS_REFUSED,  /* none */
    BOOKS_RETURNED, /* four */
    BOOKS_WRONG,    /* pending, another amount, another number of entries */
};

enum books_state books_state(int which, const struct bank_request *request);

#endif
