/*
 * fault: a library that is preloaded into superd and makes calls fail that a case has named
 * (fault_page.h). Only calls made by the program itself, not by its libraries: what libuv does when
 * its own calls fail is not ours to test (it aborts). Handlers do not get it: their environment is
 * clean.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault_page.h"

/* malloc() is called before anything can be looked up. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static struct fault_page *page;
static uintptr_t program_begin, program_end;
static pid_t supervisor;

/* The first object is the program. */
static int note_program(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    program_begin = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        if (begin < program_begin)
            program_begin = begin;
        if (begin + info->dlpi_phdr[i].p_memsz > program_end)
            program_end = begin + info->dlpi_phdr[i].p_memsz;
    }
    return 1;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("E2E_FAULT_PAGE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = MAP_FAILED;

    if (fd >= 0)
        memory = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    dl_iterate_phdr(note_program, NULL);
    supervisor = getpid();
    if (memory != MAP_FAILED)
        page = memory;
}

/* Is this call, made from CALLER, to fail? Sets errno then. */
static bool fails(enum fault_call call, const void *caller)
{
    struct fault *fault;

    if (!page || (uintptr_t)caller < program_begin || (uintptr_t)caller >= program_end ||
        (getpid() == supervisor) != (call != FAULT_CLONE))
        return false;
    fault = &page->faults[call];
    atomic_fetch_add(&fault->calls, 1);
    if (atomic_load(&fault->count) <= 0)
        return false;
    if (atomic_load(&fault->skip) > 0) {
        atomic_fetch_sub(&fault->skip, 1);
        return false;
    }
    atomic_fetch_sub(&fault->count, 1);
    atomic_fetch_add(&fault->failed, 1);
    errno = atomic_load(&fault->error);
    return true;
}

#define CALLER __builtin_return_address(0)

/* The function that we stand before. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
    return fails(FAULT_ACCEPT4, CALLER) ? -1 : REAL(accept4)(fd, address, length, flags);
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
    if (operation == EPOLL_CTL_ADD && fails(FAULT_EPOLL_CTL, CALLER))
        return -1;
    return REAL(epoll_ctl)(epoll, operation, fd, event);
}

pid_t fork(void)
{
    return fails(FAULT_FORK, CALLER) ? -1 : REAL(fork)();
}

int pipe2(int pair[2], int flags)
{
    return fails(FAULT_PIPE2, CALLER) ? -1 : REAL(pipe2)(pair, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return fails(FAULT_SENDMSG, CALLER) ? -1 : REAL(sendmsg)(fd, message, flags);
}

int socket(int domain, int type, int protocol)
{
    return fails(FAULT_SOCKET, CALLER) ? -1 : REAL(socket)(domain, type, protocol);
}

int socketpair(int domain, int type, int protocol, int pair[2])
{
    return fails(FAULT_SOCKETPAIR, CALLER) ? -1 : REAL(socketpair)(domain, type, protocol, pair);
}

int clone(int (*function)(void *), void *stack, int flags, void *argument, ...)
{
    pid_t *parent_id, *child_id;
    void *tls;
    va_list list;

    if (fails(FAULT_CLONE, CALLER))
        return -1;
    va_start(list, argument);
    parent_id = va_arg(list, pid_t *);
    tls = flags & CLONE_CHILD_CLEARTID ? va_arg(list, void *) : NULL;
    child_id = flags & CLONE_CHILD_CLEARTID ? va_arg(list, pid_t *) : NULL;
    va_end(list);
    return REAL(clone)(function, stack, flags, argument, parent_id, tls, child_id);
}

void *malloc(size_t size)
{
    return fails(FAULT_MEMORY, CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(FAULT_MEMORY, CALLER) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails(FAULT_MEMORY, CALLER) ? NULL : __libc_realloc(memory, size);
}
