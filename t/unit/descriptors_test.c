/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* Descriptors of manifests: which are seen, and which are none. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "reg_descriptors.h"

#define A  "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"                          \
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B  "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"                          \
           "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C  "sha512:cccccccccccccccccccccccccccccccccccccccccccccccc"          \
           "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"  \
           "cccccccccccccccc"

#define SEEN_MAX  65536

static char  seen[SEEN_MAX];


/* "a:12 b:7", as they come; in pieces of so many bytes. */

static const char *
read_all(const char *text, size_t len, size_t piece)
{
    char               *p;
    size_t              i;
    int64_t             size;
    reg_str_t           part, digest;
    reg_descriptors_t   scan;

    p = seen;
    *p = '\0';

    reg_descriptors_init(&scan);

    for (i = 0; i < len; i += piece) {

        part.data = (unsigned char *) text + i;
        part.len = len - i < piece ? len - i : piece;

        while (reg_descriptors_next(&scan, &part, &digest, &size) == REG_OK) {
            p += sprintf(p, "%s%c:%lld", p == seen ? "" : " ",
                         digest.data[7], (long long) size);
        }

        assert_int_equal(part.len, 0);
    }

    return seen;
}


static void
test_manifests(void **state)
{
    size_t  i, piece, len;

    static const struct {
        const char  *text;
        const char  *seen;
    } cases[] = {

        { "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"size\":12,"
          "\"digest\":\"" A "\"},\"layers\":[{\"digest\":\"" B "\","
          "\"size\":345},{\"size\":0,\"digest\":\"" C "\"}]}",
          "a:12 b:345 c:0" },

        { "{ \"manifests\" : [ { \"platform\" : { \"os\" : \"linux\" ,"
          " \"digest\":\"" B "\",\"size\":1} ,\n\t\"size\" : 7 ,\r\n"
          " \"digest\" : \"" A "\" } ] }",
          "a:7" },

        { "{\"blobs\":[{\"digest\":\"" A "\",\"size\":1,\"annotations\":"
          "{\"k\":\"v\\\"}]\",\"l\":\"\\\\\"},\"urls\":[\"u\",\"v\"]}]}",
          "a:1" },

        /* what else a manifest has is none */

        { "{\"subject\":{\"digest\":\"" A "\",\"size\":1},\"fsLayers\":"
          "[{\"digest\":\"" A "\",\"size\":1}],\"x\":{\"layers\":"
          "[{\"digest\":\"" A "\",\"size\":1}]},\"layers\":[[{\"digest\":\"" A
          "\",\"size\":1}],5,\"" A "\"],\"config\":[{\"digest\":\"" A
          "\",\"size\":1}],\"blobs\":{\"digest\":\"" A "\",\"size\":1}}",
          "" },
        { "[{\"config\":{\"digest\":\"" A "\",\"size\":1}}]", "" },
        { "[\"config\",{\"digest\":\"" A "\",\"size\":1}]", "" },

        /* sizes */

        { "{\"config\":{\"digest\":\"" A "\",\"size\":4398046511104}}",
          "a:4398046511104" },
        { "{\"config\":{\"digest\":\"" A "\",\"size\":4398046511105}}", "" },
        { "{\"config\":{\"digest\":\"" A "\",\"size\":"
          "18446744073709551617}}", "" },
        { "{\"config\":{\"digest\":\"" A "\",\"size\":-1}}", "" },
        { "{\"config\":{\"digest\":\"" A "\",\"size\":1.0}}", "" },
        { "{\"config\":{\"digest\":\"" A "\",\"size\":1e3}}", "" },
        { "{\"config\":{\"digest\":\"" A "\",\"size\":\"1\"}}", "" },
        { "{\"config\":{\"digest\":\"" A "\",\"size\":null}}", "" },
        { "{\"config\":{\"digest\":\"" A "\",\"size\":[1]}}", "" },
        { "{\"config\":{\"digest\":\"" A "\"}}", "" },
        { "{\"config\":{\"digest\":\"" A "\",\"size\":1,\"size\":2}}",
          "a:2" },

        /* digests */

        { "{\"config\":{\"size\":1}}", "" },
        { "{\"config\":{\"digest\":\"md5:aa\",\"size\":1}}", "" },
        { "{\"config\":{\"digest\":[\"" A "\"],\"size\":1}}", "" },
        { "{\"config\":{\"digest\":\"" C "c\",\"size\":1}}", "" },
        { "{\"config\":{\"digest\":\"sha256:\\u0061\",\"size\":1}}", "" },
        { "{\"config\":{\"\\u0064igest\":\"" A "\",\"size\":1}}", "" },
        { "{\"layers\":[{\"digest\":\"" A "\",\"size\":1},{\"size\":2}]}",
          "a:1" },

        /* what is cut, and what follows */

        { "{\"layers\":[{\"digest\":\"" A "\",\"size\":1},{\"digest\":\"" B
          "\",\"size\":2", "a:1" },
        { "{} {\"config\":{\"digest\":\"" A "\",\"size\":1}}", "" },
        { "}{\"config\":{\"digest\":\"" A "\",\"size\":1}}", "" },
        { "", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = strlen(cases[i].text);

        for (piece = 1; piece <= len + 1; piece++) {
            assert_string_equal(read_all(cases[i].text, len, piece),
                                cases[i].seen);
        }
    }
}


/* However long it is, there is an end to what it costs. */

static void
test_caps(void **state)
{
    char    *text, *p;
    size_t   i, len;

    static const char  one[] = "{\"digest\":\"" A "\",\"size\":1},";
    static const char  last[] = "\"config\":{\"digest\":\"" A "\",\"size\":1}}";

    (void) state;

    text = malloc(REG_MANIFEST_MAX + 2 + sizeof(last));
    assert_non_null(text);

    p = text + sprintf(text, "{\"layers\":[");

    for (i = 0; i < REG_DESCRIPTORS_MAX + 5; i++) {
        p += sprintf(p, "%s", one);
    }

    (void) read_all(text, (size_t) (p - text), 4096);
    assert_int_equal(strlen(seen), REG_DESCRIPTORS_MAX * 4 - 1);

    /* the descriptor ends with the last byte that is read, or behind it */

    for (i = 0; i < 2; i++) {
        len = REG_MANIFEST_MAX + i - (sizeof(last) - 2);

        memset(text, ' ', len);
        text[0] = '{';
        memcpy(text + len, last, sizeof(last));

        assert_string_equal(read_all(text, len + sizeof(last) - 1, 65536),
                            i ? "" : "a:1");
    }

    memset(text, '[', REG_MANIFEST_MAX);
    assert_string_equal(read_all(text, REG_MANIFEST_MAX, 65536), "");

    free(text);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifests),
        cmocka_unit_test(test_caps)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
