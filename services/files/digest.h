/*
 * digest: SHA-256 of what passes by, as hexadecimal text.
 *
 * By nettle: it is small (a third of a megabyte, no configuration to load, nothing to start up),
 * which counts in a program that is started for each connection, and it uses the processor's own
 * instructions.
 */
#ifndef FILES_DIGEST_H
#define FILES_DIGEST_H

#include <nettle/sha2.h>
#include <stddef.h>

enum { DIGEST_TEXT = 2 * SHA256_DIGEST_SIZE + 1 };

struct digest {
    struct sha256_ctx context;
};

void digest_begin(struct digest *digest);
void digest_add(struct digest *digest, const void *data, size_t size);
/* Returns TEXT. */
char *digest_end(struct digest *digest, char text[DIGEST_TEXT]);

#endif
