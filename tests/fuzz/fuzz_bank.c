/*
 * Fuzz target: all that services/bank does with bytes of the other side. The first byte chooses the
 * parser; what holds of its result is demanded.
 */
#include "bank/amount.h"
#include "bank/protocol.h"
#include "wire/connect.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this must hold in every build. */
static void demand(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_bank: broken: %s\n", what);
        abort();
    }
}

/* What is taken comes back the same from its own text. */
static void fuzz_request(char *line, size_t length)
{
    struct bank_request request, again;
    char text[WIRE_LINE_MAX], copy[2 * WIRE_LINE_MAX];
    const char *why = NULL;

    if (!bank_request_parse(line, length, &request, &why)) {
        demand(why != NULL, "a reason");
        demand(strcmp(request.id, "-") == 0 || bank_id_valid(request.id), "an id to answer to");
        return;
    }
    demand(bank_id_valid(request.id), "id");
    demand(request.cents >= 0 && request.cents <= BANK_CENTS_MAX, "cents");
    demand(request.count >= 0 && request.count <= BANK_COUNT_MAX, "count");
    demand(request.from >= 0, "from");
    demand(request.payer.bank[0] == '\0' ||
               (bank_name_valid(request.payer.bank) && bank_name_valid(request.payer.name)),
           "payer");
    snprintf(copy, sizeof copy, "%s %s", request.id, bank_request_format(&request, text));
    demand(bank_request_parse(copy, strlen(copy), &again, &why), "its own text is taken");
    demand(memcmp(&request, &again, sizeof request) == 0, "and means the same");
}

static void fuzz_reply(char *line, size_t length)
{
    struct bank_reply reply;
    int64_t cents;

    if (!bank_reply_parse(line, length, &reply))
        return;
    demand(reply.count <= BANK_FIELDS_MAX, "count");
    demand((reply.kind == BANK_NO) == bank_word_is_final(reply.word), "only NO is final");
    demand((reply.kind == BANK_OK || reply.kind == BANK_MORE) == (reply.word == BANK_WORD_NONE),
           "a word with every failure");
    demand(strlen(reply.explanation) <= length, "explanation");
    if (reply.kind == BANK_NO || reply.kind == BANK_ERR)
        return;
    for (size_t i = 0; i < reply.count; i++) {
        demand(reply.fields[i] >= line && reply.fields[i] < line + length, "inside the line");
        demand(reply.fields[i][0] != '\0', "no empty field");
        (void)bank_signed_parse(reply.fields[i], &cents);
    }
}

static void fuzz_greeting(char *line, size_t length)
{
    const char *role, *bank;

    if (bank_greeting_parse(line, length, &role, &bank))
        demand(role[0] != '\0' && bank_name_valid(bank), "role and bank");
}

static void fuzz_amount(const char *text)
{
    char written[AMOUNT_TEXT];
    int64_t cents, again;

    if (!amount_parse(text, &cents))
        return;
    demand(cents >= 0 && cents <= BANK_CENTS_MAX, "amount");
    demand(amount_parse(amount_format(cents, written), &again) && again == cents, "both ways");
}

static void fuzz_address(const char *text)
{
    struct wire_address address;

    if (wire_address_parse(text, &address))
        demand(address.host[0] && address.port[0] && !strchr(address.port, ':'), "address");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line;

    if (size == 0 || size > WIRE_LINE_MAX)
        return 0;
    line = malloc(size); /* exactly: one byte too far is found */
    if (!line)
        return 0;
    memcpy(line, data + 1, size - 1);
    line[size - 1] = '\0';
    switch (data[0] % 5) {
    case 0:
        fuzz_request(line, size - 1);
        break;
    case 1:
        fuzz_reply(line, size - 1);
        break;
    case 2:
        fuzz_greeting(line, size - 1);
        break;
    case 3:
        fuzz_amount(line);
        break;
    default:
        fuzz_address(line);
    }
    free(line);
    return 0;
}
