/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Schemes without published vectors: what they sign is written down here from
 * their documents, and signed by the openssl command.
 */

#include <stdio.h>

#include "sign.h"

#define ISSUED   1767225600                /* 2026-01-01T00:00:00Z */
#define EXPIRES  (ISSUED + 1200)

#define GCS_KEY                                                               \
    "aws_access_key_id = GOOGKEY\naws_secret_access_key = bGoa+V7g/yqDXvKRqq"

static char  dir[] = "/tmp/registry-sign.XXXXXX";
static char  pem[4096];


/* What a command prints about a text. */

static const char *
run(const char *text, const char *command)
{
    char    line[1024];
    size_t  n;
    FILE   *f;

    static char  out[4096];

    snprintf(line, sizeof(line), "%s/text", dir);
    f = fopen(line, "w");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    fclose(f);

    snprintf(line, sizeof(line), "cd %s && < text %s", dir, command);
    f = popen(line, "r");
    assert_non_null(f);
    n = fread(out, 1, sizeof(out) - 1, f);
    assert_int_equal(pclose(f), 0);

    while (n && out[n - 1] == '\n') {
        n--;
    }

    out[n] = '\0';

    return out;
}


static int
make_key(void **state)
{
    (void) state;

    if (mkdtemp(dir) == NULL) {
        return -1;
    }

    strcpy(pem, run("", "openssl genrsa 2048 2> /dev/null | tee key"));

    return 0;
}


static int
remove_key(void **state)
{
    char  line[128];

    (void) state;

    snprintf(line, sizeof(line), "rm -r %s", dir);

    return system(line);
}


static void
test_cloudfront(void **state)
{
    size_t         i;
    char           wanted[4096];
    reg_signer_t  *s;

    static const char *const  sha1[] = { "key_pair_id=K2JCJMDEHXQW5F", NULL };
    static const char *const  sha256[] = {
        "key_pair_id=K2JCJMDEHXQW5F", "hash=sha256", "claims=on", NULL
    };

    static const struct {
        const char *const  *options;
        const char         *url;
        const char         *claimed;      /* as it is signed */
        const char         *command;
        const char         *end;
    } cases[] = {
        { sha1, "https://d111.cloudfront.net/a/b?x=y",
          "https://d111.cloudfront.net/a/b?x=y",
          "openssl dgst -sha1 -sign key | base64 -w 0 | tr '+=/' '-_~'", "" },
        { sha256, "https://d111.cloudfront.net/a/b",
          "https://d111.cloudfront.net/a/b?x-tenant=acme"
          "&x-repository=acme%2Fapp",
          "openssl dgst -sha256 -sign key | base64 -w 0 | tr '+=/' '-_~'",
          "&Hash-Algorithm=SHA256" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char  policy[1024];

        s = signer("cloudfront", pem, cases[i].options);

        snprintf(policy, sizeof(policy),
                 "{\"Statement\":[{\"Resource\":\"%s\",\"Condition\":"
                 "{\"DateLessThan\":{\"AWS:EpochTime\":%d}}}]}",
                 cases[i].claimed, EXPIRES);

        snprintf(wanted, sizeof(wanted),
                 "%s&Expires=%d&Signature=%s&Key-Pair-Id=K2JCJMDEHXQW5F%s",
                 cases[i].claimed, EXPIRES, run(policy, cases[i].command),
                 cases[i].end);

        assert_string_equal(sign(s, cases[i].url, ISSUED, EXPIRES), wanted);

        reg_signer_free(s);
    }
}


static void
test_cloudflare(void **state)
{
    char           wanted[1024];
    reg_signer_t  *s;

    (void) state;

    s = signer("cloudflare", SIGN_SECRET, NULL);

    snprintf(wanted, sizeof(wanted), "https://cdn.example.com/a:b?verify=%d-%s",
             ISSUED,
             run("/a:b1767225600",
                 "openssl dgst -sha256 -hmac '" SIGN_SECRET "' -binary "
                 "| base64 | sed 's/+/%2B/g; s|/|%2F|g; s/=/%3D/g'"));

    assert_string_equal(sign(s, "https://cdn.example.com/a:b", ISSUED, EXPIRES),
                        wanted);

    reg_signer_free(s);
}


static void
test_azure(void **state)
{
    char           wanted[1024];
    reg_signer_t  *s;

    static const char *const  options[] = { "account=acct", NULL };

    (void) state;

    /* base64 of the secret, as a portal shows it */

    s = signer("azure", "YSBzZWNyZXQgdGhhdCBub2JvZHkgZ3Vlc3Nlcw==", options);

    snprintf(wanted, sizeof(wanted),
             "https://acct.blob.core.windows.net/registry/a%%20b?sv=2020-12-06"
             "&sr=b&sp=r&se=2026-01-01T00%%3A20%%3A00Z&sig=%s",
             run("r\n\n2026-01-01T00:20:00Z\n/blob/acct/registry/a b\n\n\n\n"
                 "2020-12-06\nb\n\n\n\n\n\n\n",
                 "openssl dgst -sha256 -hmac '" SIGN_SECRET "' -binary "
                 "| base64 | sed 's/+/%2B/g; s|/|%2F|g; s/=/%3D/g'"));

    assert_string_equal(sign(s, "https://acct.blob.core.windows.net/registry/"
                             "a%20b", ISSUED, EXPIRES),
                        wanted);

    reg_signer_free(s);
}


static void
test_secure_link(void **state)
{
    char           wanted[1024];
    reg_signer_t  *s;

    (void) state;

    s = signer("secure_link", SIGN_SECRET "\n", NULL);

    snprintf(wanted, sizeof(wanted), "https://e/a%%3Ab?x=y&md5=%s&expires=%d",
             run("1767226800/a:b " SIGN_SECRET,
                 "openssl dgst -md5 -binary | basenc --base64url | tr -d ="),
             EXPIRES);

    assert_string_equal(sign(s, "https://e/a%3Ab?x=y", ISSUED, EXPIRES),
                        wanted);

    reg_signer_free(s);
}


/* The chain of HMACs, each key given to openssl in hexadecimal. */

static void
test_gcs_hmac(void **state)
{
    char           request[1024], text[1024], hash[65];
    const char    *url, *query;
    reg_signer_t  *s;

    (void) state;

    s = signer("gcs", GCS_KEY, NULL);
    url = sign(s, "https://storage.googleapis.com/bucket/a/b", ISSUED, EXPIRES);
    query = strchr(url, '?') + 1;

    assert_memory_equal(query, "X-Goog-Algorithm=GOOG4-HMAC-SHA256"
                        "&X-Goog-Credential=GOOGKEY%2F20260101%2Fauto"
                        "%2Fstorage%2Fgoog4_request", 94);

    snprintf(request, sizeof(request),
             "GET\n/bucket/a/b\n%.*s\nhost:storage.googleapis.com\n\nhost\n"
             "UNSIGNED-PAYLOAD",
             (int) (strstr(query, "&X-Goog-Signature=") - query), query);

    snprintf(hash, sizeof(hash), "%s",
             run(request, "openssl dgst -sha256 -r | cut -c 1-64"));

    snprintf(text, sizeof(text), "GOOG4-HMAC-SHA256\n20260101T000000Z\n"
             "20260101/auto/storage/goog4_request\n%s", hash);

    assert_string_equal(strstr(query, "&X-Goog-Signature=") + 18,
        run(text, "sh -c 'mac() { openssl dgst -sha256 -mac HMAC "
                  "-macopt hexkey:$1 -r | cut -c 1-64; }; "
                  "k=$(printf %s GOOG4bGoa+V7g/yqDXvKRqq | od -An -v -tx1 "
                  "| tr -d \" \\n\"); "
                  "for w in 20260101 auto storage goog4_request; do "
                  "k=$(printf %s $w | mac $k); done; mac $k'"));

    reg_signer_free(s);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cloudfront),
        cmocka_unit_test(test_cloudflare),
        cmocka_unit_test(test_azure),
        cmocka_unit_test(test_secure_link),
        cmocka_unit_test(test_gcs_hmac)
    };

    return cmocka_run_group_tests(tests, make_key, remove_key);
}
