/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_RECORD_H
#define REG_RECORD_H

/*
 * Records: what the store knows of keys, tenants, roles, repositories, budgets
 * and issuers.  The structures are shared by the module and the tool; src/store
 * reads them from JSON.
 *
 * A record of a later version than REG_RECORD_VERSION may carry a restriction
 * that this code does not know, so it is never half understood: `newer` is set,
 * the other members are empty, and whoever it stands for is denied.
 */

#include "reg_core.h"
#include "reg_address.h"
#include "reg_rate.h"
#include "reg_time.h"

#define REG_RECORD_VERSION   1

#define REG_RECORD_MAX       65536  /* bytes of one record's JSON */
#define REG_RECORD_LIST_MAX  256    /* roles, scopes or networks of a record */
#define REG_NAME_MAX         63     /* tenant, role, limit: reg_label_check */
#define REG_TEXT_MAX         255    /* bytes of name, reason and label values */
#define REG_DOWNLOADS_MAX    10000  /* at once, of a tenant */
#define REG_ALERTS_MAX       16     /* of a budget */
#define REG_ALERT_MAX        1000   /* percent */
#define REG_RULES_MAX        64     /* of an issuer */
#define REG_CLAIMS_MAX       32     /* of a rule */

typedef enum {
    REG_RECORD_KEY = 0,
    REG_RECORD_TENANT,
    REG_RECORD_ROLE,
    REG_RECORD_REPOSITORY,
    REG_RECORD_BUDGET,
    REG_RECORD_ISSUER,
    REG_RECORD_TYPES                /* how many types there are */
} reg_record_type_t;

typedef struct {
    size_t      n;
    reg_str_t  *items;
} reg_list_t;

/* What a record says of a limit, in place of what the configuration says. */

typedef struct {
    reg_str_t          name;        /* of the limit */
    reg_limit_value_t  value;
} reg_override_t;

typedef struct {
    size_t           n;
    reg_override_t  *items;
} reg_overrides_t;

typedef struct {
    reg_str_t         id;
    reg_str_t         tenant;
    reg_str_t         name;         /* for people; may be empty */
    reg_str_t         hash;
    reg_list_t        roles;
    reg_list_t        scopes;       /* texts that reg_scope_parse() accepts */
    size_t            nallow_from;  /* 0: from anywhere */
    reg_cidr_t       *allow_from;
    int64_t           not_before;   /* REG_TIME_NONE where absent, as below */
    int64_t           expires_at;
    int64_t           revoked_at;
    int64_t           created_at;
    int64_t           tokens_not_before;    /* older ones are good no more */
    reg_str_t         reason;       /* of the revocation; may be empty */
    reg_str_t         rotated_to;   /* id of the next key; may be empty */
    reg_overrides_t   limits;       /* before those of the tenant */
    reg_str_t         rule;         /* never stored: see reg_issuer_key() */
} reg_key_record_t;

typedef struct {
    reg_str_t   name;
    reg_str_t   value;
} reg_label_t;

typedef struct {
    reg_str_t         name;
    unsigned          suspended:1;
    size_t            nlabels;
    reg_label_t      *labels;
    reg_overrides_t   limits;
    uint64_t          bandwidth;    /* bytes a second, of a download; 0: any */
    uint32_t          downloads;    /* blobs at once; 0: any number */
} reg_tenant_record_t;

typedef struct {
    reg_str_t   name;
    reg_list_t  scopes;
} reg_role_record_t;

/* Who pays for what a pattern matches, when the owner pays. */

typedef struct {
    reg_str_t     pattern;          /* reg_pattern.h, without {tenant} */
    reg_str_t     owner;            /* a tenant */
    size_t        nlabels;
    reg_label_t  *labels;
} reg_repository_record_t;

/* What a tenant, or all with a label, may use until somebody is told. */

typedef struct {
    reg_str_t    name;              /* reg_budget.h */
    reg_quota_t  amount;
    size_t       nalerts;
    uint32_t     alerts[REG_ALERTS_MAX];    /* percent, ascending */
} reg_budget_record_t;

/* What a rule asks of a claim: see reg_issuer.h. */

typedef struct {
    reg_str_t   name;
    void       *value;              /* json_t: a pattern, integer or boolean */
} reg_claim_t;

/* Whoever has all the claims is of that tenant and has the rest. */

typedef struct {
    size_t        nclaims;          /* one at least */
    reg_claim_t  *claims;
    reg_str_t     tenant;
    reg_list_t    roles;
    reg_list_t    scopes;
} reg_rule_t;

/* Somebody else whose tokens are good here. */

typedef struct {
    reg_str_t    name;
    reg_str_t    issuer;            /* the iss of its tokens, */
    reg_str_t    audience;          /* and what has to be their aud */
    size_t       nrules;
    reg_rule_t  *rules;             /* the first that matches counts */
} reg_issuer_record_t;

typedef struct {
    reg_record_type_t  type;
    unsigned           newer:1;     /* of a later version; u is empty */
    void              *json;        /* what the slices point into */

    union {
        reg_key_record_t         key;
        reg_tenant_record_t      tenant;
        reg_role_record_t        role;
        reg_repository_record_t  repository;
        reg_budget_record_t      budget;
        reg_issuer_record_t      issuer;
    } u;
} reg_record_t;


/*
 * The scopes of a built-in role, or NULL: image-puller, image-pusher and
 * registry-admin, which a store may not redefine.
 */

const reg_role_record_t *reg_role_builtin(reg_str_t name);

#endif /* REG_RECORD_H */
