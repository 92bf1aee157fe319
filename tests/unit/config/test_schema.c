/* Tests of superd/config/schema.c. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

static void schema__rows__complete_and_single(void **state)
{
    size_t count = 0;

    (void)state;
    for (const struct schema_row *row = schema_next(NULL); row; row = schema_next(row)) {
        assert_int_equal(schema_index(row), count++);
        assert_ptr_equal(schema_find(row->scope, row->name), row); /* no second one of that name */
        assert_true(row->help && row->help[0]);
        assert_null(strpbrk(row->help, "\t\n"));
        assert_true(row->width > 0);
        if (row->type == TYPE_WORD || row->type == TYPE_CHOICE)
            assert_true(row->word_count >= 2);
        if (row->type == TYPE_NUMBER || row->type == TYPE_REAL || row->type == TYPE_DURATION)
            assert_true(row->min < row->max);
    }
    assert_true(count > 70);
    assert_null(schema_find(SCOPE_SUPERD, "exec"));
    assert_null(schema_find(SCOPE_SERVICE, "limits"));
    assert_true(schema_is_group(SCOPE_SERVICE, "limits"));
    assert_false(schema_is_group(SCOPE_SERVICE, "limit"));
    assert_false(schema_is_group(SCOPE_LISTEN, "limits"));
}

static void schema_print__lines__six_fields(void **state)
{
    char *text = NULL;
    size_t length = 0, lines = 0, rows = 0;
    FILE *file = open_memstream(&text, &length);

    (void)state;
    assert_non_null(file);
    schema_print(file);
    fclose(file);
    for (const struct schema_row *row = schema_next(NULL); row; row = schema_next(row))
        rows++;
    assert_non_null(strstr(text, "service\tlimits.instances\tnumber\t256\tyes\tlive instances at "
                                 "most\n"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t tabs = 0;

        for (const char *c = line; *c; c++)
            tabs += *c == '\t';
        assert_int_equal(tabs, 5);
        lines++;
    }
    assert_int_equal(lines, rows);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema__rows__complete_and_single),
        cmocka_unit_test(schema_print__lines__six_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
