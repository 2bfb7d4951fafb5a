/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* What "hmac" signs, it verifies, and nothing that differs in one byte. */

#include "sign.h"

#include "reg_url.h"

#define NOW  1767225600

#define BLOB  "/v2/acme/app/blobs/sha256:"                                    \
    "abababababababababababababababababababababababababababababababab"

static reg_claims_t   claims;
static reg_str_t      plain;
static unsigned char  buf[REG_SIGNED_URL_MAX];


static reg_rc_t
verify(const reg_signer_t *s, const char *text, int64_t now)
{
    reg_url_t  url;

    if (reg_url_parse(&url, reg_str(text), NULL) != REG_OK) {
        return REG_NOTFOUND;
    }

    return reg_signer_verify(s, url.authority, url.path, url.query, now,
                             &claims, &plain, buf);
}


static void
test_round_trip(void **state)
{
    const char    *url;
    reg_signer_t  *s;

    (void) state;

    s = signer("hmac", SIGN_SECRET "\n", NULL);
    url = sign(s, "https://Edge.example.com:8443" BLOB, NOW, NOW + 60);

    assert_non_null(strstr(url, "?reg_expires=1767225660&reg_tenant=acme"
                                "&reg_repository=acme/app&reg_signature="));

    assert_int_equal(verify(s, url, NOW + 59), REG_OK);
    assert_true(reg_str_eq(claims.tenant, REG_STR("acme")));
    assert_true(reg_str_eq(claims.repository, REG_STR("acme/app")));
    assert_int_equal(claims.expires, NOW + 60);
    assert_int_equal(plain.len, 0);

    assert_int_equal(verify(s, url, NOW + 60), REG_ERROR);

    url = sign(s, "https://e" BLOB "?a=b&c", NOW, NOW + 60);
    assert_int_equal(verify(s, url, NOW), REG_OK);
    assert_true(reg_str_eq(plain, REG_STR("a=b&c")));

    url = sign(s, "https://e" BLOB "?", NOW, NOW + 60);
    assert_int_equal(verify(s, url, NOW), REG_OK);

    reg_signer_free(s);
}


/* Computed by hand with the openssl command. */

static void
test_text(void **state)
{
    reg_signer_t  *s;

    (void) state;

    s = signer("hmac", SIGN_SECRET, NULL);

    /*
     * printf 'reg1\nGET\ne\n/b\nreg_expires=1767225660&reg_tenant=acme&'\
     * 'reg_repository=acme/app' | openssl dgst -sha256 -hmac
     * 'a secret that nobody guesses' -binary | basenc --base64url
     */

    assert_string_equal(sign(s, "https://e/b", NOW, NOW + 60),
                        "https://e/b?reg_expires=1767225660&reg_tenant=acme"
                        "&reg_repository=acme/app&reg_signature="
                        "XAWgUJdwpm50JbeJyRHaXeM9XtYdlpKpbhzVi7x_NTQ");

    reg_signer_free(s);
}


static void
test_every_byte_counts(void **state)
{
    char          *url, c;
    size_t         i, first;
    reg_signer_t  *s;

    (void) state;

    s = signer("hmac", SIGN_SECRET, NULL);
    url = strdup(sign(s, "https://edge/b/c?d=e", NOW, NOW + 60));
    first = sizeof("https://") - 1;

    for (i = first; url[i]; i++) {
        c = url[i];
        url[i] = (char) (c == 'x' ? 'y' : 'x');

        assert_int_not_equal(verify(s, url, NOW), REG_OK);

        url[i] = c;
    }

    /* cut anywhere, or with anything but an argument behind it */

    for (i = strlen(url) - 1; i > first; i--) {
        c = url[i];
        url[i] = '\0';

        assert_int_not_equal(verify(s, url, NOW), REG_OK);

        url[i] = c;
    }

    assert_int_equal(verify(s, url, NOW), REG_OK);

    free(url);
    reg_signer_free(s);
}


/* What comes behind the signature is not part of what was signed. */

static void
test_behind_it(void **state)
{
    char           url[1024];
    reg_signer_t  *s;

    (void) state;

    s = signer("hmac", SIGN_SECRET, NULL);

    strcpy(url, sign(s, "https://edge/b?d=e", NOW, NOW + 60));
    strcat(url, "&Expires=1&Key-Pair-Id=K");

    assert_int_equal(verify(s, url, NOW), REG_OK);
    assert_true(reg_str_eq(plain, REG_STR("d=e")));

    strcat(url, "&reg_expires=9999999999&reg_tenant=rival"
                "&reg_repository=x&reg_signature=y");
    assert_int_equal(verify(s, url, NOW), REG_OK);
    assert_true(reg_str_eq(claims.tenant, REG_STR("acme")));
    assert_int_equal(claims.expires, NOW + 60);

    /* nor may anything come before */

    strcpy(url, "https://edge/b?x=y&");
    strcat(url, strchr(sign(s, "https://edge/b?d=e", NOW, NOW + 60), '?') + 1);
    assert_int_equal(verify(s, url, NOW), REG_INVALID);

    reg_signer_free(s);
}


/* A new key signs, and for a while both verify. */

static void
test_rotation(void **state)
{
    char          *url;
    reg_signer_t  *before, *both, *after;

    (void) state;

    before = signer("hmac", SIGN_SECRET, NULL);
    both = signer("hmac", "the next one is this\n" SIGN_SECRET "\n", NULL);
    after = signer("hmac", "the next one is this", NULL);

    url = strdup(sign(before, "https://e/b", NOW, NOW + 60));
    assert_int_equal(verify(both, url, NOW), REG_OK);
    assert_int_equal(verify(after, url, NOW), REG_INVALID);
    free(url);

    url = strdup(sign(both, "https://e/b", NOW, NOW + 60));
    assert_int_equal(verify(after, url, NOW), REG_OK);
    assert_int_equal(verify(before, url, NOW), REG_INVALID);
    free(url);

    reg_signer_free(before);
    reg_signer_free(both);
    reg_signer_free(after);
}


/* Claims cannot be made to look like others, whatever they hold. */

static void
test_claims_are_escaped(void **state)
{
    size_t         len;
    reg_signer_t  *s;
    unsigned char  out[REG_SIGNED_URL_MAX + 1];

    (void) state;

    s = signer("hmac", SIGN_SECRET, NULL);

    claims.tenant = REG_STR("a&reg_repository=x\r\n%\xff");
    claims.repository = REG_STR("");
    claims.issued = NOW;
    claims.expires = NOW + 60;

    assert_int_equal(reg_signer_sign(s, REG_STR("https://e/b"), &claims, out,
                                     &len, NULL),
                     REG_OK);
    out[len] = '\0';

    assert_int_equal(verify(s, (char *) out, NOW), REG_OK);
    assert_true(reg_str_eq(claims.tenant,
                           REG_STR("a&reg_repository=x\r\n%\xff")));
    assert_int_equal(claims.repository.len, 0);

    reg_signer_free(s);
}


static void
test_nothing_to_verify(void **state)
{
    reg_signer_t  *s, *other;

    (void) state;

    s = signer("hmac", SIGN_SECRET, NULL);
    other = signer("cloudflare", SIGN_SECRET, NULL);

    assert_int_equal(verify(s, "https://e/b", NOW), REG_NOTFOUND);
    assert_int_equal(verify(s, "https://e/b?x", NOW), REG_NOTFOUND);
    assert_int_equal(verify(s, "https://e/b?reg_expires=1", NOW),
                     REG_NOTFOUND);
    assert_int_equal(verify(s, "https://e/b?reg_signature=1&reg_expires=1",
                            NOW),
                     REG_NOTFOUND);
    assert_int_equal(verify(other, sign(s, "https://e/b", NOW, NOW + 60), NOW),
                     REG_NOTFOUND);

    reg_signer_free(s);
    reg_signer_free(other);
}


/*
 * What another scheme signs once more is as good as before, where it says so;
 * and where it does not it would not be.
 */

static void
test_wrapped(void **state)
{
    int             good;
    char            inner[1024], url[REG_SIGNED_URL_MAX + 1];
    size_t          i, len;
    reg_claims_t    c;
    reg_signer_t   *s, *outer;
    unsigned char   out[REG_SIGNED_URL_MAX];

    static const struct {
        const char  *scheme;
        const char  *key;
        const char  *options[3];
    } cases[] = {
        { "secure_link", SIGN_SECRET, { NULL } },
        { "google_cdn", "nZtRohdNF9m3cKM24IcK4w==",
          { "key_name=k", "claims=on", NULL } },
        { "cloudflare", SIGN_SECRET, { NULL } },
        { "s3", "aws_access_key_id=A\naws_secret_access_key=B",
          { "region=eu", NULL } },
        { "gcs", "aws_access_key_id=A\naws_secret_access_key=B", { NULL } }
    };

    (void) state;

    s = signer("hmac", SIGN_SECRET, NULL);
    strcpy(inner, sign(s, "https://edge/b/c?d=e", NOW, NOW + 60));

    c.tenant = REG_STR("acme");
    c.repository = REG_STR("acme/app");
    c.issued = NOW;
    c.expires = NOW + 60;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        outer = signer(cases[i].scheme, cases[i].key, cases[i].options);

        good = reg_signer_sign(outer, reg_str(inner), &c, out, &len, NULL)
               == REG_OK;

        if (good) {
            memcpy(url, out, len);
            url[len] = '\0';
            good = verify(s, url, NOW) == REG_OK;
        }

        assert_int_equal(good, reg_signer_wraps(outer));

        reg_signer_free(outer);
    }

    reg_signer_free(s);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_behind_it),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_claims_are_escaped),
        cmocka_unit_test(test_nothing_to_verify),
        cmocka_unit_test(test_wrapped)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
