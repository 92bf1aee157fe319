/*
 * Tests of superd/config when memory runs out: every allocation of the loader fails in turn. There must
 * be no crash and no leak (the sanitizers tell), and either all of the configuration or none.
 *
 * Linked with --wrap, which reaches the objects of this program and not the libraries. What is taken
 * from the arena is wrapped too: most of that needs no new block, and would never fail.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rich.h"

static bool counting;
static long countdown; /* the allocation that fails; 0: none */
static long allocations;

static bool must_fail(void)
{
    if (!counting)
        return false;
    allocations++;
    return countdown > 0 && --countdown == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return must_fail() ? NULL : __real_realloc(memory, size);
}

void *__real_arena_array(struct arena *arena, size_t count, size_t size);
char *__real_arena_strdup(struct arena *arena, const char *text);
char *__real_arena_strndup(struct arena *arena, const char *text, size_t length);
void *__wrap_arena_array(struct arena *arena, size_t count, size_t size);
char *__wrap_arena_strdup(struct arena *arena, const char *text);
char *__wrap_arena_strndup(struct arena *arena, const char *text, size_t length);
char *__wrap_arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void *__wrap_arena_array(struct arena *arena, size_t count, size_t size)
{
    return must_fail() ? NULL : __real_arena_array(arena, count, size);
}

char *__wrap_arena_strdup(struct arena *arena, const char *text)
{
    return must_fail() ? NULL : __real_arena_strdup(arena, text);
}

char *__wrap_arena_strndup(struct arena *arena, const char *text, size_t length)
{
    return must_fail() ? NULL : __real_arena_strndup(arena, text, length);
}

char *__wrap_arena_printf(struct arena *arena, const char *format, ...)
{
    char text[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return must_fail() ? NULL : __real_arena_strdup(arena, text);
}

/* Load with the Nth allocation failing. Returns whether it came to that. */
static bool load_failing(struct fixture *fixture, long n)
{
    char path[128];

    config_free(fixture->config);
    diagnostics_clear(&fixture->list);
    snprintf(path, sizeof path, "%s/main.conf", fixture->folder);
    countdown = n;
    counting = true;
    fixture->config = config_load(path, &fixture->around, &fixture->list);
    counting = false;
    return countdown == 0;
}

static void fail_each(struct fixture *fixture, size_t services, size_t errors)
{
    long n = 1;
    char *dump, *again;

    allocations = 0;
    assert_false(load_failing(fixture, 1000000000));
    assert_int_equal(fixture->config->service_count, services);
    assert_int_equal(fixture->list.errors, errors);
    assert_true(allocations > 200);
    dump = fixture_dump(fixture);
    for (; load_failing(fixture, n); n++) {
        assert_null(fixture->config);
        assert_true(fixture->list.out_of_memory);
        assert_true(diagnostics_failed(&fixture->list));
    }
    again = fixture_dump(fixture); /* none failed in the last turn */
    assert_string_equal(dump, again);
    free(dump);
    free(again);
}

static void config_load__each_allocation_fails__null_and_told(void **state)
{
    struct fixture *fixture = *state;

    RICH_WRITE(fixture);
    fail_each(fixture, 6, 0);
}

static void config_load__each_allocation_fails_among_mistakes__null_and_told(void **state)
{
    struct fixture *fixture = *state;

    RICH_WRITE(fixture);
    fixture_write(fixture, "services.d/20.conf", RICH_WRONG);
    fail_each(fixture, 6, 9);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(config_load__each_allocation_fails__null_and_told),
        TEST(config_load__each_allocation_fails_among_mistakes__null_and_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
