/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_record.h"

#define REG_ROLE_TEXT(literal)                                                \
    { sizeof(literal) - 1, (unsigned char *) (literal) }

/* The casts drop const only to fit reg_list_t; nobody writes through it. */

#define REG_ROLE(name, scopes)                                                \
    { REG_ROLE_TEXT(name),                                                    \
      { sizeof(scopes) / sizeof((scopes)[0]), (reg_str_t *) (scopes) } }


/* "{tenant}/" and "**" do not match a repository called like the tenant. */

static const reg_str_t  reg_role_puller_scopes[] = {
    REG_ROLE_TEXT("repository:{tenant}:pull"),
    REG_ROLE_TEXT("repository:{tenant}/**:pull")
};

static const reg_str_t  reg_role_pusher_scopes[] = {
    REG_ROLE_TEXT("repository:{tenant}:pull,push"),
    REG_ROLE_TEXT("repository:{tenant}/**:pull,push")
};

static const reg_str_t  reg_role_admin_scopes[] = {
    REG_ROLE_TEXT("repository:**:*"),
    REG_ROLE_TEXT("registry:catalog:*")
};

static const reg_role_record_t  reg_roles[] = {
    REG_ROLE("image-puller", reg_role_puller_scopes),
    REG_ROLE("image-pusher", reg_role_pusher_scopes),
    REG_ROLE("registry-admin", reg_role_admin_scopes)
};


const reg_role_record_t *
reg_role_builtin(reg_str_t name)
{
    size_t  i;

    for (i = 0; i < sizeof(reg_roles) / sizeof(reg_roles[0]); i++) {

        if (reg_str_eq(name, reg_roles[i].name)) {
            return &reg_roles[i];
        }
    }

    return NULL;
}
