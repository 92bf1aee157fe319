/*
 * session: see session.h. A failed write needs no check here: the next read finds the connection
 * dead, and what was asked for is in the books whether its answer arrives or not.
 */
#include "bank/session.h"

#include "common/io.h"
#include "wire/connect.h"

#include <unistd.h>

/* A caller that sends this much nonsense is not speaking our language. */
enum { SYNTAX_ERRORS_MAX = 16 };

static void send_answer(struct session *session, const char *id, const struct bank_answer *answer)
{
    static const char *const kinds[] = {[BANK_OK] = "OK", [BANK_NO] = "NO", [BANK_ERR] = "ERR"};
    const char *word = answer->kind == BANK_OK ? "" : bank_word_text(answer->word);
    const char *blank = answer->kind != BANK_OK && answer->text[0] ? " " : "";

    session->wire.deadline = io_clock_ms() + session->patience.line_ms;
    (void)wire_print(&session->wire, "%s %s%s%s%s%s\n", id, kinds[answer->kind],
                     *word || answer->text[0] ? " " : "", word, blank, answer->text);
}

void session_answer(struct session *session, const struct bank_request *request,
                    const struct bank_answer *answer)
{
    send_answer(session, request->id, answer);
}

void session_more(struct session *session, const struct bank_request *request,
                  const char *arguments)
{
    session->wire.deadline = io_clock_ms() + session->patience.line_ms;
    (void)wire_print(&session->wire, "%s MORE %s\n", request->id, arguments);
}

/* Read the next request line, telling a caller that is too slow or too long so. */
static bool next_line(struct session *session, char line[WIRE_LINE_MAX], size_t *length_r)
{
    enum wire_status status = wire_next_line(&session->wire, &session->patience, line, length_r);
    struct bank_answer farewell;

    if (status == WIRE_TIMEOUT)
        bank_answer_fail(&farewell, BANK_IDLE, "waited too long for a request");
    else if (status == WIRE_TOO_LONG)
        bank_answer_fail(&farewell, BANK_TOO_LONG, "a line has at most %d bytes", WIRE_LINE_MAX);
    if (status == WIRE_TIMEOUT || status == WIRE_TOO_LONG)
        send_answer(session, "-", &farewell);
    return status == WIRE_OK;
}

void session_run(struct session *session, const char *role, const char *bank,
                 session_answer_cb *answer_cb, void *context)
{
    char line[WIRE_LINE_MAX];
    size_t length;
    int errors = 0;

    wire_begin(&session->wire, STDIN_FILENO, STDOUT_FILENO);
    wire_no_delay(STDOUT_FILENO);
    (void)wire_print(&session->wire, "BANK %d %s %s\n", BANK_VERSION, role, bank);
    while (errors < SYNTAX_ERRORS_MAX && next_line(session, line, &length)) {
        struct bank_request request;
        const char *why;

        if (bank_request_parse(line, length, &request, &why)) {
            answer_cb(context, session, &request);
        } else {
            struct bank_answer answer;

            bank_answer_fail(&answer, BANK_SYNTAX, "%s", why);
            session_answer(session, &request, &answer);
            errors++;
        }
    }
    session->wire.deadline = io_clock_ms() + session->patience.line_ms;
    if (wire_flush(&session->wire) == WIRE_OK)
        io_linger(STDOUT_FILENO); /* where we hang up first, what we said last must still arrive */
}
