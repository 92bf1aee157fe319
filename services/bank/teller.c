/*
 * bank-teller: the middle tier. An inetd-style handler that is a client itself: of its bank's ledger
 * and of the other banks. Run with --settle it serves nobody and drives pending transfers on.
 *
 * What must hold: it keeps nothing of its own, so it may be killed at any point; whatever a caller
 * sends is answered within --timeout.
 */
#include "bank/session.h"
#include "bank/settle.h"
#include "common/io.h"
#include "wire/field.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum {
    PEERS_MAX = 32, /* settle keeps a bit for each */
    /* What a teller does for others' pending transfers after its own caller has gone. */
    AFTERWARDS_MOST = 16,
    AFTERWARDS_MS = 5000,
};

struct teller {
    struct branch branch;
    struct bank_link peers[PEERS_MAX];
    int64_t timeout_ms;
    bool interbank;
    bool cash;
    bool settle;
    bool moved_money; /* this session began a transfer to another bank */
};

static const char usage[] =
    "usage: bank-teller --bank NAME --ledger HOST:PORT... [--peer BANK=HOST:PORT...] [--cash |\n"
    "           --interbank] [--timeout TIME] [--idle TIME] [--line TIME]\n"
    "       bank-teller --bank NAME --ledger HOST:PORT... --peer BANK=HOST:PORT... --settle\n"
    "TIME is like 3s or 500ms. See superd-bank(8).\n";

/* "BANK=HOST:PORT"; a bank named again gets another address. */
static bool add_peer(struct teller *teller, char *text)
{
    char *address = strchr(text, '=');
    struct bank_link *peer;

    if (!address)
        return false;
    *address++ = '\0';
    if (!bank_name_valid(text))
        return false;
    peer = branch_peer(&teller->branch, text);
    if (!peer) {
        if (teller->branch.peer_count == PEERS_MAX)
            return false;
        peer = &teller->peers[teller->branch.peer_count++];
        bank_link_begin(peer, text);
    }
    return bank_link_add(peer, address);
}

static bool parse_options(int argc, char *argv[], struct teller *teller, struct session *session)
{
    enum { BANK = 1, LEDGER, PEER, CASH, INTERBANK, SETTLE, TIMEOUT };
    static const struct option table[] = {
        {"bank", required_argument, NULL, BANK},
        {"ledger", required_argument, NULL, LEDGER},
        {"peer", required_argument, NULL, PEER},
        {"cash", no_argument, NULL, CASH},
        {"interbank", no_argument, NULL, INTERBANK},
        {"settle", no_argument, NULL, SETTLE},
        {"timeout", required_argument, NULL, TIMEOUT},
        {"idle", required_argument, NULL, PATIENCE_IDLE},
        {"line", required_argument, NULL, PATIENCE_LINE},
        {NULL, 0, NULL, 0},
    };
    bool good = true;
    int option;

    while (good && (option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case BANK:
            teller->branch.bank = optarg;
            break;
        case LEDGER:
            good = bank_link_add(&teller->branch.ledger, optarg);
            break;
        case PEER:
            good = add_peer(teller, optarg);
            break;
        case CASH:
            teller->cash = true;
            break;
        case INTERBANK:
            teller->interbank = true;
            break;
        case SETTLE:
            teller->settle = true;
            break;
        case TIMEOUT:
            good = field_duration(optarg, &teller->timeout_ms);
            break;
        default:
            good = patience_option(&session->patience, option, optarg);
        }
    }
    if (!good || optind != argc || !teller->branch.bank || !bank_name_valid(teller->branch.bank) ||
        teller->branch.ledger.address_count == 0 ||
        branch_peer(&teller->branch, teller->branch.bank) ||
        teller->cash + teller->interbank + teller->settle > 1)
        return false;
    strcpy(teller->branch.ledger.bank, teller->branch.bank);
    if (teller->timeout_ms == 0) /* another bank's teller waits for an interbank one */
        teller->timeout_ms = teller->interbank ? 4000 : 8000;
    return true;
}

/* A list is kept until it is whole: half a list and then a second try would be told as one. */
struct listing {
    char lines[BANK_COUNT_MAX][WIRE_LINE_MAX];
    size_t count;
};

static void take_line(void *context, const struct bank_reply *reply)
{
    struct listing *listing = context;
    char *line;
    size_t at = 0;

    if (!reply) {
        listing->count = 0;
        return;
    }
    if (listing->count == BANK_COUNT_MAX)
        return;
    line = listing->lines[listing->count++];
    line[0] = '\0';
    for (size_t i = 0; i < reply->count && at < WIRE_LINE_MAX; i++)
        at += (size_t)snprintf(line + at, WIRE_LINE_MAX - at, "%s%s", i > 0 ? " " : "",
                               reply->fields[i]);
}

/* Ask the ledger and hand on what it says, list and all. */
static void ask_ledger(struct teller *teller, struct session *session,
                       const struct bank_request *request, int64_t deadline,
                       struct bank_answer *answer)
{
    static struct listing listing; /* large; a handler has one session */

    listing.count = 0;
    bank_link_call(&teller->branch.ledger, request, deadline, take_line, &listing, answer);
    if (answer->kind != BANK_OK)
        return;
    for (size_t i = 0; i < listing.count; i++)
        session_more(session, request, listing.lines[i]);
}

static void transfer(struct teller *teller, struct session *session,
                     const struct bank_request *request, int64_t deadline,
                     struct bank_answer *answer)
{
    if (strcmp(request->payee.bank, teller->branch.bank) != 0 &&
        !branch_peer(&teller->branch, request->payee.bank)) {
        bank_answer_fail(answer, BANK_NO_BANK, "%s is not known here", request->payee.bank);
        return;
    }
    ask_ledger(teller, session, request, deadline, answer);
    if (answer->kind == BANK_OK && strcmp(answer->text, "pending") == 0) {
        teller->moved_money = true;
        settle_one(&teller->branch, request, deadline, answer);
    }
}

/* The balance of an account of ours, or, for our own customers, of another bank. */
static void balance(struct teller *teller, struct session *session,
                    const struct bank_request *request, int64_t deadline,
                    struct bank_answer *answer)
{
    struct bank_link *peer = branch_peer(&teller->branch, request->payer.bank);

    if (strcmp(request->payer.bank, teller->branch.bank) == 0)
        ask_ledger(teller, session, request, deadline, answer);
    else if (teller->interbank)
        bank_answer_fail(answer, BANK_NOT_OURS, "this is %s", teller->branch.bank);
    else if (!peer)
        bank_answer_fail(answer, BANK_NO_BANK, "%s is not known here", request->payer.bank);
    else
        bank_link_call(peer, request, deadline, NULL, NULL, answer);
}

static bool is_allowed(const struct teller *teller, const struct bank_request *request,
                       const char **why_r)
{
    switch (request->verb) {
    case BANK_PING:
    case BANK_BALANCE:
        return true;
    case BANK_CREDIT:
        *why_r = "only banks credit";
        return teller->interbank;
    case BANK_OPEN:
        *why_r = "cash is paid in at the counter";
        return !teller->interbank && (request->cents == 0 || teller->cash);
    case BANK_TRANSFER:
    case BANK_STATEMENT:
        *why_r = "this is for banks alone";
        return !teller->interbank;
    default:
        *why_r = "this is the ledger's";
        return false;
    }
}

static void answer_request(void *context, struct session *session,
                           const struct bank_request *request)
{
    struct teller *teller = context;
    const char *ours = teller->branch.bank;
    const struct bank_account *held = request->verb == BANK_CREDIT ? &request->payee
                                                                   : &request->payer;
    int64_t deadline = io_clock_ms() + teller->timeout_ms;
    struct bank_answer answer;
    const char *why;

    if (!is_allowed(teller, request, &why))
        bank_answer_fail(&answer, BANK_DENIED, "%s", why);
    else if (request->verb == BANK_PING)
        bank_answer_ok(&answer, "%s", "");
    else if (request->verb == BANK_BALANCE)
        balance(teller, session, request, deadline, &answer);
    else if (strcmp(held->bank, ours) != 0)
        bank_answer_fail(&answer, BANK_NOT_OURS, "this is %s", ours);
    else if (request->verb == BANK_CREDIT && !branch_peer(&teller->branch, request->payer.bank))
        bank_answer_fail(&answer, BANK_NO_BANK, "%s is not known here", request->payer.bank);
    else if (request->verb == BANK_TRANSFER)
        transfer(teller, session, request, deadline, &answer);
    else
        ask_ledger(teller, session, request, deadline, &answer);
    session_answer(session, request, &answer);
}

/* --settle: all of them, and say how it went. */
static int settle_all(struct teller *teller)
{
    struct settle_figures figures;

    if (!settle_pending(&teller->branch, SIZE_MAX, teller->timeout_ms, INT64_MAX, &figures)) {
        fprintf(stderr, "bank-teller: the ledger of %s does not answer\n", teller->branch.bank);
        return EX_UNAVAILABLE;
    }
    printf("settled %lld, returned %lld, still pending %lld\n", (long long)figures.settled,
           (long long)figures.returned, (long long)figures.left);
    return figures.left == 0 ? EXIT_SUCCESS : EX_TEMPFAIL;
}

static void close_links(struct teller *teller)
{
    bank_link_close(&teller->branch.ledger);
    for (size_t i = 0; i < teller->branch.peer_count; i++)
        bank_link_close(&teller->peers[i]);
}

int main(int argc, char *argv[])
{
    static struct teller teller;
    static struct session session = {.patience = {PATIENCE_IDLE_MS, PATIENCE_LINE_MS}};
    int status = EXIT_SUCCESS;

    teller.branch.peers = teller.peers;
    bank_link_begin(&teller.branch.ledger, NULL);
    if (!parse_options(argc, argv, &teller, &session)) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    if (teller.settle) {
        status = settle_all(&teller);
    } else {
        session_run(&session, "teller", teller.branch.bank, answer_request, &teller);
        shutdown(STDOUT_FILENO, SHUT_RDWR); /* the caller need not wait for what follows */
        if (teller.moved_money) {
            struct settle_figures figures;

            settle_pending(&teller.branch, AFTERWARDS_MOST, teller.timeout_ms,
                           io_clock_ms() + AFTERWARDS_MS, &figures);
        }
    }
    close_links(&teller);
    return status;
}
