/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <grp.h>

#include "ngx_http_registry_secret.h"

#define NGX_HTTP_REGISTRY_GROUPS_MAX  256


static ngx_uint_t ngx_http_registry_in_group(ngx_core_conf_t *ccf, gid_t gid);


/*
 * Looks at the mode of the file alone: a directory or an access list on the
 * way can say otherwise, so this is a warning.
 */

void
ngx_http_registry_check_readable(ngx_cycle_t *cycle, ngx_str_t *path)
{
    mode_t            bit;
    struct stat       st;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() != 0 || ccf->user == 0 || ccf->username == NULL
        || stat((char *) path->data, &st) == -1)
    {
        return;
    }

    if (st.st_uid == ccf->user) {
        bit = S_IRUSR;

    } else if (ngx_http_registry_in_group(ccf, st.st_gid)) {
        bit = S_IRGRP;

    } else {
        bit = S_IROTH;
    }

    if (st.st_mode & bit) {
        return;
    }

    /* the log of the start, which is seen, too, where error_log hides it */

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "registry: the workers run as \"%s\" and cannot read "
                  "\"%V\" again when it changes; give that user's group the "
                  "right to read it", ccf->username, path);
}


static ngx_uint_t
ngx_http_registry_in_group(ngx_core_conf_t *ccf, gid_t gid)
{
    int    i, n;
    gid_t  groups[NGX_HTTP_REGISTRY_GROUPS_MAX];

    n = NGX_HTTP_REGISTRY_GROUPS_MAX;

    if (getgrouplist(ccf->username, ccf->group, groups, &n) == -1) {

        /* in more groups than we look at: better no warning than a wrong one */

        return 1;
    }

    for (i = 0; i < n; i++) {
        if (groups[i] == gid) {
            return 1;
        }
    }

    return 0;
}
