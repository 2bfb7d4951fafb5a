/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What an upstream says.  The first byte chooses whether the rest is
 * a challenge, the answer of a realm or a Location.  What comes of a challenge
 * is a URL of the realm for one repository; a token may stand in a header; and
 * a Location leads to a host that is listed, by https, or nowhere.
 */

#include <stdlib.h>

#include "reg_upstream.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const reg_str_t  hosts[] = {
    { 8, (unsigned char *) "cdn.test" },
    { 13, (unsigned char *) "blob.test:444" }
};

static const reg_upstream_t  hub = {
    .url = { 16, (unsigned char *) "https://hub.test" },
    .realm = { 23, (unsigned char *) "https://auth.test/token" },
    .hosts = hosts,
    .nhosts = 2
};


static int
printable(reg_str_t s, unsigned char least)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < least || s.data[i] >= 0x7f) {
            return 0;
        }
    }

    return 1;
}


static void
fuzz_challenge(reg_str_t value, unsigned char *buf)
{
    reg_str_t        url, rest;
    reg_text_t       text;
    reg_url_t        parsed;
    reg_error_t      error;
    unsigned char    out[REG_URL_MAX];
    reg_challenge_t  challenge;

    if (reg_challenge_parse(&challenge, value, buf) != REG_OK) {
        return;
    }

    CHECK(challenge.realm.len && printable(challenge.realm, 0x20));
    CHECK(printable(challenge.service, 0x20));
    CHECK(printable(challenge.scope, 0x20));

    text = (reg_text_t) { out, 0, sizeof(out), 0 };

    if (reg_upstream_question(&hub, &challenge, REG_STR("a/b"), &text, &error)
        != REG_OK)
    {
        return;
    }

    CHECK(reg_str_eq(challenge.realm, hub.realm));

    url = (reg_str_t) { text.len, text.data };

    CHECK(reg_url_parse(&parsed, url, NULL) == REG_OK);
    CHECK(reg_str_starts(url, REG_STR("https://auth.test/token?")));

    for (rest = parsed.query; rest.len; rest.data++, rest.len--) {

        if (!reg_str_starts(rest, REG_STR("scope="))) {
            continue;
        }

        CHECK(memchr(rest.data, '%', rest.len) == NULL
              || !reg_str_starts(challenge.scope, REG_STR("repository:")));
        CHECK(!reg_str_starts(rest, REG_STR("scope=repository:"))
              || reg_str_eq(rest, REG_STR("scope=repository:a/b:pull")));
    }
}


static void
fuzz_bearer(reg_str_t value, unsigned char *buf)
{
    reg_error_t   error;
    reg_bearer_t  bearer;

    if (reg_bearer_parse(&bearer, value, buf, &error) == REG_OK) {
        CHECK(bearer.token.len && printable(bearer.token, 0x21));
        CHECK(bearer.life >= 0 && bearer.life <= REG_BEARER_LIFE_MAX);
    }
}


static void
fuzz_location(reg_str_t value)
{
    reg_url_t      url;
    reg_text_t     text;
    reg_error_t    error;
    unsigned char  out[REG_URL_MAX];

    text = (reg_text_t) { out, 0, sizeof(out), 0 };

    if (reg_upstream_follow(&hub, REG_STR("https://cdn.test/x"), value, &text,
                            &error)
        != REG_OK)
    {
        return;
    }

    CHECK(printable((reg_str_t) { text.len, text.data }, 0x21));
    CHECK(reg_url_parse(&url, (reg_str_t) { text.len, text.data }, NULL)
          == REG_OK);
    CHECK(strncasecmp((char *) text.data, "https://", 8) == 0);
    CHECK((url.host.len == 8
           && strncasecmp((char *) url.host.data, "cdn.test", 8) == 0)
          || (url.authority.len == 13
              && strncasecmp((char *) url.authority.data, "blob.test:444", 13)
                 == 0));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reg_str_t       value;
    unsigned char  *buf;

    if (size == 0) {
        return 0;
    }

    /* of its own size, so that what reads or writes beyond it is seen */

    value.len = size - 1;
    value.data = malloc(size);
    buf = malloc(size);

    CHECK(value.data && buf);
    memcpy(value.data, data + 1, value.len);

    switch (data[0] % 3) {

    case 0:
        fuzz_challenge(value, buf);
        break;

    case 1:
        fuzz_bearer(value, buf);
        break;

    default:
        fuzz_location(value);
    }

    free(value.data);
    free(buf);

    return 0;
}
