/*
 * fixture: see fixture.h.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

unsigned long fixture_allocations;
static long until_failure;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool fails(void)
{
    fixture_allocations++;
    return until_failure > 0 && --until_failure == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

void fixture_fail_allocation(long number)
{
    until_failure = number;
}

uint64_t fixture_seed(void)
{
    const char *text = getenv("SUPERD_TEST_SEED");

    return text != NULL ? strtoull(text, NULL, 0) : 20260101;
}

/* SplitMix64. */
uint64_t fixture_next(struct fixture_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t fixture_below(struct fixture_random *random, uint64_t bound)
{
    return fixture_next(random) % bound;
}

bool fixture_one_in(struct fixture_random *random, uint64_t bound)
{
    return fixture_below(random, bound) == 0;
}

void fixture_check_at(bool condition, const char *text, uint64_t seed, uint64_t step,
                      const char *file, int line)
{
    if (!condition) {
        print_error("SUPERD_TEST_SEED=%llu, step %llu: not %s\n", (unsigned long long)seed,
                    (unsigned long long)step, text);
        _fail(file, line);
    }
}

struct peer fixture_v4(uint32_t address)
{
    struct peer peer = {.uid = (uid_t)-1, .gid = (gid_t)-1};

    peer.address.in.sin_family = AF_INET;
    peer.address.in.sin_port = htons(12345);
    peer.address.in.sin_addr.s_addr = htonl(address);
    peer.address.length = sizeof peer.address.in;
    return peer;
}

struct peer fixture_ip(const char *text)
{
    struct peer peer = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    struct in_addr v4;

    if (inet_pton(AF_INET, text, &v4) == 1) {
        return fixture_v4(ntohl(v4.s_addr));
    }
    peer.address.in6.sin6_family = AF_INET6;
    peer.address.in6.sin6_port = htons(12345);
    assert_int_equal(inet_pton(AF_INET6, text, &peer.address.in6.sin6_addr), 1);
    peer.address.length = sizeof peer.address.in6;
    return peer;
}

struct peer fixture_user(uid_t uid)
{
    struct peer peer = {.uid = uid, .gid = uid};

    peer.address.un.sun_family = AF_UNIX;
    peer.address.length = sizeof(sa_family_t);
    return peer;
}

struct prefix fixture_prefix(const char *text)
{
    struct prefix prefix;

    assert_true(prefix_parse(text, &prefix));
    return prefix;
}
