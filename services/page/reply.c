/* See reply.h. */
#include "reply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "date.h"

static const struct {
    int status;
    const char *name;
    const char *meaning;
} statuses[] = {
    {200, "OK", ""},
    {206, "Partial Content", ""},
    {301, "Moved Permanently", "This directory is found under its name with a slash at the end."},
    {304, "Not Modified", ""},
    {400, "Bad Request", "This is not a request that can be understood."},
    {403, "Forbidden", "This may not be read here."},
    {404, "Not Found", "There is nothing of this name here."},
    {405, "Method Not Allowed", "This can be read, and nothing else."},
    {408, "Request Timeout", "The request did not arrive in time."},
    {412, "Precondition Failed", "The file is not the one that the request was about."},
    {414, "URI Too Long", "The address asked for is too long."},
    {416, "Range Not Satisfiable", "The file ends before the part asked for."},
    {431, "Request Header Fields Too Large", "The header of the request is too large."},
    {500, "Internal Server Error", "Something went wrong here; the log has more."},
    {503, "Service Unavailable", "What this is made from does not answer; the log has more."},
    {505, "HTTP Version Not Supported", "Only HTTP/1.1 and HTTP/1.0 are spoken here."},
};

static size_t status_index(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].status == status)
            return i;
    return status_index(500);
}

void head_add(struct head *head, const char *form, ...)
{
    va_list arguments;
    size_t room = sizeof head->text - head->length;
    va_start(arguments, form);
    int length = vsnprintf(head->text + head->length, room, form, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room)
        head->overflow = true;
    else
        head->length += (size_t)length;
}

void head_begin(struct head *head, struct exchange *exchange, int status)
{
    char date[DATE_SIZE];
    head->length = 0;
    head->overflow = false;
    exchange->status = status;
    date_format(exchange->now, date);
    head_add(head, "HTTP/1.1 %d %s\r\nDate: %s\r\nServer: %s\r\nConnection: %s\r\n", status,
             statuses[status_index(status)].name, date, exchange->server,
             exchange->keep_alive ? "keep-alive" : "close");
}

bool head_send(struct head *head, struct exchange *exchange, bool more)
{
    head_add(head, "\r\n");
    if (head->overflow)
        exchange->error = -EOVERFLOW;
    else
        exchange->error = connection_write(exchange->connection, head->text, head->length, more);
    if (exchange->error != 0)
        exchange->keep_alive = false;
    return exchange->error == 0;
}

void reply_content(struct exchange *exchange, int status, const char *fields, const char *type,
                   const char *content, size_t length)
{
    struct head head;
    bool with_content = exchange->request->method != REQUEST_HEAD && length > 0;
    head_begin(&head, exchange, status);
    head_add(&head, "%s", fields);
    head_add(&head, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", type);
    head_add(&head, "Content-Length: %zu\r\n", length);
    exchange->length = with_content ? length : 0;
    if (!head_send(&head, exchange, with_content) || !with_content)
        return;
    exchange->error = connection_write(exchange->connection, content, length, false);
    if (exchange->error != 0)
        exchange->keep_alive = false;
}

void reply_status(struct exchange *exchange, int status, const char *fields)
{
    char page[4096];
    char title[64];
    char all_fields[REPLY_HEAD_MAX];
    size_t i = status_index(status);
    snprintf(title, sizeof title, "%d %s", status, statuses[i].name);
    int length = snprintf(page, sizeof page,
                          REPLY_PAGE_TOP REPLY_PAGE_BODY
                          "<h1>%s</h1>\n<p>%s</p>\n</body>\n</html>\n",
                          title, title, statuses[i].meaning);
    if (length < 0 || (size_t)length >= sizeof page)
        length = 0;
    if ((size_t)snprintf(all_fields, sizeof all_fields, REPLY_PAGE_POLICY "%s", fields) >=
        sizeof all_fields)
        all_fields[0] = '\0';
    reply_content(exchange, status, all_fields, "text/html; charset=utf-8", page, (size_t)length);
}
