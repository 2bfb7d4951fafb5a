/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * "return" and "rewrite" run before the access phase.  A return that answers
 * with content or a redirect answers whoever asks, and a rewrite makes the
 * backend's path another than the one that was authorised.  Both can be
 * meant, so "nginx -t" warns.
 *
 * The rewrite module keeps its configuration to itself, but that begins with an
 * array of the code it has compiled, and a code begins with the address of a
 * function that nginx exports.
 */

#include "ngx_http_registry.h"


static ngx_module_t *ngx_http_registry_rewrite_module(ngx_conf_t *cf);
static void ngx_http_registry_check_code(ngx_conf_t *cf, uintptr_t *code,
    ngx_str_t *name, ngx_uint_t limit);


void
ngx_http_registry_check_bypass(ngx_conf_t *cf, ngx_http_conf_ctx_t *ctx,
    ngx_uint_t limit)
{
    u_char                    *p, *last;
    ngx_str_t                  name;
    ngx_array_t              **codes;
    ngx_module_t              *module;
    ngx_http_core_loc_conf_t  *clcf;

    module = ngx_http_registry_rewrite_module(cf);

    if (module == NULL) {
        return;
    }

    codes = ctx->loc_conf[module->ctx_index];

    if (*codes == NULL || *codes == NGX_CONF_UNSET_PTR) {
        return;
    }

    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];
    name = clcf->name;

    if (name.len == 0) {
        ngx_str_set(&name, "server");
    }

    p = (*codes)->elts;
    last = p + (*codes)->nelts;

    for ( /* void */ ;
         p + sizeof(ngx_http_script_return_code_t) <= last;
         p += sizeof(uintptr_t))
    {
        ngx_http_registry_check_code(cf, (uintptr_t *) p, &name, limit);
    }
}


static ngx_module_t *
ngx_http_registry_rewrite_module(ngx_conf_t *cf)
{
    ngx_uint_t  i;

    for (i = 0; cf->cycle->modules[i]; i++) {
        if (ngx_strcmp(cf->cycle->modules[i]->name, "ngx_http_rewrite_module")
            == 0)
        {
            return cf->cycle->modules[i];
        }
    }

    return NULL;
}


static void
ngx_http_registry_check_code(ngx_conf_t *cf, uintptr_t *code, ngx_str_t *name,
    ngx_uint_t limit)
{
    ngx_http_script_return_code_t  *ret;
#if (NGX_PCRE)
    ngx_http_script_regex_code_t   *regex;
#endif

    if (*code == (uintptr_t) ngx_http_script_return_code) {

        ret = (ngx_http_script_return_code_t *) code;

        if (ret->status < limit) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"return\" in \"%V\" answers before the "
                               "registry asks for a key; say \"registry off\" "
                               "there if it is meant for everybody", name);
        }
    }

#if (NGX_PCRE)

    if (*code == (uintptr_t) ngx_http_script_regex_start_code) {

        regex = (ngx_http_script_regex_code_t *) code;

        if (regex->uri && !regex->test) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"rewrite\" in \"%V\" sends the backend "
                               "another path than the one that the registry "
                               "authorises", name);
        }
    }

#endif
}
