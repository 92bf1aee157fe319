/*
 * settle: see settle.h.
 */
#include "bank/settle.h"

#include "common/io.h"
#include "wire/field.h"

#include <stdio.h>
#include <string.h>

struct bank_link *branch_peer(struct branch *branch, const char *bank)
{
    for (size_t i = 0; i < branch->peer_count; i++)
        if (strcmp(branch->peers[i].bank, bank) == 0)
            return &branch->peers[i];
    return NULL;
}

void settle_one(struct branch *branch, const struct bank_request *request, int64_t deadline,
                struct bank_answer *answer_r)
{
    struct bank_link *peer = branch_peer(branch, request->payee.bank);
    struct bank_request step = *request;
    struct bank_answer theirs, ours;
    int64_t now = io_clock_ms();

    bank_answer_ok(answer_r, "pending");
    if (!peer)
        return;
    /* The last quarter of the time is for our own ledger to hear of it. */
    step.verb = BANK_CREDIT;
    bank_link_call(peer, &step, now + (deadline - now) * 3 / 4, NULL, NULL, &theirs);
    if (theirs.kind == BANK_ERR) {
        fprintf(stderr, "bank-teller: %s is pending: %s %s\n", request->id,
                bank_word_text(theirs.word), theirs.text);
        return;
    }
    if (theirs.kind == BANK_OK && strcmp(theirs.text, "done") != 0)
        return; /* a bank that says OK to something else has decided nothing */
    step.verb = theirs.kind == BANK_OK ? BANK_SETTLE : BANK_RETURN;
    step.word = theirs.word;
    bank_link_call(&branch->ledger, &step, deadline, NULL, NULL, &ours);
    if (ours.kind != BANK_OK)
        fprintf(stderr, "bank-teller: %s is pending here, though %s there: %s %s\n", request->id,
                theirs.kind == BANK_OK ? "done" : "refused", bank_word_text(ours.word), ours.text);
    else if (theirs.kind == BANK_OK)
        bank_answer_ok(answer_r, "done");
    else
        bank_answer_fail(answer_r, theirs.word, "%s: %s", request->payee.bank, theirs.text);
}

/* A page of the ledger's list. */
struct page {
    struct bank_request requests[BANK_COUNT_MAX];
    size_t count;
    int64_t last; /* the number to go on from */
};

static void take_line(void *context, const struct bank_reply *reply)
{
    struct page *page = context;
    struct bank_request request = {.verb = BANK_CREDIT};
    int64_t sequence;

    if (!reply) {
        page->count = 0;
        return;
    }
    if (page->count == BANK_COUNT_MAX || reply->count != 5 ||
        !field_number(reply->fields[0], 1, INT64_MAX, &sequence) ||
        !bank_id_valid(reply->fields[1]) || !bank_account_parse(reply->fields[2], &request.payer) ||
        !bank_account_parse(reply->fields[3], &request.payee) ||
        !field_number(reply->fields[4], 1, BANK_CENTS_MAX, &request.cents))
        return; /* its sequence number is not taken either, so it will be seen again */
    strcpy(request.id, reply->fields[1]);
    page->requests[page->count++] = request;
    page->last = sequence;
}

static void count_ending(const struct bank_answer *answer, struct settle_figures *figures)
{
    if (answer->kind == BANK_NO)
        figures->returned++;
    else if (strcmp(answer->text, "done") == 0)
        figures->settled++;
    else
        figures->left++;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool settle_pending(struct branch *branch, size_t most, int64_t each_ms, int64_t deadline,
                    struct settle_figures *figures_r)
{
    struct bank_request list = {.id = "pending", .verb = BANK_PENDING, .count = BANK_COUNT_MAX};
    struct bank_answer answer;
    struct page page = {0};
    size_t done = 0;
    uint64_t silent = 0; /* peers, by number, that have not answered */

    memset(figures_r, 0, sizeof *figures_r);
    do {
        list.from = page.last;
        bank_link_call(&branch->ledger, &list, earlier(io_clock_ms() + each_ms, deadline),
                       take_line, &page, &answer);
        if (answer.kind != BANK_OK)
            return false;
        for (size_t i = 0; i < page.count; i++) {
            const struct bank_link *peer = branch_peer(branch, page.requests[i].payee.bank);
            uint64_t bit = peer ? UINT64_C(1) << (peer - branch->peers) : 0;

            if (done >= most || (silent & bit) || io_clock_ms() >= deadline) {
                figures_r->left++;
                continue;
            }
            done++;
            settle_one(branch, &page.requests[i], earlier(io_clock_ms() + each_ms, deadline),
                       &answer);
            count_ending(&answer, figures_r);
            if (answer.kind == BANK_OK && strcmp(answer.text, "pending") == 0)
                silent |= bit;
        }
    } while (page.count == BANK_COUNT_MAX && done < most);
    return true;
}
