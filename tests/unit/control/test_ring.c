/* The ring of recent lines: what is kept, what a slow reader misses. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ring.h"

static void add(struct ring *ring, const char *line)
{
    ring_add(ring, line, strlen(line));
}

static void expect_line(const struct ring *ring, struct ring_reader *reader, const char *line)
{
    char text[256];
    uint64_t missed = 0;

    assert_int_equal(ring_read(ring, reader, text, sizeof text, &missed), strlen(line));
    assert_string_equal(text, line);
    assert_int_equal(missed, 0);
}

static void read__fresh_reader__gets_all_in_order(void **state)
{
    struct ring ring;
    struct ring_reader reader = {0};
    char text[16];
    uint64_t missed = 0;

    (void)state;
    assert_true(ring_init(&ring, 1024));
    assert_int_equal(ring_read(&ring, &reader, text, sizeof text, &missed), 0);
    add(&ring, "one");
    add(&ring, "two");
    expect_line(&ring, &reader, "one");
    expect_line(&ring, &reader, "two");
    assert_int_equal(ring_read(&ring, &reader, text, sizeof text, &missed), 0);
    add(&ring, "three");
    expect_line(&ring, &reader, "three");
    assert_int_equal(missed, 0);
    ring_clear(&ring);
}

/* A model of the ring that keeps everything, against which each read is checked. */
static void read__many_lines_and_a_slow_reader__misses_exactly_what_is_gone(void **state)
{
    enum { LINES = 5000 };
    static char lines[LINES][48];
    struct ring ring;
    struct ring_reader slow = {0};
    char text[256];
    unsigned random = 1;
    uint64_t seen = 0, missed = 0;

    (void)state;
    assert_true(ring_init(&ring, 700)); /* no multiple of anything: lines wrap around */
    for (unsigned i = 0; i < LINES; i++) {
        random = random * 1103515245 + 12345;
        snprintf(lines[i], sizeof lines[i], "%u:%.*s", i, (int)(random >> 16) % 40,
                 "----------------------------------------");
        add(&ring, lines[i]);
        assert_true(ring.end - ring.begin <= ring.size);
        if ((random >> 8) % 7 != 0)
            continue;
        for (int n = 0; n < 10; n++) {
            size_t length = ring_read(&ring, &slow, text, sizeof text, &missed);

            if (length == 0)
                break;
            assert_string_equal(text, lines[seen + missed]);
            seen++;
        }
    }
    while (ring_read(&ring, &slow, text, sizeof text, &missed) > 0)
        seen++;
    assert_int_equal(seen + missed, LINES);
    assert_true(missed > 0);
    ring_clear(&ring);
}

static void add__line_longer_than_a_quarter__is_counted_and_left_out(void **state)
{
    struct ring ring;
    struct ring_reader reader = {0};
    char text[256], longer[200];
    uint64_t missed = 0;

    (void)state;
    memset(longer, 'x', sizeof longer);
    assert_true(ring_init(&ring, 400));
    ring_add(&ring, longer, sizeof longer);
    add(&ring, "after");
    assert_int_equal(ring_read(&ring, &reader, text, sizeof text, &missed), 5);
    assert_string_equal(text, "after");
    assert_int_equal(missed, 1);
    ring_clear(&ring);
}

static void skip__more_than_there_is__ends_at_the_last(void **state)
{
    struct ring ring;
    struct ring_reader reader = {0};
    char text[16];
    uint64_t missed = 0;

    (void)state;
    assert_true(ring_init(&ring, 1024));
    add(&ring, "one");
    add(&ring, "two");
    add(&ring, "three");
    ring_skip(&ring, &reader, 2);
    expect_line(&ring, &reader, "three");
    ring_skip(&ring, &reader, 5);
    assert_int_equal(ring_read(&ring, &reader, text, sizeof text, &missed), 0);
    add(&ring, "four");
    expect_line(&ring, &reader, "four");
    ring_clear(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__fresh_reader__gets_all_in_order),
        cmocka_unit_test(read__many_lines_and_a_slow_reader__misses_exactly_what_is_gone),
        cmocka_unit_test(skip__more_than_there_is__ends_at_the_last),
        cmocka_unit_test(add__line_longer_than_a_quarter__is_counted_and_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
