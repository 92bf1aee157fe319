/* Fuzz target: the request parser and the text filter of services/finger. */
#include <config.h>

#include "finger_request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_request(const struct finger_request *request)
{
    size_t length = strnlen(request->user, sizeof request->user);

    check(length <= FINGER_NAME_MAX);
    check((request->kind == FINGER_USER) == (length > 0));
    for (size_t i = 0; i < length; i++)
        check(request->user[i] >= ' ' && request->user[i] <= '~' && request->user[i] != '@');
}

/* Nothing that moves a cursor or starts a sequence may be left. */
static void check_clean(const uint8_t *data, size_t size, bool utf8)
{
    char *out = malloc(2 * size + 1);
    check(out != NULL);
    size_t length = finger_clean((const char *)data, size, utf8, out);

    check(length <= 2 * size);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)out[i];
        check(c >= ' ' || c == '\t' || (c == '\r' && i + 1 < length && out[i + 1] == '\n') ||
              (c == '\n' && i > 0 && out[i - 1] == '\r'));
        check(c != 127 && (utf8 || c < 128));
        check(!(c == 0xc2 && i + 1 < length && (unsigned char)out[i + 1] < 0xa0));
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct finger_request request = finger_request_parse((const char *)data, size);

    check_request(&request);
    check_clean(data, size, false);
    check_clean(data, size, true);
    return 0;
}
