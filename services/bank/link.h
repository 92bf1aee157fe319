/*
 * link: the caller's side: one bank's handler (ledger or teller), at one or more addresses, asked
 * until it answers or the deadline passes. Used by bank-teller towards ledgers and other banks, and
 * by the client.
 *
 * What must hold: a call never outlasts its deadline, and it may repeat the request, which is safe
 * because every request of the protocol is (PROTOCOL.md, "Once").
 */
#ifndef BANK_LINK_H
#define BANK_LINK_H

#include "bank/protocol.h"
#include "wire/connect.h"
#include "wire/wire.h"

#include <stdbool.h>
#include <stdint.h>

enum { BANK_LINK_ADDRESSES_MAX = 4 };

struct bank_link {
    struct wire_address addresses[BANK_LINK_ADDRESSES_MAX]; /* of the same handler's data */
    size_t address_count;
    size_t address_next;
    char bank[BANK_NAME_MAX + 1]; /* which bank it must be; "": learn it from the greeting */
    int fd;                       /* -1 when not connected */
    struct wire wire;
};

/* Called for each MORE line, and with NULL when a (repeated) answer begins: forget what came. */
typedef void bank_more_cb(void *context, const struct bank_reply *reply);

/* Begin with no address, not connected, expecting BANK or, when NULL, any. */
void bank_link_begin(struct bank_link *link, const char *bank);
/* Add "host:port"; false when it is none or there are too many. */
bool bank_link_add(struct bank_link *link, const char *address);
void bank_link_close(struct bank_link *link);

/* Connect if not connected, and learn the bank's name, with no request. False with *WHY_R after
 * DEADLINE. */
bool bank_link_greet(struct bank_link *link, int64_t deadline, const char **why_r);

/* Send REQUEST and wait for its answer until DEADLINE, connecting again and repeating as needed;
 * answers that another try may better (busy, unavailable) are repeated too. No answer at all becomes
 * ERR unavailable. Returns whether the request may have reached the other side. MORE_CB may be
 * NULL. */
bool bank_link_call(struct bank_link *link, const struct bank_request *request, int64_t deadline,
                    bank_more_cb *more_cb, void *context, struct bank_answer *answer_r);

#endif
