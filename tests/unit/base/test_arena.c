/* Tests of superd/base/arena.c. */
#include "unit.h"

#include <string.h>

#include "base/arena.h"

static void arena_alloc__many_sizes__zeroed_aligned_and_apart(void **state)
{
    struct arena *arena = arena_create();
    unsigned char *memory[300];

    (void)state;
    assert_non_null(arena);
    for (size_t i = 0; i < COUNT(memory); i++) {
        memory[i] = arena_alloc(arena, i * 7);
        assert_non_null(memory[i]);
        assert_int_equal((uintptr_t)memory[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < i * 7; j++)
            assert_int_equal(memory[i][j], 0);
        memset(memory[i], (int)(i & 0xff), i * 7);
    }
    for (size_t i = 0; i < COUNT(memory); i++) {
        for (size_t j = 0; j < i * 7; j++)
            assert_int_equal(memory[i][j], i & 0xff);
    }
    arena_destroy(arena);
}

static void arena_alloc__more_than_a_block__given(void **state)
{
    struct arena *arena = arena_create();
    char *big, *small;

    (void)state;
    big = arena_alloc(arena, 3 << 20);
    small = arena_alloc(arena, 1);
    assert_non_null(big);
    assert_non_null(small);
    big[(3 << 20) - 1] = 1;
    *small = 2;
    assert_int_equal(big[(3 << 20) - 1], 1);
    assert_int_equal(arena_size(arena), (3 << 20) + 1);
    arena_destroy(arena);
}

static void arena_array__overflow__null(void **state)
{
    struct arena *arena = arena_create();

    (void)state;
    assert_null(arena_array(arena, SIZE_MAX / 2, 3));
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_alloc(arena, SIZE_MAX - 100));
    assert_non_null(arena_array(arena, 3, 5));
    arena_destroy(arena);
}

static void arena_text__copies__terminated(void **state)
{
    struct arena *arena = arena_create();
    char source[] = "superd";
    char *whole = arena_strdup(arena, source), *part = arena_strndup(arena, source, 3);

    (void)state;
    source[0] = 'X';
    assert_string_equal(whole, "superd");
    assert_string_equal(part, "sup");
    assert_string_equal(arena_strndup(arena, "ab", 10), "ab");
    assert_string_equal(arena_printf(arena, "%s:%d", "port", 7000), "port:7000");
    assert_string_equal(arena_printf(arena, "%9000s", "x") + 8999, "x");
    arena_destroy(arena);
    arena_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_alloc__many_sizes__zeroed_aligned_and_apart),
        cmocka_unit_test(arena_alloc__more_than_a_block__given),
        cmocka_unit_test(arena_array__overflow__null),
        cmocka_unit_test(arena_text__copies__terminated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
