/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * What a client asks for at the token endpoint.  Which service it thinks that
 * it talks to does not matter: a token is for this server, whatever it says.
 */

#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>

#include "reg_form.h"

#include "ngx_http_registry_token_request.h"


/* Where the values of a form go; those of parameters that come once. */

typedef struct {
    reg_str_t   grant_type;
    reg_str_t   username;
    reg_str_t   password;
    reg_str_t   refresh_token;
    reg_str_t   access_type;
    reg_str_t   offline_token;
} ngx_http_registry_token_form_t;

typedef struct {
    ngx_str_t   name;
    size_t      offset;
    unsigned    post;               /* not in a query: it would be logged */
} ngx_http_registry_token_parameter_t;


static ngx_int_t ngx_http_registry_token_parse(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, reg_str_t text,
    ngx_http_registry_token_form_t *form);
static ngx_int_t ngx_http_registry_token_set(
    ngx_http_registry_token_form_t *form, unsigned post, reg_str_t name,
    reg_str_t value);
static ngx_int_t ngx_http_registry_token_grant(
    ngx_http_registry_token_request_t *t,
    ngx_http_registry_token_form_t *form);


static ngx_http_registry_token_parameter_t
    ngx_http_registry_token_parameters[] =
{
    { ngx_string("grant_type"),
      offsetof(ngx_http_registry_token_form_t, grant_type), 1 },

    { ngx_string("username"),
      offsetof(ngx_http_registry_token_form_t, username), 1 },

    { ngx_string("password"),
      offsetof(ngx_http_registry_token_form_t, password), 1 },

    { ngx_string("refresh_token"),
      offsetof(ngx_http_registry_token_form_t, refresh_token), 1 },

    { ngx_string("access_type"),
      offsetof(ngx_http_registry_token_form_t, access_type), 1 },

    { ngx_string("offline_token"),
      offsetof(ngx_http_registry_token_form_t, offline_token), 0 },

    { ngx_null_string, 0, 0 }
};


ngx_int_t
ngx_http_registry_token_check_form(ngx_http_request_t *r,
    reg_reason_t *reason)
{
    ngx_str_t                 *type;
    ngx_http_core_loc_conf_t  *clcf;

    if (r->headers_in.content_type == NULL) {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }

    type = &r->headers_in.content_type->value;

    if (type->len < sizeof("application/x-www-form-urlencoded") - 1
        || ngx_strncasecmp(type->data,
                           (u_char *) "application/x-www-form-urlencoded",
                           sizeof("application/x-www-form-urlencoded") - 1)
           != 0)
    {
        return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }

    /* how much it is must be known before it is read */

    if (r->headers_in.content_length_n < 0) {
        return NGX_HTTP_LENGTH_REQUIRED;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    /* what does not fit in memory nginx writes to a file */

    if (r->headers_in.content_length_n > 2 * REG_FORM_MAX
        || r->headers_in.content_length_n
           > (off_t) clcf->client_body_buffer_size)
    {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_registry_token_query(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t)
{
    ngx_int_t                       rc;
    reg_str_t                       text;
    ngx_http_registry_token_form_t  form;

    if (r->args.len > REG_FORM_MAX) {
        return NGX_HTTP_REQUEST_URI_TOO_LARGE;
    }

    text.len = r->args.len;
    text.data = ngx_pnalloc(r->pool, r->args.len + 1);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (text.len) {
        ngx_memcpy(text.data, r->args.data, text.len);
    }

    ngx_memzero(&form, sizeof(ngx_http_registry_token_form_t));

    rc = ngx_http_registry_token_parse(r, t, text, &form);

    t->offline = reg_str_eq(form.offline_token, REG_STR("true"));

    return rc;
}


ngx_int_t
ngx_http_registry_token_form(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t)
{
    u_char                          *p;
    ngx_int_t                        rc;
    reg_str_t                        text;
    ngx_chain_t                     *cl;
    ngx_http_registry_token_form_t   form;

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (r->request_body->temp_file) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "registry: a form went to a file, see "
                      "client_body_buffer_size");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        text.len += (size_t) (cl->buf->last - cl->buf->pos);
    }

    text.data = ngx_pnalloc(r->pool, text.len + 1);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = text.data;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos,
                       (size_t) (cl->buf->last - cl->buf->pos));
        OPENSSL_cleanse(cl->buf->pos,
                        (size_t) (cl->buf->last - cl->buf->pos));
    }

    t->secrets = text.data;
    t->secrets_len = text.len;

    ngx_memzero(&form, sizeof(ngx_http_registry_token_form_t));

    rc = ngx_http_registry_token_parse(r, t, text, &form);

    return rc == NGX_OK ? ngx_http_registry_token_grant(t, &form) : rc;
}


void
ngx_http_registry_token_cleanup(void *data)
{
    ngx_http_registry_token_request_t *t = data;

    if (t->secrets) {
        OPENSSL_cleanse(t->secrets, t->secrets_len);
    }
}


static ngx_int_t
ngx_http_registry_token_parse(ngx_http_request_t *r,
    ngx_http_registry_token_request_t *t, reg_str_t text,
    ngx_http_registry_token_form_t *form)
{
    reg_rc_t    rc;
    reg_str_t   name, value;

    for ( ;; ) {
        rc = reg_form_next(&text, &name, &value);

        if (rc == REG_NOTFOUND) {
            return NGX_OK;
        }

        if (rc == REG_OK && reg_str_eq(name, REG_STR("scope"))) {
            rc = reg_grants_parse(&t->grants, value);

        } else if (rc == REG_OK
                   && ngx_http_registry_token_set(form, t->post, name, value)
                      != NGX_OK)
        {
            rc = REG_INVALID;
        }

        if (rc != REG_OK) {
            ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                          "registry: a token request is malformed, or asks "
                          "for too much");
            return NGX_HTTP_BAD_REQUEST;
        }
    }
}


/* What is not known is passed over: account, client_id, service and others. */

static ngx_int_t
ngx_http_registry_token_set(ngx_http_registry_token_form_t *form,
    unsigned post, reg_str_t name, reg_str_t value)
{
    reg_str_t                            *field;
    ngx_http_registry_token_parameter_t  *p;

    for (p = ngx_http_registry_token_parameters; p->name.len; p++) {

        if (!reg_str_eq(name, ngx_http_registry_str(p->name))) {
            continue;
        }

        field = (reg_str_t *) ((u_char *) form + p->offset);

        if (field->data || (p->post && !post)) {
            return NGX_ERROR;
        }

        /* an empty one was there, too */

        *field = value.data ? value : name;
        field->len = value.len;

        return NGX_OK;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_registry_token_grant(ngx_http_registry_token_request_t *t,
    ngx_http_registry_token_form_t *form)
{
    if (reg_str_eq(form->grant_type, REG_STR("password"))
        && form->password.data && form->refresh_token.data == NULL)
    {
        t->password = form->password;

    } else if (reg_str_eq(form->grant_type, REG_STR("refresh_token"))
               && form->refresh_token.len && form->password.data == NULL)
    {
        t->refresh = form->refresh_token;

    } else {
        return NGX_HTTP_BAD_REQUEST;
    }

    t->offline = reg_str_eq(form->access_type, REG_STR("offline"));

    return NGX_OK;
}
