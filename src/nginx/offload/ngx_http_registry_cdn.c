/*
 * Copyright (C) ngx_http_registry_module authors
 */

/* The directive "registry_cdn": a block of url, sign, ttl and health. */

#include "ngx_http_registry_block.h"
#include "ngx_http_registry_offload.h"

#include "reg_name.h"
#include "reg_time.h"

#define NGX_HTTP_REGISTRY_CDN_TTL      1200          /* seconds */
#define NGX_HTTP_REGISTRY_CDN_TTL_MIN  60
#define NGX_HTTP_REGISTRY_CDN_TTL_MAX  518400        /* see REG_SIGN_TTL_MAX */


static char *ngx_http_registry_cdn_set_url(ngx_conf_t *cf, void *conf);
static ngx_str_t ngx_http_registry_cdn_prefix(ngx_str_t *url);
static char *ngx_http_registry_cdn_set_sign(ngx_conf_t *cf, void *conf);
static char *ngx_http_registry_cdn_sign_options(ngx_conf_t *cf,
    ngx_http_registry_sign_t *sign);
static char *ngx_http_registry_cdn_key_file(ngx_conf_t *cf,
    ngx_http_registry_sign_t *sign, ngx_str_t *path);
static char *ngx_http_registry_cdn_set_ttl(ngx_conf_t *cf, void *conf);
static char *ngx_http_registry_cdn_set_health(ngx_conf_t *cf, void *conf);
static char *ngx_http_registry_cdn_check(ngx_conf_t *cf,
    ngx_http_registry_cdn_t *cdn);
static void ngx_http_registry_cdn_free_signer(void *data);
static const char *ngx_http_registry_make_secret(u_char *value, size_t *len,
    ngx_str_t text);
static const char *ngx_http_registry_make_base64(u_char *value, size_t *len,
    ngx_str_t text);
static const char *ngx_http_registry_make_rsa(u_char *value, size_t *len,
    ngx_str_t text);
static const char *ngx_http_registry_make_s3(u_char *value, size_t *len,
    ngx_str_t text);
static const char *ngx_http_registry_make_gcs(u_char *value, size_t *len,
    ngx_str_t text);
static const char *ngx_http_registry_make_key(u_char *value, size_t *len,
    ngx_str_t text, const char *scheme);


static ngx_http_registry_block_line_t  ngx_http_registry_cdn_lines[] = {
    { ngx_string("url"), ngx_http_registry_cdn_set_url, 1, 1 },
    { ngx_string("sign"), ngx_http_registry_cdn_set_sign, 2, 16 },
    { ngx_string("ttl"), ngx_http_registry_cdn_set_ttl, 1, 1 },
    { ngx_string("health"), ngx_http_registry_cdn_set_health, 1, 1 },
    { ngx_null_string, NULL, 0, 0 }
};


/* What the key file of each scheme is: also that of others of the kind. */

static struct {
    const char                       *scheme;
    ngx_http_registry_secret_make_t   make;
} ngx_http_registry_cdn_keys[] = {
    { "hmac", ngx_http_registry_make_secret },
    { "secure_link", ngx_http_registry_make_secret },
    { "cloudflare", ngx_http_registry_make_secret },
    { "google_cdn", ngx_http_registry_make_base64 },
    { "azure", ngx_http_registry_make_base64 },
    { "cloudfront", ngx_http_registry_make_rsa },
    { "s3", ngx_http_registry_make_s3 },
    { "gcs", ngx_http_registry_make_gcs },
    { NULL, NULL }
};


char *
ngx_http_registry_cdn(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_registry_offload_main_conf_t *omcf = conf;

    char                           *rv;
    ngx_str_t                      *value;
    ngx_http_registry_cdn_t        *cdn, **slot;
    ngx_http_registry_block_t       block;
    ngx_http_registry_main_conf_t  *rmcf;

    value = cf->args->elts;

    if (reg_label_check(ngx_http_registry_str(value[1])) != REG_OK
        || ngx_strcmp(value[1].data, "origin") == 0
        || ngx_strcmp(value[1].data, "backend") == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"registry_cdn\", it must "
                           "match [a-z0-9][a-z0-9._-]{0,62} and not be "
                           "\"origin\" or \"backend\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_registry_cdn_find(omcf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the cdn \"%V\" is there twice", &value[1]);
        return NGX_CONF_ERROR;
    }

    cdn = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_cdn_t));
    slot = ngx_array_push(&omcf->cdns);

    if (cdn == NULL || slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = cdn;

    cdn->name = value[1];
    cdn->file = cf->conf_file->file.name.data;
    cdn->line = cf->conf_file->line;

    cdn->cache = ngx_http_registry_signed_create(cf);
    if (cdn->cache == NULL) {
        return NGX_CONF_ERROR;
    }

    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);
    rmcf->used = 1;     /* for its timer, which looks after the keys */

    block.kind = "cdn";
    block.names = "\"url\", \"sign\", \"ttl\" or \"health\"";
    block.lines = ngx_http_registry_cdn_lines;
    block.name = cdn->name;
    block.conf = cdn;

    rv = ngx_http_registry_block(cf, &block);

    return rv == NGX_CONF_OK ? ngx_http_registry_cdn_check(cf, cdn) : rv;
}


static char *
ngx_http_registry_cdn_set_url(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_cdn_t *cdn = conf;

    reg_url_t                          url;
    ngx_str_t                         *value;
    reg_error_t                        error;
    ngx_http_compile_complex_value_t   ccv;

    if (cdn->url) {
        return "is there twice";
    }

    value = cf->args->elts;

    cdn->prefix = ngx_http_registry_cdn_prefix(&value[1]);

    if ((cdn->prefix.len || value[1].len == 0)
        && reg_url_parse(&url, ngx_http_registry_str(cdn->prefix), &error)
           != REG_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid url \"%V\" of the cdn \"%V\": %s",
                           &value[1], &cdn->name, error.text);
        return NGX_CONF_ERROR;
    }

    cdn->url = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (cdn->url == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = cdn->url;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


/*
 * What can be judged now.  Where the first variable is a part of the host, that
 * is nothing but the scheme, and a letter stands in for it.
 */

static ngx_str_t
ngx_http_registry_cdn_prefix(ngx_str_t *url)
{
    u_char     *p;
    ngx_str_t   prefix;

    static ngx_str_t  http = ngx_string("http://x");
    static ngx_str_t  https = ngx_string("https://x");

    prefix = *url;

    p = ngx_strlchr(url->data, url->data + url->len, '$');

    if (p == NULL) {
        return prefix;
    }

    prefix.len = (size_t) (p - url->data);

    if (prefix.len >= 8 && ngx_strncasecmp(prefix.data, https.data, 8) == 0) {
        p = ngx_strlchr(prefix.data + 8, prefix.data + prefix.len, '/');
        return p ? prefix : https;
    }

    if (prefix.len >= 7 && ngx_strncasecmp(prefix.data, http.data, 7) == 0) {
        p = ngx_strlchr(prefix.data + 7, prefix.data + prefix.len, '/');
        return p ? prefix : http;
    }

    return prefix;
}


static char *
ngx_http_registry_cdn_set_sign(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_cdn_t *cdn = conf;

    ngx_str_t                 *value;
    reg_error_t                error;
    ngx_pool_cleanup_t        *cln;
    ngx_http_registry_sign_t  *sign, swap;

    if (cdn->nsigns == NGX_HTTP_REGISTRY_CDN_SIGNS) {
        return "is there more than twice";
    }

    value = cf->args->elts;
    sign = &cdn->signs[cdn->nsigns];

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    if (reg_signer_create(&sign->signer, ngx_http_registry_str(value[1]),
                          &error)
        != REG_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"sign\" of the cdn \"%V\": %s",
                           &cdn->name, error.text);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_registry_cdn_free_signer;
    cln->data = sign->signer;

    sign->hmac = (ngx_strcmp(value[1].data, "hmac") == 0);
    cdn->nsigns++;

    if (ngx_http_registry_cdn_sign_options(cf, sign) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (reg_signer_check(sign->signer, &error) != REG_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"sign\" of the cdn \"%V\": %s",
                           &cdn->name, error.text);
        return NGX_CONF_ERROR;
    }

    if (cdn->nsigns == 1) {
        return NGX_CONF_OK;
    }

    if (cdn->signs[0].hmac == cdn->signs[1].hmac) {
        return "is there twice, and not one of them is \"hmac\", or both are";
    }

    /* the one that the CDN takes off comes last */

    if (cdn->signs[1].hmac) {
        swap = cdn->signs[0];
        cdn->signs[0] = cdn->signs[1];
        cdn->signs[1] = swap;
    }

    if (!reg_signer_wraps(cdn->signs[1].signer)) {
        return "is there twice: what \"hmac\" signs stays whole only behind "
               "cloudfront, google_cdn and secure_link";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_cdn_sign_options(ngx_conf_t *cf,
    ngx_http_registry_sign_t *sign)
{
    ngx_str_t    *value, path;
    ngx_uint_t    i;
    reg_error_t   error;

    value = cf->args->elts;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "key_file=", 9) == 0) {

            path.data = value[i].data + 9;
            path.len = value[i].len - 9;

            if (ngx_http_registry_cdn_key_file(cf, sign, &path) != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (reg_signer_option(sign->signer, ngx_http_registry_str(value[i]),
                              &error)
            != REG_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"sign\": %s",
                               error.text);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_cdn_key_file(ngx_conf_t *cf, ngx_http_registry_sign_t *sign,
    ngx_str_t *path)
{
    ngx_str_t                      *value;
    ngx_uint_t                      i;
    ngx_http_registry_main_conf_t  *rmcf;

    if (sign->secret || path->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"sign\": \"key_file=\" is %s",
                           path->len ? "there twice" : "empty");
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    rmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_registry_module);

    for (i = 0; ngx_http_registry_cdn_keys[i].scheme; i++) {
        if (ngx_strcmp(value[1].data, ngx_http_registry_cdn_keys[i].scheme)
            == 0)
        {
            sign->secret = ngx_http_registry_secret_add_key(cf, &rmcf->secrets,
                                          path,
                                          ngx_http_registry_cdn_keys[i].make);
        }
    }

    /* what is wrong with the file has been logged */

    if (sign->secret == NULL
        || reg_signer_key(sign->signer,
                          ngx_http_registry_str(sign->secret->value), NULL)
           != REG_OK)
    {
        return NGX_CONF_ERROR;
    }

    sign->version = sign->secret->version;

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_cdn_set_ttl(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_cdn_t *cdn = conf;

    ngx_str_t  *value;

    if (cdn->ttl) {
        return "is there twice";
    }

    value = cf->args->elts;

    cdn->ttl = ngx_parse_time(&value[1], 1);

    if (cdn->ttl == (time_t) NGX_ERROR
        || cdn->ttl < NGX_HTTP_REGISTRY_CDN_TTL_MIN
        || cdn->ttl > NGX_HTTP_REGISTRY_CDN_TTL_MAX)
    {
        return "must be a time from 1m to 6d";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_cdn_set_health(ngx_conf_t *cf, void *conf)
{
    ngx_http_registry_cdn_t *cdn = conf;

    ngx_str_t  *value;

    if (cdn->health.len) {
        return "is there twice";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].data[0] != '/') {
        return "must be a path of this server, such as /cdn-health";
    }

    cdn->health = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_cdn_check(ngx_conf_t *cf, ngx_http_registry_cdn_t *cdn)
{
    if (cdn->url == NULL || cdn->nsigns == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the cdn \"%V\" needs \"%s\"", &cdn->name,
                           cdn->url ? "sign" : "url");
        return NGX_CONF_ERROR;
    }

    if (cdn->ttl == 0) {
        cdn->ttl = NGX_HTTP_REGISTRY_CDN_TTL;
    }

    return NGX_CONF_OK;
}


static void
ngx_http_registry_cdn_free_signer(void *data)
{
    reg_signer_free(data);
}


static const char *
ngx_http_registry_make_secret(u_char *value, size_t *len, ngx_str_t text)
{
    return ngx_http_registry_make_key(value, len, text, "hmac");
}


static const char *
ngx_http_registry_make_base64(u_char *value, size_t *len, ngx_str_t text)
{
    return ngx_http_registry_make_key(value, len, text, "azure");
}


static const char *
ngx_http_registry_make_rsa(u_char *value, size_t *len, ngx_str_t text)
{
    return ngx_http_registry_make_key(value, len, text, "cloudfront");
}


static const char *
ngx_http_registry_make_s3(u_char *value, size_t *len, ngx_str_t text)
{
    return ngx_http_registry_make_key(value, len, text, "s3");
}


static const char *
ngx_http_registry_make_gcs(u_char *value, size_t *len, ngx_str_t text)
{
    return ngx_http_registry_make_key(value, len, text, "gcs");
}


/* The text is kept as it is; the signer parses it again when it changes. */

static const char *
ngx_http_registry_make_key(u_char *value, size_t *len, ngx_str_t text,
    const char *scheme)
{
    reg_rc_t       rc;
    reg_error_t    error;
    reg_signer_t  *signer;

    if (reg_signer_create(&signer, reg_str(scheme), NULL) != REG_OK) {
        return "memory ran out";
    }

    rc = reg_signer_key(signer, ngx_http_registry_str(text), &error);
    reg_signer_free(signer);

    if (rc != REG_OK) {

        /* there is room for a sentence, and it lives until it is logged */

        ngx_cpystrn(value, (u_char *) error.text, REG_ERROR_MAX);
        return (const char *) value;
    }

    ngx_memcpy(value, text.data, text.len);
    *len = text.len;

    return NULL;
}
