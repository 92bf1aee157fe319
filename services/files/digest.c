/*
 * digest: see digest.h.
 */
#include "files/digest.h"

void digest_begin(struct digest *digest)
{
    sha256_init(&digest->context);
}

void digest_add(struct digest *digest, const void *data, size_t size)
{
    sha256_update(&digest->context, size, data);
}

char *digest_end(struct digest *digest, char text[DIGEST_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t bytes[SHA256_DIGEST_SIZE];

    sha256_digest(&digest->context, sizeof bytes, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        text[2 * i] = hex[bytes[i] >> 4];
        text[2 * i + 1] = hex[bytes[i] & 15];
    }
    text[DIGEST_TEXT - 1] = '\0';
    return text;
}
