/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Descriptors of manifests: in whatever pieces a text comes, the same are seen;
 * and of what is JSON those that jansson sees.
 */

#include <stdlib.h>

#include "reg_descriptors.h"
#include "reg_json.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* The same for the same descriptors, whatever their order. */

typedef struct {
    size_t    n;
    uint64_t  sum;
} digest_sum_t;


static void
add(digest_sum_t *sum, reg_str_t digest, int64_t size)
{
    size_t    i;
    uint64_t  hash;

    hash = (uint64_t) size + 1;

    for (i = 0; i < digest.len; i++) {
        hash = hash * 31 + digest.data[i];
    }

    sum->n++;
    sum->sum += hash;
}


static digest_sum_t
read_pieces(reg_str_t text, size_t piece)
{
    int64_t            size;
    reg_str_t          part, digest;
    digest_sum_t       sum;
    reg_digest_t       parsed;
    reg_descriptors_t  scan;

    sum = (digest_sum_t) { 0, 0 };
    reg_descriptors_init(&scan);

    while (text.len) {
        part.data = text.data;
        part.len = text.len < piece ? text.len : piece;

        text.data += part.len;
        text.len -= part.len;

        while (reg_descriptors_next(&scan, &part, &digest, &size) == REG_OK) {
            CHECK(size >= 0 && size <= REG_DESCRIPTOR_SIZE_MAX);
            CHECK(reg_digest_parse(&parsed, digest) == REG_OK);
            add(&sum, digest, size);
        }

        CHECK(part.len == 0);
    }

    CHECK(sum.n <= REG_DESCRIPTORS_MAX);

    return sum;
}


static void
add_descriptor(digest_sum_t *sum, json_t *json)
{
    json_t        *size;
    reg_str_t      text;
    const char    *digest;
    reg_digest_t   parsed;

    digest = json_string_value(json_object_get(json, "digest"));
    size = json_object_get(json, "size");

    if (digest == NULL || !json_is_integer(size)
        || json_integer_value(size) < 0
        || json_integer_value(size) > REG_DESCRIPTOR_SIZE_MAX)
    {
        return;
    }

    text = reg_str(digest);

    if (reg_digest_parse(&parsed, text) == REG_OK) {
        add(sum, text, json_integer_value(size));
    }
}


static digest_sum_t
read_json(json_t *json)
{
    size_t         i, j;
    json_t        *item;
    digest_sum_t   sum;

    static const char *const  lists[] = { "layers", "blobs", "manifests" };

    sum = (digest_sum_t) { 0, 0 };

    add_descriptor(&sum, json_object_get(json, "config"));

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        json_array_foreach(json_object_get(json, lists[i]), j, item) {
            add_descriptor(&sum, item);
        }
    }

    return sum;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t        *json;
    reg_str_t      text;
    digest_sum_t   whole, pieces, wanted;

    text = (reg_str_t) { size, (unsigned char *) data };

    whole = read_pieces(text, size + 1);
    pieces = read_pieces(text, size ? 1 + data[0] % 7 : 1);
    CHECK(whole.n == pieces.n && whole.sum == pieces.sum);

    /* an escape hides a name, and "-0" is a number to jansson */

    if (size == 0 || memchr(data, '\\', size) || memchr(data, '-', size)
        || reg_json_load(&json, text, NULL) != REG_OK)
    {
        return 0;
    }

    wanted = read_json(json);
    json_decref(json);

    if (wanted.n < REG_DESCRIPTORS_MAX) {
        CHECK(whole.n == wanted.n && whole.sum == wanted.sum);
    }

    return 0;
}
