/*
 * protocol: see protocol.h. What each verb takes stands in one table; parsing and writing follow it.
 */
#include "bank/protocol.h"

#include "wire/field.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One letter an argument:
 *   p payer (or the only) account   q payee account   c cents, at least 1   z cents, 0 allowed
 *   n count of lines                f a number to go on from               w word that follows NO */
static const struct {
    const char *name;
    const char *arguments;
} verbs[BANK_VERB_MAX] = {
    [BANK_PING] = {"PING", ""},
    [BANK_OPEN] = {"OPEN", "pz"},
    [BANK_BALANCE] = {"BALANCE", "p"},
    [BANK_TRANSFER] = {"TRANSFER", "pqc"},
    [BANK_STATEMENT] = {"STATEMENT", "pnf"},
    [BANK_CREDIT] = {"CREDIT", "pqc"},
    [BANK_SETTLE] = {"SETTLE", ""},
    [BANK_RETURN] = {"RETURN", "w"},
    [BANK_PENDING] = {"PENDING", "nf"},
};

static const char *const words[BANK_WORD_MAX] = {
    [BANK_WORD_NONE] = "ok",
    [BANK_FUNDS] = "funds",
    [BANK_NO_ACCOUNT] = "no-account",
    [BANK_EXISTS] = "exists",
    [BANK_LIMIT] = "limit",
    [BANK_SYNTAX] = "syntax",
    [BANK_TOO_LONG] = "too-long",
    [BANK_ID_REUSED] = "id-reused",
    [BANK_NOT_OURS] = "not-ours",
    [BANK_NO_BANK] = "no-bank",
    [BANK_DENIED] = "denied",
    [BANK_UNKNOWN] = "unknown",
    [BANK_STATE] = "state",
    [BANK_BUSY] = "busy",
    [BANK_UNAVAILABLE] = "unavailable",
    [BANK_IDLE] = "idle",
    [BANK_INTERNAL] = "internal",
};

static const char *const kinds[BANK_KIND_MAX] = {
    [BANK_OK] = "OK",
    [BANK_NO] = "NO",
    [BANK_ERR] = "ERR",
    [BANK_MORE] = "MORE",
};

bool bank_name_valid(const char *text)
{
    if (!field_is_word(text, BANK_NAME_MAX, "-") || text[0] == '-')
        return false;
    return strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL;
}

bool bank_id_valid(const char *text)
{
    return field_is_word(text, BANK_ID_MAX, "._-") && text[0] != '-';
}

bool bank_account_parse(const char *text, struct bank_account *account_r)
{
    struct bank_account account = {0};
    const char *slash = strchr(text, '/');

    if (!slash || slash - text > BANK_NAME_MAX || strlen(slash + 1) > BANK_NAME_MAX)
        return false;
    memcpy(account.bank, text, (size_t)(slash - text));
    strcpy(account.name, slash + 1);
    if (!bank_name_valid(account.bank) || !bank_name_valid(account.name))
        return false;
    *account_r = account;
    return true;
}

bool bank_account_equal(const struct bank_account *a, const struct bank_account *b)
{
    return strcmp(a->bank, b->bank) == 0 && strcmp(a->name, b->name) == 0;
}

char *bank_account_format(const struct bank_account *account, char text[BANK_ACCOUNT_TEXT])
{
    snprintf(text, BANK_ACCOUNT_TEXT, "%s/%s", account->bank, account->name);
    return text;
}

static bool argument_parse(char letter, const char *text, struct bank_request *request)
{
    switch (letter) {
    case 'p':
        return bank_account_parse(text, &request->payer);
    case 'q':
        return bank_account_parse(text, &request->payee);
    case 'c':
        return field_number(text, 1, BANK_CENTS_MAX, &request->cents);
    case 'z':
        return field_number(text, 0, BANK_CENTS_MAX, &request->cents);
    case 'n':
        return field_number(text, 1, BANK_COUNT_MAX, &request->count);
    case 'f':
        return field_number(text, 0, INT64_MAX, &request->from);
    case 'w':
        request->word = bank_word_parse(text);
        return bank_word_is_final(request->word);
    default:
        return false;
    }
}

bool bank_request_parse(char *line, size_t length, struct bank_request *request_r,
                        const char **why_r)
{
    char *fields[BANK_FIELDS_MAX];
    size_t count = field_split(line, length, fields, BANK_FIELDS_MAX);
    const char *arguments;

    memset(request_r, 0, sizeof *request_r);
    strcpy(request_r->id, "-");
    *why_r = "a request is ID VERB ARGUMENTS in printable ASCII parted by single spaces";
    if (count < 2 || !bank_id_valid(fields[0]))
        return false;
    strcpy(request_r->id, fields[0]);
    *why_r = "no such verb";
    while (strcmp(verbs[request_r->verb].name, fields[1]) != 0)
        if (++request_r->verb == BANK_VERB_MAX)
            return false;
    arguments = verbs[request_r->verb].arguments;
    *why_r = "the wrong number of arguments";
    if (count - 2 != strlen(arguments))
        return false;
    *why_r = "an argument is out of form or range";
    for (size_t i = 0; arguments[i]; i++)
        if (!argument_parse(arguments[i], fields[i + 2], request_r))
            return false;
    *why_r = "payer and payee are the same account";
    return !strchr(arguments, 'q') || !bank_account_equal(&request_r->payer, &request_r->payee);
}

char *bank_request_format(const struct bank_request *request, char line[WIRE_LINE_MAX])
{
    const char *argument = verbs[request->verb].arguments;
    int at = snprintf(line, WIRE_LINE_MAX, "%s", verbs[request->verb].name);

    for (; *argument; argument++) { /* the longest possible line is under 200 bytes */
        char *to = line + at;
        size_t room = WIRE_LINE_MAX - (size_t)at;

        if (*argument == 'p')
            at += snprintf(to, room, " %s/%s", request->payer.bank, request->payer.name);
        else if (*argument == 'q')
            at += snprintf(to, room, " %s/%s", request->payee.bank, request->payee.name);
        else if (*argument == 'w')
            at += snprintf(to, room, " %s", words[request->word]);
        else
            at += snprintf(to, room, " %lld",
                           (long long)(*argument == 'n'   ? request->count
                                       : *argument == 'f' ? request->from
                                                          : request->cents));
    }
    return line;
}

bool bank_signed_parse(const char *text, int64_t *cents_r)
{
    bool negative = text[0] == '-';
    int64_t cents;

    if (!field_number(text + negative, negative, INT64_MAX, &cents))
        return false;
    *cents_r = negative ? -cents : cents;
    return true;
}

/* The explanation after a word is free text: cut it off first, so that it may have any blanks. */
static const char *cut_explanation(char *line, size_t *length)
{
    size_t spaces = 0;

    for (size_t i = 0; i < *length; i++) {
        if (line[i] == ' ' && ++spaces == 3) {
            line[i] = '\0';
            *length = i;
            return line + i + 1;
        }
    }
    return "";
}

static bool is_failure(const char *line, size_t length)
{
    const char *space = memchr(line, ' ', length);

    return space && (strncmp(space, " NO ", 4) == 0 || strncmp(space, " ERR ", 5) == 0);
}

bool bank_reply_parse(char *line, size_t length, struct bank_reply *reply_r)
{
    char *fields[BANK_FIELDS_MAX];
    size_t count;

    memset(reply_r, 0, sizeof *reply_r);
    for (size_t i = 0; i < length; i++)
        if (line[i] < ' ' || line[i] > '~')
            return false;
    reply_r->explanation = is_failure(line, length) ? cut_explanation(line, &length) : "";
    count = field_split(line, length, fields, BANK_FIELDS_MAX);
    if (count < 2)
        return false;
    reply_r->id = fields[0];
    while (strcmp(kinds[reply_r->kind], fields[1]) != 0)
        if (++reply_r->kind == BANK_KIND_MAX)
            return false;
    reply_r->count = count - 2;
    memcpy(reply_r->fields, fields + 2, reply_r->count * sizeof *fields);
    if (reply_r->kind == BANK_OK || reply_r->kind == BANK_MORE)
        return true;
    reply_r->word = count == 3 ? bank_word_parse(fields[2]) : BANK_WORD_NONE;
    return reply_r->word != BANK_WORD_NONE &&
           bank_word_is_final(reply_r->word) == (reply_r->kind == BANK_NO);
}

bool bank_greeting_parse(char *line, size_t length, const char **role_r, const char **bank_r)
{
    char *fields[4];

    if (field_split(line, length, fields, 4) != 4 || strcmp(fields[0], "BANK") != 0 ||
        !bank_name_valid(fields[3]) || !field_lists_version(fields[1], BANK_VERSION))
        return false;
    *role_r = fields[2];
    *bank_r = fields[3];
    return true;
}

const char *bank_verb_text(enum bank_verb verb)
{
    return verbs[verb].name;
}

const char *bank_word_text(enum bank_word word)
{
    return words[word];
}

enum bank_word bank_word_parse(const char *text)
{
    for (enum bank_word word = BANK_WORD_NONE + 1; word < BANK_WORD_MAX; word++)
        if (strcmp(words[word], text) == 0)
            return word;
    return BANK_WORD_NONE;
}

bool bank_word_is_final(enum bank_word word)
{
    return word >= BANK_FUNDS && word <= BANK_LIMIT;
}

bool bank_word_is_temporary(enum bank_word word)
{
    return word == BANK_BUSY || word == BANK_UNAVAILABLE || word == BANK_IDLE;
}

void bank_answer_ok(struct bank_answer *answer, const char *format, ...)
{
    va_list arguments;

    answer->kind = BANK_OK;
    answer->word = BANK_WORD_NONE;
    va_start(arguments, format);
    vsnprintf(answer->text, sizeof answer->text, format, arguments);
    va_end(arguments);
}

void bank_answer_fail(struct bank_answer *answer, enum bank_word word, const char *format, ...)
{
    va_list arguments;

    answer->kind = bank_word_is_final(word) ? BANK_NO : BANK_ERR;
    answer->word = word;
    va_start(arguments, format);
    vsnprintf(answer->text, sizeof answer->text, format, arguments);
    va_end(arguments);
}
