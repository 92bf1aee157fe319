/*
 * clone_into: see clone_into.h.
 */
#include "launch/clone_into.h"

#include <errno.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && defined(SYS_clone3)

/* A system call keeps all registers but rax, rcx and r11, the child's but rax and rsp. */
static long call(const struct clone_args *args, int (*run)(void *), void *data)
{
    register int (*function)(void *) __asm__("r8") = run;
    register void *argument __asm__("r9") = data;
    long result;

    __asm__ volatile("syscall\n\t"
                     "testq %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xorl %%ebp, %%ebp\n\t"
                     "movq %%r9, %%rdi\n\t"
                     "callq *%%r8\n\t"
                     "ud2\n"
                     "1:"
                     : "=a"(result)
                     : "0"((long)SYS_clone3), "D"(args), "S"(sizeof *args), "r"(function),
                       "r"(argument)
                     : "rcx", "r11", "cc", "memory");
    return result;
}

#elif defined(__aarch64__) && defined(SYS_clone3)

/* A system call keeps all registers but x0, the child's but x0 and sp. */
static long call(const struct clone_args *args, int (*run)(void *), void *data)
{
    register long result __asm__("x0") = (long)args;
    register unsigned long size __asm__("x1") = sizeof *args;
    register int (*function)(void *) __asm__("x2") = run;
    register void *argument __asm__("x3") = data;
    register long number __asm__("x8") = SYS_clone3;

    __asm__ volatile("svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, xzr\n\t"
                     "mov x0, x3\n\t"
                     "blr x2\n\t"
                     "brk #1\n"
                     "1:"
                     : "+r"(result)
                     : "r"(size), "r"(function), "r"(argument), "r"(number)
                     : "cc", "memory");
    return result;
}

#else

static long call(const struct clone_args *args, int (*run)(void *), void *data)
{
    (void)args;
    (void)run;
    (void)data;
    return -ENOSYS;
}

#endif

int clone_into(const struct birth *birth, pid_t *pid_r)
{
    const struct clone_args args = {.flags = (uint32_t)birth->flags | CLONE_PARENT_SETTID |
                                             CLONE_INTO_CGROUP,
                                    .parent_tid = (uintptr_t)pid_r,
                                    .stack = (uintptr_t)birth->stack,
                                    .stack_size = birth->size,
                                    .cgroup = (uint64_t)birth->group};
    long r = call(&args, birth->run, birth->data);

    return r < 0 ? (int)r : 0;
}
