/* Tests of superd/config/diagnostic.c. */
#include "unit.h"

#include <string.h>

#include "config/diagnostic.h"

static void diagnostics_sort__places__by_file_and_line(void **state)
{
    static const char *const expected[] = {
        "error: none",   "a:1: error: x",  "a:2: warning: y",
        "a:2: error: z", "a:10: error: w", "b: error: whole",
    };
    struct diagnostics list;
    char text[64];

    (void)state;
    diagnostics_init(&list);
    assert_false(diagnostics_failed(&list));
    diagnostics_add(&list, SEVERITY_ERROR, (struct position){"b", 0}, NULL, "whole");
    diagnostics_add(&list, SEVERITY_ERROR, (struct position){"a", 10}, "s", "w");
    diagnostics_add(&list, SEVERITY_ERROR, (struct position){"a", 2}, NULL, "z");
    diagnostics_add(&list, SEVERITY_WARNING, (struct position){"a", 2}, NULL, "y");
    diagnostics_add(&list, SEVERITY_ERROR, (struct position){NULL, 0}, NULL, "none");
    diagnostics_add(&list, SEVERITY_ERROR, (struct position){"a", 1}, NULL, "%s", "x");
    diagnostics_sort(&list);
    assert_int_equal(list.count, COUNT(expected));
    assert_int_equal(list.errors, 5);
    assert_int_equal(list.warnings, 1);
    for (size_t i = 0; i < list.count; i++) {
        diagnostic_format(&list.items[i], text, sizeof text);
        assert_string_equal(text, expected[i]);
    }
    assert_string_equal(list.items[4].service, "s");
    diagnostic_format(&list.items[4], text, 6);
    assert_string_equal(text, "a:10:");
    diagnostics_clear(&list);
    assert_int_equal(list.count, 0);
}

static void diagnostics_add__too_many__counted(void **state)
{
    struct diagnostics list;

    (void)state;
    diagnostics_init(&list);
    for (unsigned i = 0; i < DIAGNOSTICS_MAX + 500; i++)
        diagnostics_add(&list, SEVERITY_ERROR, (struct position){"a", i + 1}, NULL, "x");
    assert_int_equal(list.count, DIAGNOSTICS_MAX);
    assert_int_equal(list.errors, DIAGNOSTICS_MAX + 500);
    diagnostics_clear(&list);
}

static void diagnostics_add__strange__tamed_and_said_once(void **state)
{
    struct diagnostics list;

    (void)state;
    diagnostics_init(&list);
    diagnostics_add(&list, SEVERITY_WARNING, (struct position){"a", 1}, NULL, "\x1b[2J\n%s", "y");
    diagnostics_add(&list, SEVERITY_WARNING, (struct position){"a", 1}, NULL, "\x1b[2J\n%s", "y");
    assert_int_equal(list.count, 1);
    assert_int_equal(list.warnings, 2);
    assert_string_equal(list.items[0].message, "?[2J?y");
    assert_false(diagnostics_failed(&list));
    list.out_of_memory = true;
    assert_true(diagnostics_failed(&list));
    diagnostics_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diagnostics_sort__places__by_file_and_line),
        cmocka_unit_test(diagnostics_add__too_many__counted),
        cmocka_unit_test(diagnostics_add__strange__tamed_and_said_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
