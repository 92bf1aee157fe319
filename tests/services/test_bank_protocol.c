/*
 * The bank's parsers, and money as people write it.
 */
#include "bank/amount.h"
#include "bank/protocol.h"
#include "wire/connect.h"
#include "wire/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parse a copy, of exactly the line's size so that a sanitizer sees one byte too far. */
static bool parse(const char *text, struct bank_request *request)
{
    size_t length = strlen(text);
    char *line = malloc(length + 1);
    const char *why = NULL;
    bool good;

    assert_non_null(line);
    memcpy(line, text, length + 1);
    good = bank_request_parse(line, length, request, &why);
    assert_true(good || why);
    free(line);
    return good;
}

static void bank_request_parse__every_verb__comes_back_the_same(void **state)
{
    static const char *const lines[] = {
        "PING",
        "OPEN north/alice 0",
        "BALANCE north/alice",
        "TRANSFER north/alice south/bob 99999999999999",
        "STATEMENT n/a 100 9223372036854775807",
        "CREDIT south/x-1 north/9 1",
        "SETTLE",
        "RETURN no-account",
        "PENDING 1 0",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[WIRE_LINE_MAX], again[WIRE_LINE_MAX];
        struct bank_request request;

        snprintf(text, sizeof text, "id.1_A-%zu %s", i, lines[i]);
        assert_true(parse(text, &request));
        assert_int_equal(request.verb, i);
        assert_string_equal(bank_request_format(&request, again), lines[i]);
    }
}

static void bank_request_parse__nonsense__refused(void **state)
{
    static const char *const lines[] = {
        "",
        " ",
        "a",
        "a ",
        " a PING",
        "a  PING",
        "a PING ",
        "a PING x",
        "a ping",
        "- PING",
        "-a PING",
        "a/b PING",
        "a\tPING",
        "a PING\r",
        "a B\xc3\xa4LANCE n/a",
        "a BALANCE n",
        "a BALANCE n/",
        "a BALANCE /a",
        "a BALANCE n/a/b",
        "a BALANCE N/a",
        "a BALANCE n/@cash",
        "a BALANCE n/-a",
        "a BALANCE n/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "a BALANCE aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/n",
        "a OPEN n/a",
        "a OPEN n/a -1",
        "a OPEN n/a 1 1",
        "a TRANSFER n/a s/b 0",
        "a TRANSFER n/a s/b -1",
        "a TRANSFER n/a s/b +1",
        "a TRANSFER n/a s/b 01",
        "a TRANSFER n/a s/b 1.0",
        "a TRANSFER n/a s/b 1e3",
        "a TRANSFER n/a s/b 100000000000000",
        "a TRANSFER n/a s/b 18446744073709551617",
        "a TRANSFER n/a n/a 1",
        "a STATEMENT n/a 0 0",
        "a STATEMENT n/a 101 0",
        "a STATEMENT n/a 1 9223372036854775808",
        "a RETURN busy",
        "a RETURN ok",
        "a PENDING 1",
        "a 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa PING",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct bank_request request;

        if (parse(lines[i], &request))
            fail_msg("taken: '%s'", lines[i]);
    }
}

static void bank_request_parse__nul_inside__refused(void **state)
{
    char line[] = "a PING\0 x";
    struct bank_request request;
    const char *why;

    (void)state;
    assert_false(bank_request_parse(line, sizeof line - 1, &request, &why));
}

static void bank_reply_parse__answers__taken_apart(void **state)
{
    char ok[] = "i OK -12", more[] = "i MORE 1 2 3", bare[] = "i OK";
    char no[] = "i NO funds  too  little ", err[] = "- ERR idle";
    struct bank_reply reply;

    (void)state;
    assert_true(bank_reply_parse(ok, strlen(ok), &reply));
    assert_int_equal(reply.kind, BANK_OK);
    assert_string_equal(reply.fields[0], "-12");
    assert_true(bank_reply_parse(more, strlen(more), &reply));
    assert_int_equal(reply.kind, BANK_MORE);
    assert_int_equal(reply.count, 3);
    assert_true(bank_reply_parse(bare, strlen(bare), &reply));
    assert_int_equal(reply.count, 0);
    assert_true(bank_reply_parse(no, strlen(no), &reply));
    assert_int_equal(reply.word, BANK_FUNDS);
    assert_string_equal(reply.explanation, " too  little ");
    assert_true(bank_reply_parse(err, strlen(err), &reply));
    assert_int_equal(reply.word, BANK_IDLE);
    assert_string_equal(reply.explanation, "");
}

static void bank_reply_parse__nonsense__refused(void **state)
{
    /* The last two: a final word after ERR and a passing one after NO would settle or return money
     * on the wrong ground. */
    static const char *const lines[] = {
        "",
        "i",
        "i YES",
        "i OK ",
        "i NO",
        "i NO nonsense",
        "i ERR",
        "i ERR ok",
        "i OK \x01",
        "i ERR no-account gone",
        "i NO busy wait",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[64];
        struct bank_reply reply;

        strcpy(line, lines[i]);
        if (bank_reply_parse(line, strlen(line), &reply))
            fail_msg("taken: '%s'", lines[i]);
    }
}

static void bank_greeting_parse__versions__ours_must_be_among_them(void **state)
{
    static const struct {
        const char *line;
        bool good;
    } cases[] = {
        {"BANK 1 ledger north", true},  {"BANK 2,1 teller n", true},
        {"BANK 2 ledger north", false}, {"BANK 11 ledger n", false},
        {"BANK 1 ledger", false},       {"BANK 1 ledger NORTH", false},
        {"SMTP 1 ledger n", false},     {"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[64];
        const char *role, *bank;

        strcpy(line, cases[i].line);
        assert_int_equal(bank_greeting_parse(line, strlen(line), &role, &bank), cases[i].good);
    }
}

static void amount__texts__both_ways(void **state)
{
    static const struct {
        const char *text;
        int64_t cents; /* -1: refused */
    } cases[] = {
        {"12", 1200},
        {"12.5", 1250},
        {"12.05", 1205},
        {"0.01", 1},
        {"0", 0},
        {"999999999999.99", BANK_CENTS_MAX},
        {"1000000000000", -1},
        {"99999999999999999999999999999", -1},
        {"", -1},
        {".", -1},
        {".5", -1},
        {"5.", -1},
        {"1.234", -1},
        {"-1", -1},
        {"1,50", -1},
        {"012", -1},
        {"1.2.3", -1},
        {"0x1", -1},
        {"1 ", -1},
        {"1.-1", -1},
    };
    char text[AMOUNT_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t cents = -1;

        assert_int_equal(amount_parse(cases[i].text, &cents), cases[i].cents >= 0);
        assert_int_equal(cents, cases[i].cents);
    }
    assert_string_equal(amount_format(1205, text), "12.05");
    assert_string_equal(amount_format(-5, text), "-0.05");
    assert_string_equal(amount_format(INT64_MIN, text), "-92233720368547758.08");
}

static void wire_address_parse__texts__host_and_port(void **state)
{
    struct wire_address address;

    (void)state;
    assert_true(wire_address_parse("[2001:db8::1]:7", &address));
    assert_string_equal(address.host, "2001:db8::1");
    assert_string_equal(address.port, "7");
    assert_true(wire_address_parse("bank.example:teller", &address));
    assert_false(wire_address_parse("::1:7", &address));
    assert_false(wire_address_parse("host", &address));
    assert_false(wire_address_parse("host:", &address));
    assert_false(wire_address_parse(":7", &address));
    assert_false(wire_address_parse("[]:7", &address));
}

static void field_quantities__texts__bounded(void **state)
{
    int64_t value = 0;

    (void)state;
    assert_true(field_duration("250ms", &value) && value == 250);
    assert_true(field_duration("3s", &value) && value == 3000);
    assert_false(field_duration("3", &value) || field_duration("0s", &value) ||
                 field_duration("s", &value) || field_duration("1h", &value) ||
                 field_duration("86401s", &value) ||
                 field_duration("9223372036854775807s", &value));
    assert_true(field_size("64K", &value) && value == 65536);
    assert_true(field_size("7", &value) && value == 7);
    assert_false(field_size("9223372036854775807G", &value) || field_size("1T", &value) ||
                 field_size("K", &value) || field_size("", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bank_request_parse__every_verb__comes_back_the_same),
        cmocka_unit_test(bank_request_parse__nonsense__refused),
        cmocka_unit_test(bank_request_parse__nul_inside__refused),
        cmocka_unit_test(bank_reply_parse__answers__taken_apart),
        cmocka_unit_test(bank_reply_parse__nonsense__refused),
        cmocka_unit_test(bank_greeting_parse__versions__ours_must_be_among_them),
        cmocka_unit_test(amount__texts__both_ways),
        cmocka_unit_test(wire_address_parse__texts__host_and_port),
        cmocka_unit_test(field_quantities__texts__bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
