/*
 * The source table: who is kept, who is forgotten, how it grows, and how its hash spreads.
 */
#include "fixture.h"

#include "admission/source.h"
#include "admission/trap.h"

static const uint8_t seed_a[SOURCE_SEED_SIZE] = {1, 2, 3};
static const uint8_t seed_b[SOURCE_SEED_SIZE] = {1, 2, 4};
static const int owner_a, owner_b;

static struct prefix nth(uint32_t number)
{
    return (struct prefix){
        .family = AF_INET,
        .length = 32,
        .bytes = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};
}

static struct source *find(const struct source_table *table, const void *owner, uint32_t number)
{
    struct prefix prefix = nth(number);

    return source_find(table, owner, &prefix);
}

static struct source *add(struct source_table *table, const void *owner, uint32_t number)
{
    struct prefix prefix = nth(number);

    return source_add(table, owner, &prefix);
}

static void source_add__full__oldest_idle_is_forgotten(void **state)
{
    struct source_table table;

    (void)state;
    assert_true(source_table_init(&table, 4, seed_a));
    for (uint32_t i = 0; i < 4; i++) {
        assert_non_null(add(&table, &owner_a, i));
    }
    assert_false(source_has_room(&table));
    assert_null(add(&table, &owner_a, 4));
    source_let_go(&table, find(&table, &owner_a, 2));
    source_let_go(&table, find(&table, &owner_a, 1));
    source_let_go(&table, find(&table, &owner_a, 3));
    source_touch(&table, find(&table, &owner_a, 2)); /* now the order is 1, 3, 2 */
    assert_non_null(add(&table, &owner_a, 5));
    assert_null(find(&table, &owner_a, 1));
    source_hold(&table, find(&table, &owner_a, 3));
    assert_non_null(add(&table, &owner_a, 6));
    assert_null(find(&table, &owner_a, 2));
    assert_false(source_has_room(&table));
    assert_non_null(find(&table, &owner_a, 0));
    assert_non_null(find(&table, &owner_a, 3));
    assert_int_equal(table.count, 4);
    source_table_clear(&table);
}

static void source_find__other_owner__is_another_entry(void **state)
{
    struct source_table table;

    (void)state;
    assert_true(source_table_init(&table, 4, seed_a));
    struct source *a = add(&table, &owner_a, 1), *b = add(&table, &owner_b, 1);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(find(&table, &owner_a, 1), a);
    assert_ptr_equal(find(&table, &owner_b, 1), b);
    source_let_go(&table, b);
    source_forget_owner(&table, &owner_b);
    assert_null(find(&table, &owner_b, 1));
    assert_ptr_equal(find(&table, &owner_a, 1), a);
    source_table_clear(&table);
}

static void source_table_resize__grows_and_shrinks__held_ones_stay_where_they_are(void **state)
{
    struct source_table table;
    struct source *held[8];

    (void)state;
    assert_true(source_table_init(&table, 8, seed_a));
    for (uint32_t i = 0; i < 8; i++) {
        held[i] = add(&table, &owner_a, i);
    }
    assert_true(source_table_resize(&table, 1000));
    for (uint32_t i = 8; i < 1000; i++) {
        struct source *source = add(&table, &owner_a, i);
        assert_non_null(source);
        source_let_go(&table, source);
    }
    assert_int_equal(table.count, 1000);
    assert_true(source_table_resize(&table, 5));
    assert_int_equal(table.count, 8);
    assert_false(source_has_room(&table));
    for (uint32_t i = 0; i < 8; i++) {
        assert_ptr_equal(find(&table, &owner_a, i), held[i]);
        source_let_go(&table, held[i]); /* over the bound: forgotten at once */
        assert_int_equal(table.count, i < 3 ? 7 - i : 5);
    }
    unsigned long before = fixture_allocations;
    assert_true(source_table_resize(&table, 1000)); /* what was allocated is still there */
    assert_int_equal(fixture_allocations, before);
    for (uint32_t i = 100; i < 1095; i++) {
        assert_non_null(add(&table, &owner_a, i));
    }
    assert_int_equal(table.count, 1000);
    unsigned visited = 0;
    for (struct source *s = NULL; (s = source_next(&table, s)) != NULL;) {
        visited++;
    }
    assert_int_equal(visited, 1000);
    source_table_clear(&table);
}

static void source_table_resize__no_memory__nothing_changed(void **state)
{
    struct source_table table;

    (void)state;
    for (long number = 1; number <= 2; number++) {
        fixture_fail_allocation(number);
        assert_false(source_table_init(&table, 10, seed_a));
    }
    assert_true(source_table_init(&table, 2, seed_a));
    struct source *source = add(&table, &owner_a, 1);
    for (long number = 1; number <= 2; number++) {
        fixture_fail_allocation(number);
        assert_false(source_table_resize(&table, 100));
        fixture_fail_allocation(0);
        assert_int_equal(table.bound, 2);
        assert_ptr_equal(find(&table, &owner_a, 1), source);
    }
    source_table_clear(&table);
}

static unsigned longest_chain(const struct source_table *table)
{
    unsigned longest = 0;

    for (size_t i = 0; i < table->head_count; i++) {
        unsigned length = 0;
        for (const struct source *s = table->heads[i]; s != NULL; s = s->chain) {
            length++;
        }
        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Neighbouring addresses are spread as if at random: of 65,536 in as many chains about 8 at most.
 */
static void source_add__neighbouring_addresses__are_spread(void **state)
{
    struct source_table table;

    (void)state;
    assert_true(source_table_init(&table, 65536, seed_a));
    for (uint32_t i = 0; i < 65536; i++) {
        assert_non_null(add(&table, &owner_a, i));
    }
    assert_in_range(longest_chain(&table), 2, 14);
    source_table_clear(&table);
}

/* Which addresses share a chain is another question with another seed. */
static void source_add__addresses_chosen_for_one_seed__are_spread_by_another(void **state)
{
    struct source_table chosen, other;
    unsigned count = 0;

    (void)state;
    assert_true(source_table_init(&chosen, 4096, seed_a));
    assert_true(source_table_init(&other, 4096, seed_b));
    for (uint32_t i = 0; count < 200; i++) {
        struct source *source = add(&chosen, &owner_a, i);
        source_let_go(&chosen, source);
        if (chosen.heads[0] == source) { /* all of these are in the first chain */
            assert_non_null(add(&other, &owner_a, i));
            count++;
        }
    }
    assert_in_range(longest_chain(&other), 1, 6);
    source_table_clear(&chosen);
    source_table_clear(&other);
}

static void trap_add__many_ends__expire_in_their_order(void **state)
{
    uint64_t seed = fixture_seed();
    struct fixture_random random = {seed};
    struct source_table table;
    struct trap_set traps;
    uint64_t until[500];

    (void)state;
    assert_true(source_table_init(&table, 1000, seed_a));
    assert_true(trap_set_init(&traps, 500));
    for (uint32_t i = 0; i < 500; i++) {
        struct prefix prefix = nth(i);
        until[i] = 1 + fixture_below(&random, 1000);
        assert_true(trap_add(&traps, &table, &prefix, 0, until[i]));
    }
    for (uint32_t i = 0; i < 500; i += 3) { /* some are touched again */
        struct prefix prefix = nth(i);
        uint64_t again = 1 + fixture_below(&random, 1000);
        until[i] = again > until[i] ? again : until[i];
        assert_true(trap_add(&traps, &table, &prefix, 0, again));
    }
    struct prefix one_more = nth(1000);
    assert_false(trap_add(&traps, &table, &one_more, 0, 5000));
    for (uint64_t now = 0; now <= 1000; now++) {
        uint32_t standing = 0;
        for (uint32_t i = 0; i < 500; i++) {
            struct peer peer = fixture_v4(UINT32_C(10) << 24 | i);
            uint64_t found = trap_find(&traps, &table, &peer.address, peer.uid, now);
            fixture_check(found == (until[i] > now ? until[i] : 0), seed, now);
            standing += until[i] > now;
        }
        trap_expire(&traps, &table, now, UINT32_MAX);
        fixture_check(traps.count == standing && table.count == standing, seed, now);
    }
    assert_true(trap_add(&traps, &table, &one_more, 1000, 5000));
    trap_set_clear(&traps);
    source_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(source_add__full__oldest_idle_is_forgotten),
        cmocka_unit_test(source_find__other_owner__is_another_entry),
        cmocka_unit_test(source_table_resize__grows_and_shrinks__held_ones_stay_where_they_are),
        cmocka_unit_test(source_table_resize__no_memory__nothing_changed),
        cmocka_unit_test(source_add__neighbouring_addresses__are_spread),
        cmocka_unit_test(source_add__addresses_chosen_for_one_seed__are_spread_by_another),
        cmocka_unit_test(trap_add__many_ends__expire_in_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
