/*
 * link: see link.h.
 */
#include "bank/link.h"

#include "common/io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Between two tries: short at first, since a handler that was killed is replaced at once. */
enum { PAUSE_FIRST_MS = 20, PAUSE_MOST_MS = 320 };

void bank_link_begin(struct bank_link *link, const char *bank)
{
    memset(link, 0, sizeof *link);
    link->fd = -1;
    if (bank)
        strncpy(link->bank, bank, sizeof link->bank - 1);
}

bool bank_link_add(struct bank_link *link, const char *address)
{
    if (link->address_count == BANK_LINK_ADDRESSES_MAX ||
        !wire_address_parse(address, &link->addresses[link->address_count]))
        return false;
    link->address_count++;
    return true;
}

void bank_link_close(struct bank_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

/* Read the greeting and make sure whom we speak to: money sent to the wrong bank is hard to get
 * back. */
static const char *check_greeting(struct bank_link *link)
{
    char line[WIRE_LINE_MAX];
    size_t length;
    const char *role, *bank;
    enum wire_status status = wire_read_line(&link->wire, line, &length);

    if (status != WIRE_OK)
        return wire_status_text(status);
    if (!bank_greeting_parse(line, length, &role, &bank))
        return "it does not speak this version of the bank's protocol";
    if (link->bank[0] == '\0')
        strcpy(link->bank, bank); /* bank_name_valid bounds it */
    return strcmp(link->bank, bank) == 0 ? NULL : "it is another bank";
}

/* One try to connect. Returns NULL or why not. */
static const char *open_link(struct bank_link *link, int64_t deadline)
{
    const struct wire_address *address = &link->addresses[link->address_next];
    int64_t now = io_clock_ms();
    const char *why;

    if (link->fd >= 0)
        return NULL;
    /* The next try is for the next address: with several, this one gets its share of the time. */
    link->address_next = (link->address_next + 1) % link->address_count;
    if (link->address_count > 1)
        deadline = now + (deadline - now) / 2;
    link->fd = wire_connect(address, deadline);
    if (link->fd < 0) {
        why = link->fd == -ENOENT ? "no such host" : strerror(-link->fd);
        link->fd = -1;
        return why;
    }
    wire_begin(&link->wire, link->fd, link->fd);
    link->wire.deadline = deadline;
    why = check_greeting(link);
    if (why)
        bank_link_close(link);
    return why;
}

/* Wait a little before the next try; false when there is no time left for one. */
static bool pause_before_retry(int *pause_ms, int64_t deadline)
{
    int64_t left = deadline - io_clock_ms();

    if (left <= *pause_ms)
        return false;
    poll(NULL, 0, *pause_ms);
    *pause_ms = *pause_ms * 2 < PAUSE_MOST_MS ? *pause_ms * 2 : PAUSE_MOST_MS;
    return true;
}

bool bank_link_greet(struct bank_link *link, int64_t deadline, const char **why_r)
{
    int pause_ms = PAUSE_FIRST_MS;

    do {
        *why_r = open_link(link, deadline);
    } while (*why_r && pause_before_retry(&pause_ms, deadline));
    return *why_r == NULL;
}

static void take_answer(const struct bank_reply *reply, struct bank_answer *answer_r)
{
    if (reply->kind != BANK_OK) {
        bank_answer_fail(answer_r, reply->word, "%s", reply->explanation);
        return;
    }
    bank_answer_ok(answer_r, "%s", reply->count > 0 ? reply->fields[0] : "");
}

/* One exchange on an open connection. Returns NULL with the answer, or why there is none. */
static const char *exchange(struct bank_link *link, const struct bank_request *request,
                            bank_more_cb *more_cb, void *context, struct bank_answer *answer_r)
{
    char line[WIRE_LINE_MAX];
    size_t length;
    struct bank_reply reply;
    enum wire_status status = wire_print(&link->wire, "%s %s\n", request->id,
                                         bank_request_format(request, line));

    if (more_cb)
        more_cb(context, NULL);
    for (int lines = 0; status == WIRE_OK && lines <= BANK_COUNT_MAX; lines++) {
        status = wire_read_line(&link->wire, line, &length);
        if (status != WIRE_OK)
            break;
        if (!bank_reply_parse(line, length, &reply) || strcmp(reply.id, request->id) != 0)
            return "its answer makes no sense";
        if (reply.kind != BANK_MORE) {
            take_answer(&reply, answer_r);
            return NULL;
        }
        if (more_cb)
            more_cb(context, &reply);
    }
    return status == WIRE_OK ? "its answer does not end" : wire_status_text(status);
}

bool bank_link_call(struct bank_link *link, const struct bank_request *request, int64_t deadline,
                    bank_more_cb *more_cb, void *context, struct bank_answer *answer_r)
{
    int pause_ms = PAUSE_FIRST_MS;
    bool sent = false;

    do {
        const char *why = open_link(link, deadline);

        if (!why) {
            sent = true;
            link->wire.deadline = deadline;
            why = exchange(link, request, more_cb, context, answer_r);
            if (why)
                bank_link_close(link); /* a late answer must not be taken for the next one's */
        }
        if (why)
            bank_answer_fail(answer_r, BANK_UNAVAILABLE, "%s: %s",
                             link->bank[0] ? link->bank : "the bank", why);
    } while (answer_r->kind == BANK_ERR && bank_word_is_temporary(answer_r->word) &&
             pause_before_retry(&pause_ms, deadline));
    return sent;
}
