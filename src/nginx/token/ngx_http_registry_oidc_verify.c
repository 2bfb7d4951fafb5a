/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * From a token of another issuer to an identity.  Its iss chooses among the
 * records that the configuration names, and each record has keys of its own:
 * no issuer can speak for another.  What was verified is remembered with the
 * digest of the record that admitted it; another record, and it is verified
 * anew.
 */

#include "ngx_http_registry_oidc.h"
#include "reg_record_json.h"

/* "github:<sub>", the digest of the record, and the number of the rule */

#define NGX_HTTP_REGISTRY_OIDC_WHO_MAX                                        \
    (REG_SUBJECT_MAX + 1 + REG_ISSUER_DIGEST_LEN + 1 + NGX_INT_T_LEN)


static ngx_int_t ngx_http_registry_oidc_find(
    ngx_http_registry_lookup_t *lookup, ngx_http_registry_trust_t *trust,
    const reg_jwt_t *jwt, ngx_http_registry_oidc_t **oidc,
    reg_record_t **issuer, reg_reason_t *reason);
static void ngx_http_registry_oidc_expected(reg_jwt_expected_t *expected,
    const reg_record_t *issuer);
static ngx_int_t ngx_http_registry_oidc_check(
    ngx_http_registry_lookup_t *lookup, const reg_jwt_t *jwt,
    ngx_http_registry_oidc_t *oidc, const reg_record_t *issuer,
    reg_reason_t *reason);
static ngx_int_t ngx_http_registry_oidc_admit(
    ngx_http_registry_lookup_t *lookup, const reg_jwt_t *jwt,
    const reg_record_t *issuer, reg_token_t **token, reg_reason_t *reason);
static ngx_int_t ngx_http_registry_oidc_record(
    ngx_http_registry_lookup_t *lookup, reg_token_t *token, reg_str_t subject,
    reg_identity_t **found, reg_reason_t *reason);


ngx_int_t
ngx_http_registry_oidc_verify(ngx_http_registry_lookup_t *lookup,
    ngx_http_registry_trust_t *trust, reg_str_t text, reg_token_t **token,
    reg_reason_t *reason)
{
    ngx_int_t                  rc;
    reg_jwt_t                  jwt;
    reg_error_t                error;
    reg_jwt_rc_t               read;
    reg_record_t              *issuer;
    ngx_http_registry_oidc_t  *oidc;

    read = reg_jwt_read(&jwt, text, &error);

    if (read != REG_JWT_OK) {
        ngx_http_registry_token_refused(read, error.text, reason, lookup->log);
        return NGX_DECLINED;
    }

    rc = ngx_http_registry_oidc_find(lookup, trust, &jwt, &oidc, &issuer,
                                     reason);

    if (rc == NGX_OK) {
        rc = ngx_http_registry_oidc_check(lookup, &jwt, oidc, issuer, reason);

        if (rc == NGX_OK) {
            rc = ngx_http_registry_oidc_admit(lookup, &jwt, issuer, token,
                                              reason);
        }

        reg_record_free(issuer);
    }

    reg_jwt_clear(&jwt);

    return rc;
}


ngx_int_t
ngx_http_registry_oidc_who(ngx_http_registry_identify_t *by,
    ngx_http_registry_trust_t *trust, reg_token_t *token, uint64_t generation,
    ngx_http_registry_lookup_t *lookup, ngx_http_registry_identity_t **who,
    reg_reason_t *reason)
{
    u_char                     buf[NGX_HTTP_REGISTRY_OIDC_WHO_MAX], *p;
    size_t                     len;
    reg_str_t                  text, subject;
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    reg_identity_t            *found;
    ngx_http_registry_oidc_t  *oidc;

    *reason = REG_REASON_TOKEN;

    /* ours may have been had from a server that trusts more than this one */

    oidc = trust->oidc ? trust->oidc->elts : NULL;

    for (i = 0; oidc && i < trust->oidc->nelts; i++) {
        if (reg_str_eq(ngx_http_registry_str(oidc[i].name), token->issuer)) {
            break;
        }
    }

    if (oidc == NULL || i == trust->oidc->nelts
        || reg_issuer_subject(buf, &len, token->issuer, token->sub) != REG_OK)
    {
        ngx_log_error(NGX_LOG_WARN, lookup->log, 0,
                      "registry: a token is refused: its issuer is none of "
                      "this server");
        return NGX_DECLINED;
    }

    subject.data = buf;
    subject.len = len;

    p = ngx_sprintf(buf + len, "%Z%*s%Z%uz", token->record.len,
                    token->record.data, token->rule);

    text.data = buf;
    text.len = (size_t) (p - buf);

    *who = ngx_http_registry_memo_find(by->ids, text, generation);

    if (*who) {
        return NGX_OK;
    }

    rc = ngx_http_registry_oidc_record(lookup, token, subject, &found, reason);

    if (rc != NGX_OK) {
        return rc;
    }

    *who = ngx_http_registry_identity_wrap(found);

    if (*who == NULL) {
        *reason = REG_REASON_INTERNAL;
        return NGX_DECLINED;
    }

    if (!lookup->waiter->once) {
        ngx_http_registry_memo_put(by->ids, text, generation, *who);
    }

    return NGX_OK;
}


/* Of several records with this iss that whose audience it has. */

static ngx_int_t
ngx_http_registry_oidc_find(ngx_http_registry_lookup_t *lookup,
    ngx_http_registry_trust_t *trust, const reg_jwt_t *jwt,
    ngx_http_registry_oidc_t **oidc, reg_record_t **issuer,
    reg_reason_t *reason)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    reg_reason_t               why;
    reg_record_t              *record;
    reg_jwt_expected_t         expected;
    ngx_http_registry_oidc_t  *known;

    *issuer = NULL;
    *reason = REG_REASON_TOKEN;

    known = trust->oidc->elts;

    for (i = 0; i < trust->oidc->nelts; i++) {

        rc = ngx_http_registry_lookup_issuer(lookup,
                              ngx_http_registry_str(known[i].name), &record,
                              &why);

        if (rc == NGX_AGAIN) {
            reg_record_free(*issuer);
            return NGX_AGAIN;
        }

        if (rc != NGX_OK) {

            /* whose token it is cannot be said before all are known */

            if (*reason == REG_REASON_TOKEN) {
                *reason = why;
            }

            continue;
        }

        if (!reg_str_eq(record->u.issuer.issuer, jwt->iss)) {
            reg_record_free(record);
            continue;
        }

        ngx_http_registry_oidc_expected(&expected, record);

        if (reg_jwt_verify_claims(jwt, &expected, (int64_t) ngx_time())
            == REG_JWT_OK)
        {
            reg_record_free(*issuer);

            *issuer = record;
            *oidc = &known[i];

            return NGX_OK;
        }

        if (*issuer) {
            reg_record_free(record);
            continue;
        }

        *issuer = record;
        *oidc = &known[i];
    }

    if (*issuer) {
        return NGX_OK;
    }

    if (*reason == REG_REASON_TOKEN) {
        ngx_http_registry_token_refused(REG_JWT_ISSUER,
                                        reg_jwt_rc_text(REG_JWT_ISSUER),
                                        reason, lookup->log);
    }

    return NGX_DECLINED;
}


static void
ngx_http_registry_oidc_expected(reg_jwt_expected_t *expected,
    const reg_record_t *issuer)
{
    expected->iss = issuer->u.issuer.issuer;
    expected->aud = issuer->u.issuer.audience;
    expected->typ = REG_STR_NULL;
    expected->leeway = REG_JWT_LEEWAY;
}


/* Claims first: for a token that is too old nobody is asked for keys. */

static ngx_int_t
ngx_http_registry_oidc_check(ngx_http_registry_lookup_t *lookup,
    const reg_jwt_t *jwt, ngx_http_registry_oidc_t *oidc,
    const reg_record_t *issuer, reg_reason_t *reason)
{
    reg_jwt_rc_t         rc;
    const reg_jwks_t    *jwks;
    reg_jwt_expected_t   expected;

    ngx_http_registry_oidc_expected(&expected, issuer);

    rc = reg_jwt_verify_claims(jwt, &expected, (int64_t) ngx_time());

    if (rc == REG_JWT_OK) {

        jwks = oidc->file ? oidc->file->jwks
                          : ngx_http_registry_remote_keys(oidc->remote);

        rc = jwks ? reg_jwt_verify_signature(jwt, jwks) : REG_JWT_UNKNOWN_KEY;

        if (rc == REG_JWT_UNKNOWN_KEY && oidc->remote) {

            if (ngx_http_registry_remote_want(oidc->remote, lookup->waiter)
                == NGX_AGAIN)
            {
                return NGX_AGAIN;
            }

            if (jwks == NULL) {
                ngx_log_error(NGX_LOG_ERR, lookup->log, 0,
                              "registry: there are no keys of the issuer "
                              "\"%V\"", &oidc->name);

                *reason = REG_REASON_STORE_UNAVAILABLE;
                return NGX_DECLINED;
            }
        }
    }

    if (rc != REG_JWT_OK) {
        ngx_http_registry_token_refused(rc, reg_jwt_rc_text(rc), reason,
                                        lookup->log);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_oidc_admit(ngx_http_registry_lookup_t *lookup,
    const reg_jwt_t *jwt, const reg_record_t *issuer, reg_token_t **token,
    reg_reason_t *reason)
{
    size_t      rule;
    u_char      digest[REG_ISSUER_DIGEST_LEN];
    reg_rc_t    rc;
    reg_str_t   name;

    name = issuer->u.issuer.name;
    rule = reg_issuer_match(&issuer->u.issuer, jwt->claims);

    if (rule == issuer->u.issuer.nrules) {
        ngx_log_error(NGX_LOG_WARN, lookup->log, 0,
                      "registry: a token is refused: no rule of \"%*s\" admits "
                      "\"%*s\"", name.len, name.data, jwt->sub.len,
                      jwt->sub.data);

        *reason = REG_REASON_NO_RULE;
        return NGX_DECLINED;
    }

    rc = reg_issuer_digest(digest, issuer);

    if (rc == REG_OK) {
        rc = reg_token_of_issuer(token, jwt, name, rule,
                                 (reg_str_t) { sizeof(digest), digest });
    }

    if (rc == REG_OK) {
        ngx_log_error(NGX_LOG_INFO, lookup->log, 0,
                      "registry: rule %*s/%uz admits \"%*s\"", name.len,
                      name.data, rule + 1, jwt->sub.len, jwt->sub.data);
        return NGX_OK;
    }

    ngx_http_registry_token_refused(rc == REG_INVALID ? REG_JWT_MALFORMED
                                                      : REG_JWT_FAILED,
                                    "its sub is missing or too long", reason,
                                    lookup->log);
    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_registry_oidc_record(ngx_http_registry_lookup_t *lookup,
    reg_token_t *token, reg_str_t subject, reg_identity_t **found,
    reg_reason_t *reason)
{
    u_char         digest[REG_ISSUER_DIGEST_LEN];
    ngx_int_t      rc;
    reg_record_t  *issuer;

    rc = ngx_http_registry_lookup_issuer(lookup, token->issuer, &issuer,
                                         reason);

    if (rc != NGX_OK) {
        return rc;
    }

    if (reg_issuer_digest(digest, issuer) != REG_OK) {
        *reason = REG_REASON_INTERNAL;
        rc = NGX_DECLINED;

    } else if (!reg_str_eq(token->record,
                           (reg_str_t) { sizeof(digest), digest })
               || token->rule >= issuer->u.issuer.nrules)
    {
        *reason = REG_REASON_TOKEN;
        rc = NGX_ABORT;

    } else {
        rc = ngx_http_registry_lookup_subject(lookup, issuer, token->rule,
                                              subject, found, reason);
    }

    reg_record_free(issuer);

    return rc;
}
