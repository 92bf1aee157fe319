/*
 * amount: money as people write it, "12.50", and as it is kept, in cents. No floating point.
 */
#ifndef BANK_AMOUNT_H
#define BANK_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum { AMOUNT_TEXT = 32 };

/* "12", "12.5" or "12.50", at most BANK_CENTS_MAX cents. */
bool amount_parse(const char *text, int64_t *cents_r);

/* "12.50" or "-0.05"; returns TEXT. */
char *amount_format(int64_t cents, char text[AMOUNT_TEXT]);

#endif
