/*
 * protocol: requests and answers of PROTOCOL.md as structures, both ways.
 *
 * Pure: memory in, memory out, so it is what the fuzzer gets. Knows nothing of sockets or ledgers.
 */
#ifndef BANK_PROTOCOL_H
#define BANK_PROTOCOL_H

#include "wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BANK_VERSION = 1,
    BANK_ID_MAX = 64,
    BANK_NAME_MAX = 32,
    BANK_COUNT_MAX = 100, /* lines of one list */
    BANK_FIELDS_MAX = 12, /* of any line */
    BANK_EXPLANATION_MAX = 160,
    BANK_ACCOUNT_TEXT = 2 * BANK_NAME_MAX + 2,
};

#define BANK_CENTS_MAX   INT64_C(99999999999999)     /* in one request */
#define BANK_BALANCE_MAX INT64_C(100000000000000000) /* 10^17; the sum of many fits an int64_t */

enum bank_verb {
    BANK_PING,
    BANK_OPEN,
    BANK_BALANCE,
    BANK_TRANSFER,
    BANK_STATEMENT,
    BANK_CREDIT,
    BANK_SETTLE,
    BANK_RETURN,
    BANK_PENDING,
    BANK_VERB_MAX,
};

enum bank_word {
    BANK_WORD_NONE, /* no word: the answer was OK */
    /* after NO: final */
    BANK_FUNDS,
    BANK_NO_ACCOUNT,
    BANK_EXISTS,
    BANK_LIMIT,
    /* after ERR: nothing decided */
    BANK_SYNTAX,
    BANK_TOO_LONG,
    BANK_ID_REUSED,
    BANK_NOT_OURS,
    BANK_NO_BANK,
    BANK_DENIED,
    BANK_UNKNOWN,
    BANK_STATE,
    BANK_BUSY,
    BANK_UNAVAILABLE,
    BANK_IDLE,
    BANK_INTERNAL,
    BANK_WORD_MAX,
};

struct bank_account {
    char bank[BANK_NAME_MAX + 1];
    char name[BANK_NAME_MAX + 1];
};

struct bank_request {
    char id[BANK_ID_MAX + 1];
    enum bank_verb verb;
    struct bank_account payer; /* also the one account of OPEN, BALANCE, STATEMENT */
    struct bank_account payee;
    int64_t cents;
    int64_t count;       /* STATEMENT, PENDING */
    int64_t from;        /* STATEMENT: BEFORE; PENDING: AFTER */
    enum bank_word word; /* RETURN: one that follows NO */
};

enum bank_kind {
    BANK_OK,
    BANK_NO,
    BANK_ERR,
    BANK_MORE,
    BANK_KIND_MAX,
};

/* What is sent back. TEXT is the rest of an OK line, or the explanation after a word. */
struct bank_answer {
    enum bank_kind kind;
    enum bank_word word;
    char text[BANK_EXPLANATION_MAX];
};

/* A line of an answer as the caller gets it; `fields` point into the line that was parsed. */
struct bank_reply {
    const char *id;
    enum bank_kind kind;
    enum bank_word word; /* NO, ERR */
    size_t count;
    char *fields[BANK_FIELDS_MAX]; /* OK, MORE */
    const char *explanation;       /* NO, ERR; may be "" */
};

bool bank_name_valid(const char *text);
bool bank_id_valid(const char *text);
bool bank_account_parse(const char *text, struct bank_account *account_r);
bool bank_account_equal(const struct bank_account *a, const struct bank_account *b);
/* Write "bank/name"; returns TEXT. */
char *bank_account_format(const struct bank_account *account, char text[BANK_ACCOUNT_TEXT]);

/* Parse a request, cutting LINE up. On failure request_r->id is the id if that was readable, else
 * "-", and *WHY_R explains. */
bool bank_request_parse(char *line, size_t length, struct bank_request *request_r,
                        const char **why_r);

/* Write a request's verb and arguments, without id and line feed: also what the ledger keeps to
 * tell a repeat from another request with the same id. Returns LINE. */
char *bank_request_format(const struct bank_request *request, char line[WIRE_LINE_MAX]);

/* Parse a line of an answer, cutting LINE up. */
bool bank_reply_parse(char *line, size_t length, struct bank_reply *reply_r);

/* A balance or change: like field_number, with a sign. */
bool bank_signed_parse(const char *text, int64_t *cents_r);

/* Parse "BANK VERSIONS ROLE NAME", cutting LINE up; true when it lists our version. */
bool bank_greeting_parse(char *line, size_t length, const char **role_r, const char **bank_r);

const char *bank_verb_text(enum bank_verb verb);
const char *bank_word_text(enum bank_word word);
/* The word, or BANK_WORD_NONE. */
enum bank_word bank_word_parse(const char *text);
/* Does this word follow NO, and so is final? */
bool bank_word_is_final(enum bank_word word);
/* May the same request help a moment later? */
bool bank_word_is_temporary(enum bank_word word);

/* Fill in an answer. The NO or ERR is chosen by the word; FORMAT explains. */
void bank_answer_ok(struct bank_answer *answer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bank_answer_fail(struct bank_answer *answer, enum bank_word word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
