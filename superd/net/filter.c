/*
 * filter: see filter.h.
 *
 * The program looks at the version of the packet's IP header, then at its source address: one
 * comparison chain for IPv4, one for IPv6, each from the longest prefix to the shortest.
 */
#include "net/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SOURCE_IPV4 ((unsigned)SKF_NET_OFF + 12) /* RFC 791, section 3.1 */
#define SOURCE_IPV6 ((unsigned)SKF_NET_OFF + 8)  /* RFC 8200, section 3 */
#define FLAG_SYN    0x02
#define FLAG_ACK    0x10
#define PASS        0xffffffffU
#define DROP        0U

struct program {
    struct sock_filter *code;
    size_t count; /* may pass BPF_MAXINSNS; nothing is written beyond it */
};

static void put(struct program *program, struct sock_filter instruction)
{
    if (program->count < BPF_MAXINSNS)
        program->code[program->count] = instruction;
    program->count++;
}

/* Instructions that one word of a prefix takes: load, mask, compare. */
#define WORD_INSTRUCTIONS 3

static size_t words_of(const struct prefix *prefix)
{
    return (prefix->length + 31u) / 32;
}

/* If the source is in the rule's prefix, return what the rule says; else go on behind. */
static void put_rule(struct program *program, const struct filter_rule *rule)
{
    unsigned source = rule->prefix.family == AF_INET ? SOURCE_IPV4 : SOURCE_IPV6;
    size_t words = words_of(&rule->prefix);

    for (size_t i = 0; i < words; i++) {
        unsigned bits = rule->prefix.length - 32 * (unsigned)i;
        uint32_t mask = bits >= 32 ? UINT32_MAX : ~(UINT32_MAX >> bits);
        size_t behind = (words - 1 - i) * WORD_INSTRUCTIONS + 1;
        uint32_t word;

        memcpy(&word, rule->prefix.bytes + 4 * i, sizeof word);
        put(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source + 4 * i));
        put(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
        put(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(word), 0,
                                                  (uint8_t)behind));
    }
    put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, rule->allow ? PASS : DROP));
}

static void put_family(struct program *program, const struct filter_rule *rules, size_t count,
                       uint8_t family, bool default_allow)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].prefix.family == family)
            put_rule(program, &rules[i]);
    }
    put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, default_allow ? PASS : DROP));
}

static size_t size_of_family(const struct filter_rule *rules, size_t count, uint8_t family)
{
    size_t size = 1;

    for (size_t i = 0; i < count; i++) {
        if (rules[i].prefix.family == family)
            size += words_of(&rules[i].prefix) * WORD_INSTRUCTIONS + 1;
    }
    return size;
}

static int longest_first(const void *a, const void *b)
{
    const struct filter_rule *x = a, *y = b;

    if (x->prefix.length != y->prefix.length)
        return x->prefix.length > y->prefix.length ? -1 : 1;
    return (int)x->allow - (int)y->allow;
}

static int attach(int fd, struct program *program)
{
    struct sock_fprog filter = {.len = (unsigned short)program->count, .filter = program->code};

    if (program->count > BPF_MAXINSNS)
        return -E2BIG;
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
        return -errno;
    return 0;
}

int filter_refuse_handshakes(int fd)
{
    /* The filter of a TCP socket sees the packet from the TCP header on; byte 13 has the flags (RFC 9293,
     * section 3.1). */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, FLAG_SYN | FLAG_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FLAG_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, DROP),
        BPF_STMT(BPF_RET | BPF_K, PASS),
    };
    struct program program = {.code = code, .count = sizeof code / sizeof *code};

    return attach(fd, &program);
}

int filter_set(int fd, struct filter_rule *rules, size_t count, bool default_allow)
{
    struct program program = {0};
    const int none = 0;
    int r;

    if (count == 0) {
        if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none) != 0 &&
            errno != ENOENT)
            return -errno;
        return 0;
    }
    program.code = calloc(BPF_MAXINSNS, sizeof *program.code);
    if (!program.code)
        return -ENOMEM;
    qsort(rules, count, sizeof *rules, longest_first);
    put(&program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (unsigned)SKF_NET_OFF));
    put(&program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4));
    /* A long jump over the IPv4 chain: a conditional one reaches 255 instructions only. */
    put(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4, 1, 0));
    put(&program, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
                                               (uint32_t)size_of_family(rules, count, AF_INET)));
    put_family(&program, rules, count, AF_INET, default_allow);
    put_family(&program, rules, count, AF_INET6, default_allow);
    r = attach(fd, &program);
    free(program.code);
    return r;
}
