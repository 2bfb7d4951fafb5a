/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * From a token to an identity.  What a token says is remembered until the keys
 * change: a signature is verified once.  Whom it stands for is looked up as for
 * the API key itself, so a key that is revoked ends its tokens at once.
 */

#include "ngx_http_registry_oidc.h"

/* What is verified does not depend on the store. */

#define NGX_HTTP_REGISTRY_TOKEN_GENERATION  1


static ngx_int_t ngx_http_registry_token_find(
    ngx_http_registry_lookup_t *lookup, ngx_http_registry_trust_t *trust,
    reg_str_t text, ngx_http_registry_identity_t **what,
    reg_reason_t *reason);
static ngx_uint_t ngx_http_registry_token_is_ours(
    ngx_http_registry_trust_t *trust, reg_str_t text);
static reg_token_t *ngx_http_registry_token_verify(
    ngx_http_registry_trust_t *trust, reg_str_t text, reg_str_t typ,
    reg_reason_t *reason, ngx_log_t *log);
static ngx_int_t ngx_http_registry_token_who(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_token_t *token, uint64_t generation,
    ngx_http_registry_lookup_t *lookup, ngx_http_registry_identity_t **who,
    reg_reason_t *reason);


ngx_int_t
ngx_http_registry_token_identify(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_str_t text, uint64_t generation,
    ngx_http_registry_lookup_t *lookup,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason)
{
    ngx_int_t                      rc;
    ngx_uint_t                     again;
    ngx_http_registry_identity_t  *what, *who;

    for (again = 0; /* void */ ; again = 1) {

        rc = ngx_http_registry_token_find(lookup, trust, text, &what, reason);

        if (rc != NGX_OK) {
            return rc;
        }

        if (what->token->kind == REG_TOKEN_ANONYMOUS) {
            *identity = what;
            return NGX_OK;
        }

        rc = ngx_http_registry_token_who(by, trust, what->token, generation,
                                         lookup, &who, reason);

        /* the record has changed: another rule may admit it, or none */

        if (rc == NGX_ABORT && what->token->whole && !again) {
            ngx_http_registry_memo_drop(trust->tokens, text);
            ngx_http_registry_identity_release(what);
            continue;
        }

        break;
    }

    if (rc == NGX_ABORT) {
        ngx_log_error(NGX_LOG_INFO, lookup->log, 0,
                      "registry: a token is refused: the record of its issuer "
                      "has changed");
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        *identity = ngx_http_registry_identity_join(who, what);

        if (*identity == NULL) {
            *reason = REG_REASON_INTERNAL;
            rc = NGX_DECLINED;
        }

        ngx_http_registry_identity_release(who);
    }

    ngx_http_registry_identity_release(what);

    return rc;
}


ngx_int_t
ngx_http_registry_token_refresh(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_str_t text,
    ngx_http_registry_waiter_t *waiter,
    ngx_http_registry_identity_t **identity, reg_reason_t *reason,
    ngx_log_t *log)
{
    ngx_int_t                      rc;
    reg_token_t                   *token;
    ngx_http_registry_lookup_t     lookup;

    waiter->once = 0;

    lookup.store = by->store;
    lookup.pepper = by->pepper;
    lookup.waiter = waiter;
    lookup.log = log;

    token = ngx_http_registry_token_verify(trust, text,
                                           REG_STR(REG_TOKEN_TYP_REFRESH),
                                           reason, log);
    if (token == NULL) {
        return NGX_DECLINED;
    }

    if (token->kind != REG_TOKEN_KEY) {
        free(token);
        *reason = REG_REASON_TOKEN;
        return NGX_DECLINED;
    }

    /* it stands for its key, with all that the key may do */

    rc = ngx_http_registry_token_who(by, trust, token,
                                     by->store->generation(by->store),
                                     &lookup, identity, reason);

    if (rc == NGX_OK
        && !reg_token_current((*identity)->identity, token))
    {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "registry: a refresh token is refused: it has been "
                      "revoked");

        ngx_http_registry_identity_release(*identity);
        *identity = NULL;

        *reason = REG_REASON_TOKEN;
        rc = NGX_DECLINED;
    }

    free(token);

    return rc;
}


const reg_jwk_t *
ngx_http_registry_token_signer(ngx_http_registry_trust_t *trust)
{
    return (trust && trust->jwks.n && trust->jwks.keys[0]->secret)
           ? trust->jwks.keys[0] : NULL;
}


void
ngx_http_registry_trust_renew(ngx_http_registry_trust_t *trust)
{
    size_t                          n;
    ngx_uint_t                      i;
    reg_jwks_t                     *jwks;
    ngx_http_registry_key_file_t  **file;

    trust->jwks.n = 0;

    file = trust->keys ? trust->keys->elts : NULL;

    for (i = 0; file && i < trust->keys->nelts; i++) {
        jwks = file[i]->jwks;

        for (n = 0; n < jwks->n && trust->jwks.n < REG_JWKS_MAX; n++) {
            trust->jwks.keys[trust->jwks.n++] = jwks->keys[n];
        }
    }

    ngx_http_registry_memo_flush(trust->headers);
    ngx_http_registry_memo_flush(trust->tokens);
    ngx_http_registry_backend_flush(trust);
}


static ngx_int_t
ngx_http_registry_token_find(ngx_http_registry_lookup_t *lookup,
    ngx_http_registry_trust_t *trust, reg_str_t text,
    ngx_http_registry_identity_t **what, reg_reason_t *reason)
{
    ngx_int_t     rc;
    reg_token_t  *token;

    *what = ngx_http_registry_memo_find(trust->tokens, text,
                                        NGX_HTTP_REGISTRY_TOKEN_GENERATION);
    if (*what) {
        return NGX_OK;
    }

    if (trust->oidc && !ngx_http_registry_token_is_ours(trust, text)) {
        rc = ngx_http_registry_oidc_verify(lookup, trust, text, &token,
                                           reason);

    } else {
        token = ngx_http_registry_token_verify(trust, text, REG_STR_NULL,
                                               reason, lookup->log);
        rc = token ? NGX_OK : NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    *what = ngx_http_registry_identity_wrap_token(token);

    if (*what == NULL) {
        *reason = REG_REASON_INTERNAL;
        return NGX_DECLINED;
    }

    ngx_http_registry_memo_put(trust->tokens, text,
                               NGX_HTTP_REGISTRY_TOKEN_GENERATION, *what);

    return NGX_OK;
}


/* What it says of that is verified then, by the one or by the other. */

static ngx_uint_t
ngx_http_registry_token_is_ours(ngx_http_registry_trust_t *trust,
    reg_str_t text)
{
    reg_jwt_t   jwt;
    ngx_uint_t  ours;

    if (trust->jwks.n == 0 || reg_jwt_read(&jwt, text, NULL) != REG_JWT_OK) {
        return 0;
    }

    ours = reg_str_eq(jwt.iss, ngx_http_registry_str(trust->issuer));

    reg_jwt_clear(&jwt);

    return ours;
}


/* NULL after the refusal has been logged. */

static reg_token_t *
ngx_http_registry_token_verify(ngx_http_registry_trust_t *trust,
    reg_str_t text, reg_str_t typ, reg_reason_t *reason, ngx_log_t *log)
{
    reg_rc_t             made;
    reg_jwt_t            jwt;
    reg_error_t          error;
    reg_token_t         *token;
    reg_jwt_rc_t         rc;
    reg_jwt_expected_t   expected;

    expected.iss = ngx_http_registry_str(trust->issuer);
    expected.aud = expected.iss;
    expected.typ = typ;
    expected.leeway = REG_JWT_LEEWAY;

    rc = reg_jwt_read(&jwt, text, &error);

    if (rc != REG_JWT_OK) {
        ngx_http_registry_token_refused(rc, error.text, reason, log);
        return NULL;
    }

    rc = reg_jwt_verify(&jwt, &trust->jwks, &expected, (int64_t) ngx_time());

    token = NULL;

    if (rc == REG_JWT_OK) {
        made = reg_token_from_jwt(&token, &jwt);

        if (made != REG_OK) {
            token = NULL;
            rc = (made == REG_INVALID) ? REG_JWT_MALFORMED : REG_JWT_FAILED;
        }
    }

    reg_jwt_clear(&jwt);

    if (rc != REG_JWT_OK) {
        ngx_http_registry_token_refused(rc, reg_jwt_rc_text(rc), reason, log);
    }

    return token;
}


/* The token itself is in no log: it may be good elsewhere. */

void
ngx_http_registry_token_refused(reg_jwt_rc_t rc, const char *sentence,
    reg_reason_t *reason, ngx_log_t *log)
{
    ngx_uint_t  level;

    *reason = (rc == REG_JWT_EXPIRED) ? REG_REASON_TOKEN_EXPIRED
              : (rc == REG_JWT_FAILED) ? REG_REASON_INTERNAL
              : REG_REASON_TOKEN;

    /* every token of a client that works for longer ends so */

    level = (rc == REG_JWT_EXPIRED) ? NGX_LOG_INFO : NGX_LOG_WARN;

    ngx_log_error(level, log, 0,
                  "registry: a token is refused: %s",
                  rc == REG_JWT_FAILED ? reg_jwt_rc_text(rc) : sentence);
}


static ngx_int_t
ngx_http_registry_token_who(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_token_t *token, uint64_t generation,
    ngx_http_registry_lookup_t *lookup, ngx_http_registry_identity_t **who,
    reg_reason_t *reason)
{
    ngx_int_t        rc;
    reg_identity_t  *found;

    if (token->kind == REG_TOKEN_ISSUER) {
        return ngx_http_registry_oidc_who(by, trust, token, generation, lookup,
                                          who, reason);
    }

    if (token->kind != REG_TOKEN_KEY) {
        *reason = REG_REASON_TOKEN;
        return NGX_DECLINED;
    }

    *who = ngx_http_registry_memo_find(by->ids, token->sub, generation);

    if (*who) {
        return NGX_OK;
    }

    rc = ngx_http_registry_lookup_id(lookup, token->sub, &found, reason);

    if (rc != NGX_OK) {

        if (rc == NGX_DECLINED) {
            ngx_http_registry_memo_drop(by->ids, token->sub);
        }

        return rc;
    }

    *who = ngx_http_registry_identity_wrap(found);

    if (*who == NULL) {
        *reason = REG_REASON_INTERNAL;
        return NGX_DECLINED;
    }

    if (!lookup->waiter->once) {
        ngx_http_registry_memo_put(by->ids, token->sub, generation, *who);
    }

    return NGX_OK;
}
