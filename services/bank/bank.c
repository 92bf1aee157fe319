/*
 * bank: the client that a person runs. Speaks to a teller; waits no longer than told; says what is
 * certain and what is not. Exit statuses are in superd-bank(8).
 */
#include "bank/amount.h"
#include "bank/link.h"
#include "common/io.h"
#include "wire/field.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>

struct client {
    const char *teller;
    const char *id;
    int64_t timeout_ms;
    int64_t count;
    int64_t deadline;
    struct bank_link link;
};

static const char usage[] =
    "usage: bank [-s HOST:PORT] [-t TIME] balance ACCOUNT\n"
    "       bank [-s HOST:PORT] [-t TIME] [-i ID] transfer FROM TO AMOUNT\n"
    "       bank [-s HOST:PORT] [-t TIME] [-n COUNT] statement ACCOUNT\n"
    "       bank [-s HOST:PORT] [-t TIME] [-i ID] open ACCOUNT [AMOUNT]\n"
    "ACCOUNT is NAME or BANK/NAME; AMOUNT is like 12.50; the teller may be in BANK_TELLER.\n";

/* An account in our own bank may be given by its name alone; the teller's greeting completes it. */
static int account_argument(struct client *client, const char *text, struct bank_account *account_r)
{
    const char *why;

    if (strchr(text, '/') ? bank_account_parse(text, account_r) : bank_name_valid(text)) {
        if (strchr(text, '/'))
            return EXIT_SUCCESS;
        if (!bank_link_greet(&client->link, client->deadline, &why)) {
            fprintf(stderr, "bank: cannot reach the teller at %s: %s\n", client->teller, why);
            return EX_UNAVAILABLE;
        }
        strcpy(account_r->bank, client->link.bank);
        strcpy(account_r->name, text);
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "bank: '%s' is no account: write NAME or BANK/NAME in a-z, 0-9 and -\n", text);
    return EX_USAGE;
}

static int amount_argument(const char *text, int64_t minimum, int64_t *cents_r)
{
    if (amount_parse(text, cents_r) && *cents_r >= minimum)
        return EXIT_SUCCESS;
    fprintf(stderr, "bank: '%s' is no amount: write 12 or 12.50, up to %lld\n", text,
            (long long)(BANK_CENTS_MAX / 100));
    return EX_USAGE;
}

/* An id that nobody else makes. */
static bool make_id(char id[BANK_ID_MAX + 1])
{
    unsigned char random[16];

    if (getrandom(random, sizeof random, 0) != sizeof random)
        return false;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    return true;
}

/* Ask; on anything but OK say what it means and return the exit status. */
static int ask(struct client *client, const struct bank_request *request, bank_more_cb *more_cb,
               void *context, struct bank_answer *answer)
{
    bool change = request->verb == BANK_TRANSFER || request->verb == BANK_OPEN;
    bool sent = bank_link_call(&client->link, request, client->deadline, more_cb, context, answer);
    bool open = bank_word_is_temporary(answer->word) || answer->word == BANK_INTERNAL;

    if (answer->kind == BANK_OK)
        return EXIT_SUCCESS;
    if (answer->kind == BANK_NO || !open) {
        fprintf(stderr, "bank: refused: %s%s%s\n", bank_word_text(answer->word),
                answer->text[0] ? ": " : "", answer->text);
        return EXIT_FAILURE;
    }
    fprintf(stderr, "bank: no answer from %s: %s: %s\n", client->teller,
            bank_word_text(answer->word), answer->text);
    if (change && sent)
        fprintf(stderr,
                "bank: it may or may not have been done; to make sure of it, and never twice, run"
                " this again with -i %s\n",
                request->id);
    else if (change)
        fprintf(stderr, "bank: nothing was sent, so nothing was done\n");
    return EX_UNAVAILABLE;
}

static int run_balance(struct client *client, char *arguments[], int count)
{
    struct bank_request request = {.id = "balance", .verb = BANK_BALANCE};
    struct bank_answer answer;
    char text[AMOUNT_TEXT];
    int64_t cents;
    int status;

    if (count != 1)
        return EX_USAGE;
    if ((status = account_argument(client, arguments[0], &request.payer)) != EXIT_SUCCESS ||
        (status = ask(client, &request, NULL, NULL, &answer)) != EXIT_SUCCESS)
        return status;
    if (!bank_signed_parse(answer.text, &cents)) {
        fprintf(stderr, "bank: the teller's answer makes no sense\n");
        return EX_PROTOCOL;
    }
    puts(amount_format(cents, text));
    return EXIT_SUCCESS;
}

/* Use the id that was given, or make one. */
static int request_id(const struct client *client, struct bank_request *request)
{
    if (client->id) {
        strcpy(request->id, client->id);
        return EXIT_SUCCESS;
    }
    if (make_id(request->id))
        return EXIT_SUCCESS;
    perror("bank: cannot make an id");
    return EX_OSERR;
}

static int run_transfer(struct client *client, char *arguments[], int count)
{
    struct bank_request request = {.verb = BANK_TRANSFER};
    struct bank_answer answer;
    int status;

    if (count != 3)
        return EX_USAGE;
    if ((status = amount_argument(arguments[2], 1, &request.cents)) != EXIT_SUCCESS ||
        (status = request_id(client, &request)) != EXIT_SUCCESS ||
        (status = account_argument(client, arguments[0], &request.payer)) != EXIT_SUCCESS ||
        (status = account_argument(client, arguments[1], &request.payee)) != EXIT_SUCCESS ||
        (status = ask(client, &request, NULL, NULL, &answer)) != EXIT_SUCCESS)
        return status;
    printf("%s %s\n", strcmp(answer.text, "done") == 0 ? "done" : "pending", request.id);
    if (strcmp(answer.text, "done") == 0)
        return EXIT_SUCCESS;
    fprintf(stderr,
            "bank: accepted, but %s has not answered yet; run this again with -i %s to see\n",
            request.payee.bank, request.id);
    return EX_TEMPFAIL;
}

static int run_open(struct client *client, char *arguments[], int count)
{
    struct bank_request request = {.verb = BANK_OPEN};
    struct bank_answer answer;
    int status = EXIT_SUCCESS;

    if (count != 1 && count != 2)
        return EX_USAGE;
    if (count == 2)
        status = amount_argument(arguments[1], 0, &request.cents);
    if (status != EXIT_SUCCESS || (status = request_id(client, &request)) != EXIT_SUCCESS ||
        (status = account_argument(client, arguments[0], &request.payer)) != EXIT_SUCCESS ||
        (status = ask(client, &request, NULL, NULL, &answer)) != EXIT_SUCCESS)
        return status;
    printf("opened %s/%s\n", request.payer.bank, request.payer.name);
    return EXIT_SUCCESS;
}

/* Kept until the whole list is here: a list that broke off is asked for again. */
struct listing {
    char lines[BANK_COUNT_MAX][WIRE_LINE_MAX];
    size_t count;
    bool good;
};

static void take_line(void *context, const struct bank_reply *reply)
{
    struct listing *listing = context;
    char when[32], change[AMOUNT_TEXT], balance[AMOUNT_TEXT];
    int64_t seconds, cents, left;
    time_t time;
    struct tm local;

    if (!reply) {
        listing->count = 0;
        listing->good = true;
        return;
    }
    if (listing->count == BANK_COUNT_MAX || reply->count != 7 ||
        !field_number(reply->fields[1], 0, INT64_C(1) << 40, &seconds) ||
        !bank_signed_parse(reply->fields[4], &cents) ||
        !bank_signed_parse(reply->fields[5], &left)) {
        listing->good = false;
        return;
    }
    time = (time_t)seconds;
    localtime_r(&time, &local);
    strftime(when, sizeof when, "%F %T", &local);
    snprintf(listing->lines[listing->count++], WIRE_LINE_MAX, "%s %14s %14s  %-8s %s %s", when,
             amount_format(cents, change), amount_format(left, balance), reply->fields[2],
             reply->fields[3], reply->fields[6]);
}

static int run_statement(struct client *client, char *arguments[], int count)
{
    static struct listing listing = {.good = true};
    struct bank_request request = {
        .id = "statement", .verb = BANK_STATEMENT, .count = client->count};
    struct bank_answer answer;
    int status;

    if (count != 1)
        return EX_USAGE;
    if ((status = account_argument(client, arguments[0], &request.payer)) != EXIT_SUCCESS ||
        (status = ask(client, &request, take_line, &listing, &answer)) != EXIT_SUCCESS)
        return status;
    if (!listing.good) {
        fprintf(stderr, "bank: the teller's answer makes no sense\n");
        return EX_PROTOCOL;
    }
    for (size_t i = 0; i < listing.count; i++)
        puts(listing.lines[i]);
    return EXIT_SUCCESS;
}

static const struct {
    const char *name;
    int (*run)(struct client *client, char *arguments[], int count);
} commands[] = {
    {"balance", run_balance},
    {"transfer", run_transfer},
    {"statement", run_statement},
    {"open", run_open},
};

static bool parse_options(int argc, char *argv[], struct client *client)
{
    static const struct option table[] = {
        {"teller", required_argument, NULL, 's'},
        {"timeout", required_argument, NULL, 't'},
        {"id", required_argument, NULL, 'i'},
        {"count", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    bool good = true;
    int option;

    while (good && (option = getopt_long(argc, argv, "s:t:i:n:", table, NULL)) != -1) {
        switch (option) {
        case 's':
            client->teller = optarg;
            break;
        case 't':
            good = field_duration(optarg, &client->timeout_ms);
            break;
        case 'i':
            client->id = optarg;
            good = bank_id_valid(optarg);
            break;
        case 'n':
            good = field_number(optarg, 1, BANK_COUNT_MAX, &client->count);
            break;
        default:
            good = false;
        }
    }
    return good && optind < argc;
}

int main(int argc, char *argv[])
{
    struct client client = {.teller = getenv("BANK_TELLER"), .timeout_ms = 20000, .count = 20};
    int status = EX_USAGE;

    bank_link_begin(&client.link, NULL);
    if (!parse_options(argc, argv, &client)) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    if (!client.teller || !bank_link_add(&client.link, client.teller)) {
        fputs("bank: say which teller with -s HOST:PORT or in BANK_TELLER\n", stderr);
        return EX_USAGE;
    }
    client.deadline = io_clock_ms() + client.timeout_ms;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, argv[optind]) == 0) {
            status = commands[i].run(&client, argv + optind + 1, argc - optind - 1);
            if (fflush(stdout) != 0 && status == EXIT_SUCCESS)
                status = EX_IOERR;
            break;
        }
    }
    if (status == EX_USAGE)
        fputs(usage, stderr);
    bank_link_close(&client.link);
    return status;
}
