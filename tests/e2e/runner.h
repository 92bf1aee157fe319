/*
 * runner: runs the cases of one end-to-end test program, each in a process of its own.
 *
 * What must hold: a case that fails, crashes, hangs or leaves a process behind is reported as a
 * failure of that case, and the next one begins with nothing of it. The program as a whole is
 * bounded by an alarm. A program all of whose cases were skipped ends with 77.
 *
 * It knows nothing of superd.
 */
#ifndef TESTS_E2E_RUNNER_H
#define TESTS_E2E_RUNNER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct e2e_case {
    const char *name; /* what__condition__expected */
    void (*run)(void);
    unsigned seconds; /* it may take so long; 0: CASE_SECONDS */
};

#define E2E(function)                        \
    {                                        \
        .name = #function, .run = (function) \
    }

#define CASE_SECONDS    120
#define PROGRAM_SECONDS 600

/* Run the cases, or those whose names contain argv[1]. The return value is main()'s. */
int e2e_main(int argc, char **argv, const struct e2e_case *cases, size_t count);

/* Leave the case: it cannot be run here, and that is no failure. Says why. */
_Noreturn void e2e_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Have FUNCTION called when the case of this process has failed, to show what there is to see. */
void e2e_on_failure(void (*function)(void));

/* Is this a build with sanitizers? Then sizes and preloaded libraries are not what they are. */
bool e2e_sanitized(void);

/* Milliseconds on a clock that nobody sets. */
uint64_t e2e_now_ms(void);

/* Every wait of the tests ends here at the latest, in milliseconds: long, because a busy machine is
 * no failure. The environment may say otherwise (E2E_DEADLINE_MS). */
int e2e_deadline_ms(void);

/* Ask CONDITION(DATA) again and again until it is true or the deadline has passed. For states that
 * nobody reports an event for. */
bool e2e_until(bool (*condition)(void *data), void *data);

#endif
