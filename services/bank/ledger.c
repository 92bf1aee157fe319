/*
 * bank-ledger: the data tier. An inetd-style handler: answers the requests of one connection on
 * descriptors 0 and 1 from one bank's ledger, a SQLite file that any number of instances share.
 * Also makes a ledger (--create) and proves its books (--audit).
 */
#include "bank/session.h"
#include "bank/store.h"
#include "wire/field.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct ledger_options {
    const char *bank;
    const char *file;
    int64_t busy_ms;
    struct patience patience;
    bool create;
    bool audit;
};

static const char usage[] =
    "usage: bank-ledger --bank NAME --database FILE [--busy TIME] [--idle TIME] [--line TIME]\n"
    "       bank-ledger --bank NAME --database FILE --create | --audit\n"
    "TIME is like 3s or 500ms. See superd-bank(8).\n";

static bool parse_options(int argc, char *argv[], struct ledger_options *options)
{
    enum { BANK = 1, DATABASE, BUSY, CREATE, AUDIT };
    static const struct option table[] = {
        {"bank", required_argument, NULL, BANK},
        {"database", required_argument, NULL, DATABASE},
        {"busy", required_argument, NULL, BUSY},
        {"idle", required_argument, NULL, PATIENCE_IDLE},
        {"line", required_argument, NULL, PATIENCE_LINE},
        {"create", no_argument, NULL, CREATE},
        {"audit", no_argument, NULL, AUDIT},
        {NULL, 0, NULL, 0},
    };
    bool good = true;
    int option;

    while (good && (option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case BANK:
            options->bank = optarg;
            break;
        case DATABASE:
            options->file = optarg;
            break;
        case BUSY:
            good = field_duration(optarg, &options->busy_ms);
            break;
        case CREATE:
            options->create = true;
            break;
        case AUDIT:
            options->audit = true;
            break;
        default:
            good = patience_option(&options->patience, option, optarg);
        }
    }
    return good && optind == argc && options->bank && bank_name_valid(options->bank) &&
           options->file && !(options->create && options->audit);
}

/* What a list's lines need to be sent. */
struct listing {
    struct session *session;
    const struct bank_request *request;
};

static void send_line(void *context, const char *arguments)
{
    const struct listing *listing = context;

    session_more(listing->session, listing->request, arguments);
}

static void answer_request(void *context, struct session *session,
                           const struct bank_request *request)
{
    struct listing listing = {session, request};
    struct bank_answer answer;

    store_answer(context, request, send_line, &listing, &answer);
    session_answer(session, request, &answer);
}

int main(int argc, char *argv[])
{
    struct ledger_options options = {.busy_ms = 3000,
                                     .patience = {PATIENCE_IDLE_MS, PATIENCE_LINE_MS}};
    struct session session;
    struct store store;
    bool good = true;

    if (!parse_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    if (options.create)
        return store_create(options.file, options.bank) ? EXIT_SUCCESS : EX_CANTCREAT;
    if (!store_open(&store, options.file, options.bank, options.busy_ms))
        return EX_CONFIG;
    if (options.audit) {
        good = store_audit(&store, stdout);
    } else {
        session.patience = options.patience;
        session_run(&session, "ledger", options.bank, answer_request, &store);
    }
    store_close(&store);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
