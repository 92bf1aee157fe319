/* See http.h. */
#include "http.h"

#include <time.h>

void http_serve(const struct http_settings *settings, struct connection *connection)
{
    static struct request_reader reader; /* static: too large for comfort on a stack */
    static struct request request;
    struct request_limits limits = {
        .first_byte = connection_now() + settings->request_ms,
        .whole_ms = settings->request_ms,
    };
    request_reader_init(&reader, connection);
    for (unsigned served = 1;; served++) {
        int status = 0;
        enum request_outcome outcome = request_read(&reader, &limits, &request, &status);
        if (outcome == REQUEST_END)
            return;
        struct exchange exchange = {
            .server = settings->server,
            .connection = connection,
            .request = &request,
            .now = time(NULL),
            .keep_alive = outcome == REQUEST_READY && request.keep_alive && !request.has_body &&
                          served < settings->max_requests,
        };
        settings->answer(settings->data, &exchange, outcome == REQUEST_REFUSE ? status : 0);
        if (!exchange.keep_alive) {
            /* A client that asked for the end, and sent nothing behind it, awaits no more. */
            if (exchange.error == 0 && (outcome == REQUEST_REFUSE || request.keep_alive ||
                                        request.has_body || reader.start < reader.end))
                connection_linger(connection);
            return;
        }
        limits.first_byte = connection_now() + settings->idle_ms;
    }
}
