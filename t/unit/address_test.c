/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>

#include <arpa/inet.h>

#include "reg_address.h"
#include "random.h"

#define NETWORKS  20000
#define CLIENTS   20                /* addresses tried with each network */


static reg_rc_t
parse_address(reg_address_t *address, reg_str_t text, reg_error_t *error)
{
    reg_rc_t   rc;
    reg_str_t  copy;

    copy = exact_copy(text);
    rc = reg_address_parse(address, copy, error);
    free(copy.data);

    return rc;
}


static reg_rc_t
parse_cidr(reg_cidr_t *cidr, reg_str_t text, reg_error_t *error)
{
    reg_rc_t   rc;
    reg_str_t  copy;

    copy = exact_copy(text);
    rc = reg_cidr_parse(cidr, copy, error);
    free(copy.data);

    return rc;
}


/* As inet_ntop() writes it, so that whole answers can be read. */

static void
check_address(const reg_address_t *address, const char *expected)
{
    char  text[INET6_ADDRSTRLEN];

    assert_int_not_equal(address->family, REG_ADDRESS_NONE);
    assert_non_null(inet_ntop(address->family == REG_ADDRESS_IPV4 ? AF_INET
                                                                  : AF_INET6,
                              address->bytes, text, sizeof(text)));
    assert_string_equal(text, expected);
}


static int
contains(const char *network, const char *client)
{
    reg_cidr_t     cidr;
    reg_error_t    error;
    reg_address_t  address;

    error.text[0] = '\0';

    if (parse_cidr(&cidr, reg_str(network), &error) != REG_OK
        || parse_address(&address, reg_str(client), &error) != REG_OK)
    {
        fail_msg("%s", error.text);
    }

    return reg_cidr_contains(&cidr, &address);
}


static void
test_addresses(void **state)
{
    size_t         i;
    reg_error_t    error;
    reg_address_t  address;

    static const struct {
        const char    *text;
        reg_family_t   family;
        const char    *address;
    } cases[] = {
        { "0.0.0.0", REG_ADDRESS_IPV4, "0.0.0.0" },
        { "127.0.0.1", REG_ADDRESS_IPV4, "127.0.0.1" },
        { "255.255.255.255", REG_ADDRESS_IPV4, "255.255.255.255" },
        { "::", REG_ADDRESS_IPV6, "::" },
        { "::1", REG_ADDRESS_IPV6, "::1" },
        { "2001:DB8::a", REG_ADDRESS_IPV6, "2001:db8::a" },
        { "2001:0db8:0000:0000:0000:0000:0000:000a", REG_ADDRESS_IPV6,
          "2001:db8::a" },

        /* the IPv4 address that it stands for */
        { "::ffff:10.0.0.1", REG_ADDRESS_IPV4, "10.0.0.1" },
        { "::FFFF:a00:1", REG_ADDRESS_IPV4, "10.0.0.1" },
        { "0000:0000:0000:0000:0000:ffff:255.255.255.255", REG_ADDRESS_IPV4,
          "255.255.255.255" },

        /* only looks like one */
        { "::10.0.0.1", REG_ADDRESS_IPV6, "::10.0.0.1" },
        { "::fffe:10.0.0.1", REG_ADDRESS_IPV6, "::fffe:a00:1" },
        { "::ffff:0:10.0.0.1", REG_ADDRESS_IPV6, "::ffff:0:a00:1" },
        { "64:ff9b::10.0.0.1", REG_ADDRESS_IPV6, "64:ff9b::a00:1" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(parse_address(&address, reg_str(cases[i].text),
                                       &error),
                         REG_OK);
        assert_int_equal(address.family, cases[i].family);
        check_address(&address, cases[i].address);
    }
}


static void
test_no_addresses(void **state)
{
    char           sentence[REG_ERROR_MAX];
    size_t         i;
    reg_error_t    error;
    reg_address_t  address;

    static const char  *cases[] = {
        "",
        "localhost",
        "1",
        "10.0.0",
        "10.0.0.",
        ".10.0.0.1",
        "10..0.1",
        "10.0.0.0.1",
        "10.0.0.256",
        "10.0.0.-1",
        "10.0.0.+1",
        "10.0.0.1 ",
        " 10.0.0.1",
        "10.0.0.1:80",
        "10.0.0.1/32",
        "0x0a.0.0.1",
        "010.0.0.1",                /* octal to some, decimal to others */
        "10.0.0.01",
        "167772161",
        "10.0.0.*",
        ":",
        ":::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        "::12345",
        "::g",
        "[::1]",
        "::1%eth0",
        "fe80::1%1",
        "::ffff:10.0.0.256",
        "unix:",
        "0000:0000:0000:0000:0000:ffff:255.255.255.2555"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (parse_address(&address, reg_str(cases[i]), &error) != REG_INVALID) {
            fail_msg("\"%s\" was taken for an address", cases[i]);
        }

        (void) snprintf(sentence, sizeof(sentence),
                        "\"%s\" is no IPv4 or IPv6 address", cases[i]);
        assert_string_equal(error.text, sentence);
    }

    assert_int_equal(reg_address_parse(&address, REG_STR_NULL, NULL),
                     REG_INVALID);

    /* inet_pton() would stop at the NUL */

    assert_int_equal(parse_address(&address, REG_STR("10.0.0.1\0"), NULL),
                     REG_INVALID);
    assert_int_equal(parse_address(&address, REG_STR("10.0.0.1\0.2"), NULL),
                     REG_INVALID);
    assert_int_equal(parse_address(&address, REG_STR("\0""10.0.0.1"), NULL),
                     REG_INVALID);
}


/* What a socket gives. */

static void
test_address_set(void **state)
{
    reg_address_t  address;

    (void) state;

    memset(&address, 0xaa, sizeof(address));
    reg_address_set(&address, (const unsigned char *) "\x0a\0\0\1", 4);
    assert_int_equal(address.family, REG_ADDRESS_IPV4);
    assert_memory_equal(address.bytes, "\x0a\0\0\1\0\0\0\0\0\0\0\0\0\0\0", 16);

    memset(&address, 0xaa, sizeof(address));
    reg_address_set(&address, (const unsigned char *)
                    "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
    assert_int_equal(address.family, REG_ADDRESS_IPV4);
    assert_memory_equal(address.bytes, "\x0a\0\0\1\0\0\0\0\0\0\0\0\0\0\0", 16);

    memset(&address, 0xaa, sizeof(address));
    reg_address_set(&address, (const unsigned char *)
                    "\0\0\0\0\0\0\0\0\0\0\xff\xfe\x0a\0\0\1", 16);
    assert_int_equal(address.family, REG_ADDRESS_IPV6);
    assert_memory_equal(address.bytes,
                        "\0\0\0\0\0\0\0\0\0\0\xff\xfe\x0a\0\0\1", 16);
}


static void
test_networks(void **state)
{
    size_t       i;
    reg_cidr_t   cidr;
    reg_error_t  error;

    static const struct {
        const char    *text;
        reg_family_t   family;
        const char    *address;
        unsigned       prefix;
    } cases[] = {
        { "10.0.0.0/8", REG_ADDRESS_IPV4, "10.0.0.0", 8 },
        { "10.0.0.1", REG_ADDRESS_IPV4, "10.0.0.1", 32 },
        { "10.0.0.1/32", REG_ADDRESS_IPV4, "10.0.0.1", 32 },
        { "10.0.0.2/31", REG_ADDRESS_IPV4, "10.0.0.2", 31 },
        { "128.0.0.0/1", REG_ADDRESS_IPV4, "128.0.0.0", 1 },
        { "172.16.0.0/12", REG_ADDRESS_IPV4, "172.16.0.0", 12 },
        { "0.0.0.0/0", REG_ADDRESS_IPV4, "0.0.0.0", 0 },
        { "::/0", REG_ADDRESS_IPV6, "::", 0 },
        { "2001:db8::/32", REG_ADDRESS_IPV6, "2001:db8::", 32 },
        { "2001:db8::1", REG_ADDRESS_IPV6, "2001:db8::1", 128 },
        { "2001:db8::1/128", REG_ADDRESS_IPV6, "2001:db8::1", 128 },
        { "fc00::/7", REG_ADDRESS_IPV6, "fc00::", 7 },

        /* the prefix of a mapped network counts from the left of IPv6 */
        { "::ffff:0.0.0.0/96", REG_ADDRESS_IPV4, "0.0.0.0", 0 },
        { "::ffff:10.0.0.0/104", REG_ADDRESS_IPV4, "10.0.0.0", 8 },
        { "::ffff:10.0.0.1/128", REG_ADDRESS_IPV4, "10.0.0.1", 32 },
        { "::ffff:10.0.0.1", REG_ADDRESS_IPV4, "10.0.0.1", 32 },

        /* a wider one holds more than IPv4 */
        { "::fffe:0:0/95", REG_ADDRESS_IPV6, "::fffe:0:0", 95 },
        { "::/96", REG_ADDRESS_IPV6, "::", 96 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (parse_cidr(&cidr, reg_str(cases[i].text), &error) != REG_OK) {
            fail_msg("%s", error.text);
        }

        assert_int_equal(cidr.address.family, cases[i].family);
        assert_int_equal(cidr.prefix, cases[i].prefix);
        check_address(&cidr.address, cases[i].address);
    }
}


static void
test_no_networks(void **state)
{
    char         sentence[REG_ERROR_MAX];
    size_t       i;
    reg_cidr_t   cidr;
    reg_error_t  error;

    static const struct {
        const char  *text;
        const char  *sentence;
    } cases[] = {
        { "10.0.0.1/8", "has bits set behind its prefix" },
        { "10.0.0.0/6", "has bits set behind its prefix" },
        { "10.0.0.1/0", "has bits set behind its prefix" },
        { "10.0.0.3/31", "has bits set behind its prefix" },
        { "2001:db8::1/64", "has bits set behind its prefix" },
        { "2001:db8::/28", "has bits set behind its prefix" },
        { "::ffff:10.0.0.1/104", "has bits set behind its prefix" },

        { "10.0.0.0/33", "has no valid prefix length" },
        { "10.0.0.0/", "has no valid prefix length" },
        { "10.0.0.0/08", "has no valid prefix length" },
        { "10.0.0.0/00", "has no valid prefix length" },
        { "10.0.0.0/-8", "has no valid prefix length" },
        { "10.0.0.0/+8", "has no valid prefix length" },
        { "10.0.0.0/8 ", "has no valid prefix length" },
        { "10.0.0.0/ 8", "has no valid prefix length" },
        { "10.0.0.0/8/8", "has no valid prefix length" },
        { "10.0.0.0/0x8", "has no valid prefix length" },
        { "10.0.0.0/255.0.0.0", "has no valid prefix length" },
        { "10.0.0.0/4294967304", "has no valid prefix length" },
        { "2001:db8::/129", "has no valid prefix length" },
        { "2001:db8::/999", "has no valid prefix length" },

        /* ::ffff:0:0/95 and wider would hold the address, but not IPv4 */
        { "::ffff:0.0.0.0/95", "has no valid prefix length" },
        { "::ffff:0.0.0.0/0", "has no valid prefix length" },
        { "::ffff:10.0.0.0/8", "has no valid prefix length" },
        { "::ffff:10.0.0.1/129", "has no valid prefix length" },
        { "::ffff:10.0.0.1/224", "has no valid prefix length" }
    };

    static const char  *addresses[] = {
        "", "/", "/8", "10.0.0/8", "10/8", "010.0.0.0/8", "10.0.0.0 /8",
        "[2001:db8::]/32", "fe80::%eth0/64", "all"
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        if (parse_cidr(&cidr, reg_str(cases[i].text), &error) != REG_INVALID) {
            fail_msg("\"%s\" was taken for a network", cases[i].text);
        }

        (void) snprintf(sentence, sizeof(sentence), "\"%s\" %s", cases[i].text,
                        cases[i].sentence);
        assert_string_equal(error.text, sentence);
    }

    for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {

        if (parse_cidr(&cidr, reg_str(addresses[i]), &error) != REG_INVALID) {
            fail_msg("\"%s\" was taken for a network", addresses[i]);
        }

        assert_non_null(strstr(error.text, "is no IPv4 or IPv6 address"));
    }

    assert_int_equal(reg_cidr_parse(&cidr, REG_STR_NULL, NULL), REG_INVALID);
}


/* No byte but a digit counts as one, whatever it would add up to. */

static void
test_prefixes_are_digits(void **state)
{
    char        text[32];
    unsigned    c, digit;
    reg_cidr_t  cidr;
    reg_str_t   network;

    (void) state;

    for (c = 0; c < 256; c++) {

        digit = c >= '0' && c <= '9';

        (void) snprintf(text, sizeof(text), "10.0.0.0/1%c", (int) c);
        network = (reg_str_t) { 11, (unsigned char *) text };
        assert_int_equal(parse_cidr(&cidr, network, NULL),
                         digit ? REG_OK : REG_INVALID);

        (void) snprintf(text, sizeof(text), "2001:db8::/%c4", (int) c);
        network.len = 13;
        assert_int_equal(parse_cidr(&cidr, network, NULL),
                         digit && c >= '3' ? REG_OK : REG_INVALID);

        (void) snprintf(text, sizeof(text), "::/%c", (int) c);
        network.len = 4;
        assert_int_equal(parse_cidr(&cidr, network, NULL),
                         digit ? REG_OK : REG_INVALID);
    }
}


static void
test_containment(void **state)
{
    reg_cidr_t     cidr;
    reg_address_t  none;

    (void) state;

    assert_true(contains("10.0.0.0/8", "10.255.255.255"));
    assert_false(contains("10.0.0.0/8", "11.0.0.0"));
    assert_false(contains("10.0.0.0/8", "9.255.255.255"));
    assert_true(contains("0.0.0.0/0", "203.0.113.7"));
    assert_true(contains("203.0.113.7", "203.0.113.7"));
    assert_false(contains("203.0.113.7", "203.0.113.6"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));

    /* mapped, on either side and on both */

    assert_true(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert_true(contains("::ffff:10.0.0.0/104", "::ffff:10.1.2.3"));
    assert_false(contains("10.0.0.0/8", "::ffff:11.1.2.3"));

    /* one family is in no network of the other, not even in all of it */

    assert_false(contains("0.0.0.0/0", "::"));
    assert_false(contains("0.0.0.0/0", "a00::"));
    assert_false(contains("::/0", "10.0.0.1"));
    assert_false(contains("::/0", "::ffff:10.0.0.1"));

    /* a Unix socket is in none at all */

    memset(&none, 0, sizeof(none));

    assert_int_equal(reg_cidr_parse(&cidr, REG_STR("0.0.0.0/0"), NULL), REG_OK);
    assert_false(reg_cidr_contains(&cidr, &none));
    assert_int_equal(reg_cidr_parse(&cidr, REG_STR("::/0"), NULL), REG_OK);
    assert_false(reg_cidr_contains(&cidr, &none));
}


static unsigned
bit(const unsigned char *bytes, unsigned n)
{
    return (unsigned) bytes[n / 8] >> (7 - n % 8) & 1;
}


/* A random network, and random addresses that share some bits with it. */

static void
test_containment_is_what_a_loop_over_bits_says(void **state)
{
    char           text[INET6_ADDRSTRLEN + 8], ntop[INET6_ADDRSTRLEN];
    int            same;
    size_t         n, m, len;
    unsigned       i, bits, prefix, shared, inside;
    reg_cidr_t     cidr;
    reg_error_t    error;
    reg_address_t  address;
    unsigned char  network[16], client[16];

    (void) state;

    inside = 0;

    for (n = 0; n < rounds(NETWORKS); n++) {

        len = (n & 1) ? 4 : 16;
        bits = (unsigned) len * 8;
        prefix = (unsigned) random_below(bits + 1);

        random_bytes(network, len);

        for (i = prefix; i < bits; i++) {
            network[i / 8] &= (unsigned char) ~(0x80 >> i % 8);
        }

        assert_non_null(inet_ntop(len == 4 ? AF_INET : AF_INET6, network,
                                  ntop, sizeof(ntop)));
        (void) snprintf(text, sizeof(text), "%s/%u", ntop, prefix);

        if (parse_cidr(&cidr, reg_str(text), &error) != REG_OK) {
            fail_msg("%s", error.text);
        }

        assert_int_equal(cidr.prefix, prefix);
        assert_memory_equal(cidr.address.bytes, network, len);

        for (m = 0; m < CLIENTS; m++) {

            random_bytes(client, len);
            shared = (unsigned) random_below(bits + 1);

            for (i = 0; i < shared; i++) {
                if (bit(network, i) != bit(client, i)) {
                    client[i / 8] ^= (unsigned char) (0x80 >> i % 8);
                }
            }

            same = 1;

            for (i = 0; i < prefix; i++) {
                same &= bit(network, i) == bit(client, i);
            }

            reg_address_set(&address, client, len);
            assert_int_equal(reg_cidr_contains(&cidr, &address), same);
            inside += (unsigned) same;
        }
    }

    /* both answers were tried */

    assert_in_range(inside, n * CLIENTS / 4, n * CLIENTS * 3 / 4);
}


/* One set bit behind the prefix, wherever it is, is refused. */

static void
test_every_host_bit_is_seen(void **state)
{
    char           text[INET6_ADDRSTRLEN + 8], ntop[INET6_ADDRSTRLEN];
    size_t         len;
    unsigned       i, bits, prefix, step;
    reg_cidr_t     cidr;
    unsigned char  network[16];

    (void) state;

    step = 128 / (unsigned) rounds(128);

    for (len = 4; len <= 16; len += 12) {

        bits = (unsigned) len * 8;

        for (prefix = 0; prefix <= bits; prefix += step) {
            for (i = 0; i < bits; i++) {

                memset(network, 0, sizeof(network));
                network[i / 8] = (unsigned char) (0x80 >> i % 8);

                assert_non_null(inet_ntop(len == 4 ? AF_INET : AF_INET6,
                                          network, ntop, sizeof(ntop)));
                (void) snprintf(text, sizeof(text), "%s/%u", ntop, prefix);

                assert_int_equal(parse_cidr(&cidr, reg_str(text), NULL),
                                 i < prefix ? REG_OK : REG_INVALID);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_no_addresses),
        cmocka_unit_test(test_address_set),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_no_networks),
        cmocka_unit_test(test_prefixes_are_digits),
        cmocka_unit_test(test_containment),
        cmocka_unit_test(test_containment_is_what_a_loop_over_bits_says),
        cmocka_unit_test(test_every_host_bit_is_seen)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
