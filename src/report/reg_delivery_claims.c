/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_delivery.h"


static int reg_delivery_arg(reg_str_t *value, reg_str_t query,
    const char *name, unsigned char **buf);
static reg_rc_t reg_delivery_verify(const reg_delivery_t *delivery,
    const reg_signer_t *signer, reg_str_t *tenant, reg_str_t *repository,
    unsigned char *buf);
static reg_rc_t reg_delivery_valid(reg_str_t *tenant,
    const reg_str_t *repository);


reg_rc_t
reg_delivery_claims(const reg_delivery_t *delivery, const reg_signer_t *signer,
    reg_str_t *tenant, reg_str_t *repository, unsigned char *buf)
{
    unsigned char  *p;

    if (delivery->path.data == NULL) {
        *tenant = delivery->tenant;
        *repository = delivery->repository;

        return reg_delivery_valid(tenant, repository);
    }

    p = buf;

    if (reg_delivery_arg(tenant, delivery->query, "reg_signature=", &p)) {
        return signer ? reg_delivery_verify(delivery, signer, tenant,
                                            repository, buf)
                      : REG_INVALID;
    }

    p = buf;

    if (!reg_delivery_arg(tenant, delivery->query, "x-tenant=", &p)
        || !reg_delivery_arg(repository, delivery->query, "x-repository=",
                             &p))
    {
        return REG_NOTFOUND;
    }

    /* who signs himself has not signed these, and the CDN verifies nothing */

    return signer ? REG_INVALID : reg_delivery_valid(tenant, repository);
}


/*
 * CloudFront writes '%' as "%25".  That a signature has expired since does not
 * matter: it was good when the answer was 2xx.
 */

static reg_rc_t
reg_delivery_verify(const reg_delivery_t *delivery, const reg_signer_t *signer,
    reg_str_t *tenant, reg_str_t *repository, unsigned char *buf)
{
    size_t         len;
    reg_rc_t       rc;
    reg_str_t      path, query, plain;
    reg_claims_t   claims;
    unsigned char  decoded[REG_SIGNED_URL_MAX];

    path = delivery->path;
    query = delivery->query;

    rc = reg_signer_verify(signer, delivery->host, path, query, 0, &claims,
                           &plain, buf);

    if (rc == REG_INVALID && path.len + query.len <= sizeof(decoded)
        && reg_url_unescape(decoded, &len, path) == REG_OK)
    {
        path = (reg_str_t) { len, decoded };

        if (reg_url_unescape(decoded + len, &query.len, query) == REG_OK) {
            query.data = decoded + len;
            rc = reg_signer_verify(signer, delivery->host, path, query, 0,
                                   &claims, &plain, buf);
        }
    }

    if (rc != REG_OK) {
        return REG_INVALID;
    }

    *tenant = claims.tenant;
    *repository = claims.repository;

    return reg_delivery_valid(tenant, repository);
}


/* Unescaped once or, where the log has escaped it again, twice. */

static int
reg_delivery_arg(reg_str_t *value, reg_str_t query, const char *name,
    unsigned char **buf)
{
    int             twice;
    reg_str_t       arg;
    unsigned char  *end;

    while (query.len) {
        end = memchr(query.data, '&', query.len);

        arg.data = query.data;
        arg.len = end ? (size_t) (end - query.data) : query.len;

        query.data += arg.len + (end != NULL);
        query.len -= arg.len + (end != NULL);

        if (!reg_str_starts(arg, reg_str(name))) {
            continue;
        }

        arg.data += strlen(name);
        arg.len -= strlen(name);

        for (twice = 0; twice < 2; twice++) {

            if (reg_url_unescape(*buf, &value->len, arg) != REG_OK) {
                return 0;
            }

            value->data = *buf;
            arg = *value;
        }

        *buf += value->len;

        return 1;
    }

    return 0;
}


/* Who has signed for nobody has done so for the anonymous. */

static reg_rc_t
reg_delivery_valid(reg_str_t *tenant, const reg_str_t *repository)
{
    if (repository->len == 0) {
        return REG_NOTFOUND;
    }

    if (tenant->len == 0) {
        *tenant = REG_LEDGER_ANONYMOUS;
    }

    return reg_ledger_part_valid(*tenant, REG_LEDGER_TENANT_MAX)
           && reg_ledger_part_valid(*repository, REG_LEDGER_REPOSITORY_MAX)
           ? REG_OK : REG_NOTFOUND;
}
