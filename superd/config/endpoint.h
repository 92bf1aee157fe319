/* endpoint: the text of one address to listen on, cut into its parts. */
#ifndef SUPERD_CONFIG_ENDPOINT_H
#define SUPERD_CONFIG_ENDPOINT_H

#include "config/draft.h"

enum endpoint_kind { ENDPOINT_IP, ENDPOINT_UNIX, ENDPOINT_INHERITED };

struct endpoint {
    enum endpoint_kind kind;
    int type;               /* SOCK_... */
    bool any;               /* "*": both families */
    struct address address; /* ENDPOINT_UNIX; ENDPOINT_IP unless `any`, the port not set */
    unsigned first, last;   /* ports */
    size_t port_at;         /* where they begin in the text */
    const char *name;       /* ENDPOINT_INHERITED: into the text */
};

/* Cut TEXT. False with an error at POSITION. Names of ports are looked up (getservbyname). */
bool endpoint_parse(struct loader *loader, const char *text, struct position position,
                    struct endpoint *endpoint_r);

#endif
