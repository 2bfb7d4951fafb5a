/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * AWS Signature Version 4 in a query, and Google's V4, which is the same with
 * other words.  The path and the query of the URL are written in the one
 * spelling that both sides make of any other, so that it does not matter whose
 * they sign.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>

#include "reg_sign_scheme.h"

#define REG_SIGN_V4_ARGS  32
#define REG_SIGN_V4_DAY   (sizeof("20130524") - 1)

typedef struct {
    reg_str_t  name;                      /* as it is sent */
    reg_str_t  value;
} reg_sign_arg_t;

typedef struct {
    size_t          n;
    reg_sign_arg_t  args[REG_SIGN_V4_ARGS];
    reg_text_t      text;                 /* in which they lie */
    unsigned        many:1;
} reg_sign_args_t;


static void reg_sign_v4_args(reg_sign_args_t *args,
    const reg_signer_t *signer, const reg_sign_v4_t *v4, const reg_url_t *url,
    const reg_claims_t *claims, const char *date, reg_str_t scope);
static void reg_sign_v4_query(reg_sign_args_t *args, reg_str_t query);
static void reg_sign_v4_arg(reg_sign_args_t *args, const char *prefix,
    const char *name, reg_str_t value);
static int reg_sign_v4_compare(const void *one, const void *two);
static reg_rc_t reg_sign_v4_text(reg_text_t *what, const reg_sign_v4_t *v4,
    reg_str_t path, reg_str_t query, const char *date, reg_str_t scope);
static reg_rc_t reg_sign_v4_signature(const reg_sign_v4_t *v4, reg_str_t day,
    reg_str_t text, unsigned char *signature, size_t *len);


reg_rc_t
reg_sign_v4(const reg_signer_t *signer, const reg_sign_v4_t *v4,
    const reg_url_t *url, const reg_claims_t *claims, reg_text_t *out,
    reg_error_t *error)
{
    char             date[sizeof("20130524T000000Z")];
    size_t           i, path, query, len;
    time_t           issued;
    struct tm        tm;
    reg_text_t       scope, what;
    reg_sign_args_t  args;
    unsigned char    scope_buf[256], buf[1024], signature[REG_RSA_MAX];
    unsigned char    args_buf[REG_SIGNED_URL_MAX];

    issued = (time_t) claims->issued;

    if (gmtime_r(&issued, &tm) == NULL
        || strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm) == 0)
    {
        reg_error_set(error, "the time has no date");
        return REG_ERROR;
    }

    scope = (reg_text_t) { .data = scope_buf, .size = sizeof(scope_buf) };

    reg_text_add(&scope, (reg_str_t) { REG_SIGN_V4_DAY,
                                       (unsigned char *) date });
    reg_text_byte(&scope, '/');
    reg_text_add(&scope, v4->region);
    reg_text_byte(&scope, '/');
    reg_text_add(&scope, reg_str(v4->service));
    reg_text_byte(&scope, '/');
    reg_text_add(&scope, reg_str(v4->request));

    args.n = 0;
    args.many = 0;
    args.text = (reg_text_t) { .data = args_buf, .size = sizeof(args_buf) };

    reg_sign_v4_args(&args, signer, v4, url, claims, date,
                     (reg_str_t) { scope.len, scope.data });

    reg_text_add(out, url->scheme);
    reg_text_add(out, REG_STR("://"));
    reg_text_add(out, url->authority);

    path = out->len;
    reg_text_normalise(out, url->path, "/");
    reg_text_byte(out, '?');
    query = out->len;

    for (i = 0; i < args.n; i++) {

        if (i) {
            reg_text_byte(out, '&');
        }

        reg_text_add(out, args.args[i].name);
        reg_text_byte(out, '=');
        reg_text_add(out, args.args[i].value);
    }

    if (out->full || scope.full || args.text.full || args.many) {
        reg_error_set(error, "the URL is too long, or has too many arguments");
        return REG_INVALID;
    }

    what = (reg_text_t) { .data = buf, .size = sizeof(buf) };
    len = sizeof(signature);

    if (reg_sign_v4_text(&what, v4,
                         (reg_str_t) { query - 1 - path, out->data + path },
                         (reg_str_t) { out->len - query, out->data + query },
                         date, (reg_str_t) { scope.len, scope.data })
        != REG_OK
        || reg_sign_v4_signature(v4, (reg_str_t) { REG_SIGN_V4_DAY,
                                                   (unsigned char *) date },
                                 (reg_str_t) { what.len, what.data },
                                 signature, &len)
           != REG_OK)
    {
        reg_error_set(error, "SHA-256 failed");
        return REG_ERROR;
    }

    reg_text_byte(out, '&');
    reg_text_add(out, reg_str(v4->prefix));
    reg_text_add(out, REG_STR("Signature="));
    reg_text_hex(out, (reg_str_t) { len, signature });

    return REG_OK;
}


/* All arguments, in the order of their names as they are sent. */

static void
reg_sign_v4_args(reg_sign_args_t *args, const reg_signer_t *signer,
    const reg_sign_v4_t *v4, const reg_url_t *url, const reg_claims_t *claims,
    const char *date, reg_str_t scope)
{
    reg_text_t     credential;
    unsigned char  buf[512], seconds[20];
    reg_text_t     number;

    credential = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    reg_text_add(&credential, v4->id);
    reg_text_byte(&credential, '/');
    reg_text_add(&credential, scope);

    args->text.full |= credential.full;

    number = (reg_text_t) { .data = seconds, .size = sizeof(seconds) };
    reg_text_number(&number, claims->expires - claims->issued);

    reg_sign_v4_arg(args, v4->prefix, "Algorithm", reg_str(v4->algorithm));
    reg_sign_v4_arg(args, v4->prefix, "Credential",
                    (reg_str_t) { credential.len, buf });
    reg_sign_v4_arg(args, v4->prefix, "Date", reg_str(date));
    reg_sign_v4_arg(args, v4->prefix, "Expires",
                    (reg_str_t) { number.len, seconds });

    if (v4->key->credential.token.len) {
        reg_sign_v4_arg(args, v4->prefix, "Security-Token",
                        v4->key->credential.token);
    }

    reg_sign_v4_arg(args, v4->prefix, "SignedHeaders", REG_STR("host"));

    if (reg_str_eq(signer->options[REG_SIGN_CLAIMS], REG_STR("on"))) {
        reg_sign_v4_arg(args, "", "x-tenant", claims->tenant);
        reg_sign_v4_arg(args, "", "x-repository", claims->repository);
    }

    reg_sign_v4_query(args, url->query);

    qsort(args->args, args->n, sizeof(reg_sign_arg_t), reg_sign_v4_compare);
}


/* What the URL brings along; an argument without '=' has an empty value. */

static void
reg_sign_v4_query(reg_sign_args_t *args, reg_str_t query)
{
    size_t           n, name;
    reg_sign_arg_t  *arg;
    unsigned char   *p;

    while (query.len) {

        p = memchr(query.data, '&', query.len);
        n = p ? (size_t) (p - query.data) : query.len;

        if (args->n == REG_SIGN_V4_ARGS) {
            args->many = 1;
            return;
        }

        if (n) {
            p = memchr(query.data, '=', n);
            name = p ? (size_t) (p - query.data) : n;

            arg = &args->args[args->n++];

            arg->name.data = args->text.data + args->text.len;
            reg_text_normalise(&args->text,
                               (reg_str_t) { name, query.data }, "");
            arg->name.len = (size_t) (args->text.data + args->text.len
                                      - arg->name.data);

            name += (name < n);

            arg->value.data = args->text.data + args->text.len;
            reg_text_normalise(&args->text,
                               (reg_str_t) { n - name, query.data + name },
                               "");
            arg->value.len = (size_t) (args->text.data + args->text.len
                                       - arg->value.data);
        }

        n += (n < query.len);
        query.data += n;
        query.len -= n;
    }
}


static void
reg_sign_v4_arg(reg_sign_args_t *args, const char *prefix, const char *name,
    reg_str_t value)
{
    reg_sign_arg_t  *arg;

    arg = &args->args[args->n++];

    arg->name.data = args->text.data + args->text.len;
    reg_text_add(&args->text, reg_str(prefix));
    reg_text_add(&args->text, reg_str(name));
    arg->name.len = (size_t) (args->text.data + args->text.len
                              - arg->name.data);

    arg->value.data = args->text.data + args->text.len;
    reg_text_escape(&args->text, value, "");
    arg->value.len = (size_t) (args->text.data + args->text.len
                               - arg->value.data);
}


static int
reg_sign_v4_compare(const void *one, const void *two)
{
    const reg_sign_arg_t *a = one;
    const reg_sign_arg_t *b = two;

    int     rc;
    size_t  n;

    n = a->name.len < b->name.len ? a->name.len : b->name.len;
    rc = n ? memcmp(a->name.data, b->name.data, n) : 0;

    if (rc == 0 && a->name.len != b->name.len) {
        rc = a->name.len < b->name.len ? -1 : 1;
    }

    if (rc) {
        return rc;
    }

    n = a->value.len < b->value.len ? a->value.len : b->value.len;
    rc = n ? memcmp(a->value.data, b->value.data, n) : 0;

    return rc ? rc : (a->value.len > b->value.len)
                     - (a->value.len < b->value.len);
}


/* The "string to sign", with the hash of the "canonical request" in it. */

static reg_rc_t
reg_sign_v4_text(reg_text_t *what, const reg_sign_v4_t *v4,
    reg_str_t path, reg_str_t query, const char *date, reg_str_t scope)
{
    unsigned       n;
    reg_text_t     request;
    unsigned char  hash[EVP_MAX_MD_SIZE], buf[REG_SIGNED_URL_MAX * 2];

    request = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    reg_text_add(&request, REG_STR("GET\n"));
    reg_text_add(&request, path);
    reg_text_byte(&request, '\n');
    reg_text_add(&request, query);
    reg_text_add(&request, REG_STR("\nhost:"));
    reg_text_add(&request, v4->host);
    reg_text_add(&request, REG_STR("\n\nhost\nUNSIGNED-PAYLOAD"));

    if (request.full
        || EVP_Digest(request.data, request.len, hash, &n, EVP_sha256(), NULL)
           != 1)
    {
        return REG_ERROR;
    }

    reg_text_add(what, reg_str(v4->algorithm));
    reg_text_byte(what, '\n');
    reg_text_add(what, reg_str(date));
    reg_text_byte(what, '\n');
    reg_text_add(what, scope);
    reg_text_byte(what, '\n');
    reg_text_hex(what, (reg_str_t) { n, hash });

    return what->full ? REG_ERROR : REG_OK;
}


static reg_rc_t
reg_sign_v4_signature(const reg_sign_v4_t *v4, reg_str_t day, reg_str_t text,
    unsigned char *signature, size_t *len)
{
    size_t         i;
    reg_rc_t       rc;
    reg_str_t      secret;
    reg_text_t     first;
    unsigned char  mac[REG_HMAC_MAX], buf[REG_SIGN_KEY_MAX + 8];

    if (v4->key->pkey) {
        return reg_sign_rsa(v4->key->pkey, EVP_sha256(), text, signature, len);
    }

    const reg_str_t  steps[] = {
        day, v4->region, reg_str(v4->service), reg_str(v4->request), text
    };

    first = (reg_text_t) { .data = buf, .size = sizeof(buf) };

    reg_text_add(&first, reg_str(v4->secret));
    reg_text_add(&first, v4->key->credential.secret);

    secret = (reg_str_t) { first.len, first.data };
    rc = REG_OK;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == REG_OK; i++) {
        rc = reg_sign_mac(EVP_sha256(), secret, steps[i], signature, len);

        memcpy(mac, signature, *len);
        secret = (reg_str_t) { *len, mac };
    }

    OPENSSL_cleanse(buf, sizeof(buf));
    OPENSSL_cleanse(mac, sizeof(mac));

    return rc;
}
