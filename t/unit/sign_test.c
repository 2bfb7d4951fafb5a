/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* Signers: options, keys, claims, and what they refuse to sign. */

#include "sign.h"

#include "reg_url.h"

#define ISSUED   1767225600                /* 2026-01-01T00:00:00Z */
#define EXPIRES  (ISSUED + 1200)

#define S3_KEY                                                                \
    "[default]\n"                                                             \
    "# of the registry\n"                                                     \
    "aws_access_key_id = AKID\r\n"                                            \
    "aws_secret_access_key=secret/with+signs=\n"                              \
    "region = eu-central-1\n"

static const char *const  schemes[] = {
    "hmac", "secure_link", "cloudfront", "google_cdn", "cloudflare", "s3",
    "gcs", "azure"
};


static reg_rc_t
try_key(const char *scheme, const char *key, reg_error_t *error)
{
    reg_rc_t       rc;
    reg_signer_t  *s;

    error->text[0] = '\0';

    assert_int_equal(reg_signer_create(&s, reg_str(scheme), NULL), REG_OK);
    rc = reg_signer_key(s, reg_str(key), error);
    reg_signer_free(s);

    return rc;
}


static reg_rc_t
try_sign(const reg_signer_t *s, const char *url, int64_t issued,
    int64_t expires)
{
    size_t         len;
    reg_rc_t       rc;
    reg_error_t    error;
    reg_claims_t   claims;
    unsigned char  out[REG_SIGNED_URL_MAX];

    memset(&claims, 0, sizeof(claims));
    claims.issued = issued;
    claims.expires = expires;
    error.text[0] = '\0';

    rc = reg_signer_sign(s, reg_str(url), &claims, out, &len, &error);
    assert_true(rc == REG_OK || error.text[0] != '\0');

    return rc;
}


static void
test_schemes(void **state)
{
    size_t         i;
    reg_error_t    error;
    reg_signer_t  *s;

    (void) state;

    for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        assert_int_equal(reg_signer_create(&s, reg_str(schemes[i]), &error),
                         REG_OK);

        assert_int_equal(reg_signer_check(s, &error), REG_INVALID);
        assert_non_null(strstr(error.text, "needs \"key_file=\""));

        reg_signer_free(s);
    }

    assert_int_equal(reg_signer_create(&s, REG_STR("akamai"), &error),
                     REG_INVALID);
    assert_string_equal(error.text,
        "\"akamai\" is no scheme, it must be hmac, secure_link, cloudfront, "
        "google_cdn, cloudflare, s3, gcs or azure");
}


static void
test_options(void **state)
{
    size_t         i;
    reg_error_t    error;
    reg_signer_t  *s;

    static const struct {
        const char  *scheme;
        const char  *option;
        const char  *error;
    } cases[] = {
        { "hmac", "region=eu", "\"region=eu\" is no parameter of hmac" },
        { "s3", "region", "\"region\" is no parameter of s3" },
        { "s3", "region=", "\"region=\" must be a word" },
        { "s3", "region=a/b", "\"region=\" must be a word" },
        { "s3", "region=a\nb", "\"region=\" must be a word" },
        { "s3", "claims=yes", "\"claims=\" must be on or off" },
        { "cloudfront", "hash=md5", "\"hash=\" must be sha1 or sha256" },
        { "google_cdn", "key_name=a&b", "\"key_name=\" must be a word" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(reg_signer_create(&s, reg_str(cases[i].scheme), NULL),
                         REG_OK);
        assert_int_equal(reg_signer_option(s, reg_str(cases[i].option),
                                           &error),
                         REG_INVALID);
        assert_memory_equal(error.text, cases[i].error,
                            strlen(cases[i].error));
        reg_signer_free(s);
    }

    assert_int_equal(reg_signer_create(&s, REG_STR("s3"), NULL), REG_OK);
    assert_int_equal(reg_signer_key(s, REG_STR(S3_KEY), NULL), REG_OK);
    assert_int_equal(reg_signer_check(s, &error), REG_INVALID);
    assert_string_equal(error.text, "s3 needs \"region=\"");

    assert_int_equal(reg_signer_option(s, REG_STR("region=a"), &error),
                     REG_OK);
    assert_int_equal(reg_signer_option(s, REG_STR("region=b"), &error),
                     REG_INVALID);
    assert_string_equal(error.text, "\"region=\" is there twice");
    assert_int_equal(reg_signer_check(s, &error), REG_OK);
    reg_signer_free(s);
}


static void
test_bad_keys(void **state)
{
    size_t       i;
    reg_error_t  error;

    static const struct {
        const char  *scheme;
        const char  *key;
        const char  *error;
    } cases[] = {
        { "hmac", "", "it is empty" },
        { "hmac", "short", "a secret must be 16 bytes or longer" },
        { "hmac", SIGN_SECRET "\n\n", "a secret must be 16 bytes or longer" },
        { "hmac", SIGN_SECRET "\n" SIGN_SECRET "\n" SIGN_SECRET "\n"
          SIGN_SECRET "\n" SIGN_SECRET, "it has more than 4 lines" },
        { "google_cdn", "not base64 at all!!!!",
          "it must hold 16 bytes or more in base64" },
        { "google_cdn", "c2hvcnQ=", "it must hold 16 bytes or more in base64" },
        { "azure", "a", "it must hold 16 bytes or more in base64" },
        { "cloudfront", SIGN_SECRET,
          "it must hold an RSA private key in PEM, without a passphrase" },
        { "gcs", "-----BEGIN PRIVATE KEY-----\nMIIE\n",
          "it must hold an RSA private key in PEM, without a passphrase" },
        { "s3", SIGN_SECRET, "a line is not \"name = value\"" },
        { "s3", "aws_access_key_id=a", "it has no \"aws_secret_access_key\"" },
        { "s3", S3_KEY "aws_access_key_id=b",
          "it has \"aws_access_key_id\" twice" },
        { "s3", S3_KEY "aws_session_token=a b",
          "its \"aws_session_token\" holds a space or a control character" },
        { "s3", S3_KEY "expiration=tomorrow",
          "its \"expiration\" is no time of RFC 3339, such as "
          "2026-01-31T23:59:59Z" },
        { "s3", "{\"AccessKeyId\":", "it is no JSON object" },
        { "s3", "{\"AccessKeyId\":\"a\"}",
          "it has no \"aws_secret_access_key\"" },
        { "gcs", "aws_secret_access_key=s", "it has no \"aws_access_key_id\"" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(try_key(cases[i].scheme, cases[i].key, &error),
                         REG_INVALID);
        assert_string_equal(error.text, cases[i].error);
    }
}


/* After a bad key the old one goes on. */

static void
test_a_key_is_replaced_whole(void **state)
{
    char          *before;
    reg_signer_t  *s;

    (void) state;

    s = signer("hmac", SIGN_SECRET, NULL);

    before = strdup(sign(s, "https://e/b", ISSUED, EXPIRES));

    assert_int_equal(reg_signer_key(s, REG_STR("short"), NULL), REG_INVALID);
    assert_string_equal(sign(s, "https://e/b", ISSUED, EXPIRES), before);

    assert_int_equal(reg_signer_key(s, REG_STR("another secret, long enough"),
                                    NULL),
                     REG_OK);
    assert_string_not_equal(sign(s, "https://e/b", ISSUED, EXPIRES), before);

    free(before);
    reg_signer_free(s);
}


static void
test_s3_credentials(void **state)
{
    char          *lines;
    const char    *url;
    reg_signer_t  *s;

    static const char *const  options[] = { "region=eu", "claims=on", NULL };

    (void) state;

    s = signer("s3", S3_KEY "aws_session_token=TOKEN+/=\n"
               "expiration = 2026-01-01T00:30:00Z\n", options);

    assert_int_equal(reg_signer_expires(s), ISSUED + 1800);

    url = sign(s, "https://b.example.com/k?x-id=GetObject&versionId", ISSUED,
               EXPIRES);

    assert_non_null(strstr(url, "&X-Amz-Expires=1200&X-Amz-Security-Token="
                                "TOKEN%2B%2F%3D&X-Amz-SignedHeaders=host"
                                "&versionId=&x-id=GetObject"
                                "&x-repository=acme%2Fapp&x-tenant=acme"
                                "&X-Amz-Signature="));
    lines = strdup(url);

    /* the same as JSON */

    assert_int_equal(
        reg_signer_key(s, REG_STR("{\"Version\": 1, \"AccessKeyId\": \"AKID\", "
                                  "\"SecretAccessKey\": "
                                  "\"secret\\/with+signs=\", "
                                  "\"SessionToken\": \"TOKEN+/=\", "
                                  "\"Expiration\": \"2026-01-01T00:30:00Z\"}"),
                       NULL),
        REG_OK);

    assert_int_equal(reg_signer_expires(s), ISSUED + 1800);
    assert_string_equal(sign(s, "https://b.example.com/k?x-id=GetObject"
                             "&versionId", ISSUED, EXPIRES),
                        lines);

    free(lines);
    reg_signer_free(s);
}


/* However the path is spelled, one spelling is sent and signed. */

static void
test_v4_normalises(void **state)
{
    char          *one;
    reg_signer_t  *s;

    static const char *const  options[] = { "region=eu", NULL };

    (void) state;

    s = signer("s3", S3_KEY, options);

    one = strdup(sign(s, "https://h/sha256%3aab/a+b%7E?q=a:b", ISSUED,
                      EXPIRES));

    assert_memory_equal(one, "https://h/sha256%3Aab/a%2Bb~?X-Amz-", 35);
    assert_non_null(strstr(one, "&q=a%3Ab&X-Amz-Signature="));
    assert_string_equal(sign(s, "https://h/sha256:ab/a%2bb~?q=a%3ab", ISSUED,
                             EXPIRES),
                        one);

    /* an escaped slash is no slash */

    assert_string_not_equal(sign(s, "https://h/sha256:ab%2Fa%2bb~?q=a%3ab",
                                 ISSUED, EXPIRES),
                            one);

    free(one);
    reg_signer_free(s);
}


static void
test_refuses(void **state)
{
    size_t         i;
    reg_signer_t  *s, *cloudflare;

    static const char *const  urls[] = {
        "", "/path", "//host/path", "ftp://host/path", "https:///path",
        "https://host", "https://host?query", "https://user@host/path",
        "https://host/pa th", "https://host/pa\r\nth", "https://host/%zz",
        "https://host/%2", "https://host/\xc3\xa9", "https://host/#fragment",
        "https://ho\"st/", "https://host:0/", "https://host:99999/",
        "https://host:/", "https://[::1/", "https://host\\path/",
        "https://host/?reg_expires=1", "https://host/?a=b&reg_tenant=x"
    };

    (void) state;

    s = signer("hmac", SIGN_SECRET, NULL);

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        assert_int_equal(try_sign(s, urls[i], ISSUED, EXPIRES), REG_INVALID);
    }

    assert_int_equal(try_sign(s, "https://h/", ISSUED, ISSUED), REG_INVALID);
    assert_int_equal(try_sign(s, "https://h/", -1, EXPIRES), REG_INVALID);
    assert_int_equal(try_sign(s, "https://h/", ISSUED, ISSUED + 604801),
                     REG_INVALID);
    assert_int_equal(try_sign(s, "https://[2001:db8::1]:8443/", ISSUED,
                              EXPIRES),
                     REG_OK);

    cloudflare = signer("cloudflare", SIGN_SECRET, NULL);
    assert_int_equal(try_sign(cloudflare, "https://h/?a", ISSUED, EXPIRES),
                     REG_INVALID);

    reg_signer_free(cloudflare);
    reg_signer_free(s);
}


/* A URL that has no room for its signature is an error, not a half URL. */

static void
test_long(void **state)
{
    char          *url;
    reg_signer_t  *s;

    (void) state;

    s = signer("hmac", SIGN_SECRET, NULL);

    url = malloc(REG_URL_MAX + 2);
    memset(url, 'a', REG_URL_MAX + 1);
    memcpy(url, "https://h/", 10);
    url[REG_URL_MAX + 1] = '\0';

    assert_int_equal(try_sign(s, url, ISSUED, EXPIRES), REG_INVALID);

    url[REG_URL_MAX] = '\0';
    assert_int_equal(try_sign(s, url, ISSUED, EXPIRES), REG_OK);

    free(url);
    reg_signer_free(s);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_a_key_is_replaced_whole),
        cmocka_unit_test(test_s3_credentials),
        cmocka_unit_test(test_v4_normalises),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_long)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
