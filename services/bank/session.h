/*
 * session: the handler's side of one connection: greet, read requests, have each answered, until the
 * caller ends its side. Shared by bank-ledger and bank-teller; knows neither.
 */
#ifndef BANK_SESSION_H
#define BANK_SESSION_H

#include "bank/protocol.h"
#include "wire/wire.h"

#include <stdbool.h>
#include <stdint.h>

struct session {
    struct wire wire;
    struct patience patience;
};

/* Called for each request; must give exactly one answer with session_answer(). */
typedef void session_answer_cb(void *context, struct session *session,
                               const struct bank_request *request);

/* Serve descriptors 0 and 1 as ROLE of BANK until the caller is done, gone, too slow or too silly. */
void session_run(struct session *session, const char *role, const char *bank,
                 session_answer_cb *answer_cb, void *context);

/* Send one line of a list. ARGUMENTS is what follows "ID MORE ". */
void session_more(struct session *session, const struct bank_request *request,
                  const char *arguments);

void session_answer(struct session *session, const struct bank_request *request,
                    const struct bank_answer *answer);

#endif
