/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_IDENTITY_H
#define REG_IDENTITY_H

/*
 * Who a request is: everything a decision needs, compiled once from the
 * records and kept in the cache of a worker.  It owns all it holds.
 */

#include "reg_core.h"
#include "reg_record.h"
#include "reg_scope.h"

typedef struct {
    reg_str_t         key_id;       /* or a subject, "github:repo:acme/app";
                                       empty: anonymous */
    reg_str_t         rule;         /* that admitted it; empty: a key */
    reg_str_t         tenant;       /* may be empty when anonymous */
    reg_str_t         name;         /* of the key, for people */
    reg_str_t         rotated_to;

    int64_t           not_before;   /* REG_TIME_NONE where absent */
    int64_t           expires_at;
    int64_t           revoked_at;
    int64_t           tokens_not_before;

    unsigned          newer:1;      /* a record is of a later version */
    unsigned          no_tenant:1;  /* the key's tenant has no record */
    unsigned          suspended:1;

    size_t            nallow_from;
    reg_cidr_t       *allow_from;

    size_t            nscopes;
    reg_scope_t     **scopes;       /* of the key, then of its roles */

    size_t            nlabels;
    reg_label_t      *labels;       /* of the tenant */

    reg_overrides_t   limits;       /* of the key, then of its tenant */

    uint64_t          bandwidth;    /* of the tenant, as in its record */
    uint32_t          downloads;
} reg_identity_t;


/*
 * Finds a role by name for reg_identity_create(); NULL if there is none, which
 * grants nothing.  The record is borrowed until reg_identity_create() ends.
 * Built-in roles are found before find is asked.
 */

typedef const reg_record_t *(*reg_role_find_t)(void *data, reg_str_t name);


/*
 * Compiles an identity from the record of a key and that of its tenant (NULL:
 * no such record).  The records are borrowed.  {tenant} in scopes becomes the
 * key's tenant.  Of a key whose record is newer all members stay empty; a newer
 * tenant or role marks the identity newer too.
 *
 * REG_OK        *identity is set, the caller frees it
 * REG_INVALID   a scope does not parse; *error names it
 * REG_NOMEM     nothing was allocated that the caller has to free
 */

reg_rc_t reg_identity_create(reg_identity_t **identity,
    const reg_record_t *key, const reg_record_t *tenant,
    reg_role_find_t find, void *data, reg_error_t *error);


/*
 * The same for somebody without credentials, who has the scopes that the
 * configuration gives and may be booked to a tenant (empty: to none, and a
 * scope that holds {tenant} grants nothing).
 */

reg_rc_t reg_identity_create_anonymous(reg_identity_t **identity,
    const reg_str_t *scopes, size_t nscopes, reg_str_t tenant,
    reg_error_t *error);

void reg_identity_free(reg_identity_t *identity);


/*
 * What the records say of a limit: the key's before the tenant's.  NULL if they
 * say nothing, and of somebody anonymous.
 */

const reg_limit_value_t *reg_identity_limit(const reg_identity_t *identity,
    reg_str_t name);

#endif /* REG_IDENTITY_H */
