/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "ngx_http_registry_limit.h"
#include "ngx_http_registry_shm.h"
#include "ngx_http_registry_throttle.h"

/* 16 bytes for each address and each credential that was wrong of late. */

#define NGX_HTTP_REGISTRY_THROTTLE_SIZE   (2 * 1024 * 1024)

/*
 * How many may be wrong at once: containerd tries six times in an instant, and
 * people try a few keys one after the other.
 */

#define NGX_HTTP_REGISTRY_THROTTLE_BURST  "20"

/* Who was let in is not refused for so long: nanoseconds. */

#define NGX_HTTP_REGISTRY_THROTTLE_TRUST  ((int64_t) 3600 * 1000000000)

/* What a mark is about, its rate, and the address or the hash. */

#define NGX_HTTP_REGISTRY_THROTTLE_KEY                                        \
    (1 + 3 * sizeof(uint32_t) + NGX_HTTP_REGISTRY_NETWORK_LEN)

#define NGX_HTTP_REGISTRY_THROTTLE_TEXT   64


typedef struct {
    uint64_t  address;
    uint64_t  credentials;
    uint64_t  trusted;
} ngx_http_registry_throttle_keys_t;

typedef struct {
    ngx_http_registry_throttle_t  *throttle;
    int64_t                        now;
} ngx_http_registry_throttle_take_t;


static char *ngx_http_registry_throttle_parameters(ngx_conf_t *cf,
    ngx_http_registry_throttle_t *throttle);
static ngx_int_t ngx_http_registry_throttle_init_zone(
    ngx_shm_zone_t *shm_zone, void *data);
static void ngx_http_registry_throttle_keys(ngx_http_request_t *r,
    ngx_http_registry_throttle_t *throttle, ngx_str_t *credentials,
    ngx_http_registry_throttle_keys_t *keys);
static uint64_t ngx_http_registry_throttle_key(
    ngx_http_registry_throttle_t *throttle, u_char what, const void *data,
    size_t len);
static int64_t ngx_http_registry_throttle_wait(
    ngx_http_registry_throttle_t *throttle, uint64_t key, int64_t now);
static int64_t ngx_http_registry_throttle_take(void *data, int64_t mark);
static int64_t ngx_http_registry_throttle_trust(void *data, int64_t mark);


int64_t
ngx_http_registry_throttle_seconds(ngx_http_request_t *r,
    ngx_http_registry_throttle_t *throttle, ngx_str_t *credentials)
{
    int64_t                            now, wait;
    reg_marks_t                       *marks;
    ngx_http_registry_throttle_keys_t  keys;

    marks = throttle->shm_zone->data;
    now = ngx_http_registry_limit_now();

    ngx_http_registry_throttle_keys(r, throttle, credentials, &keys);

    wait = ngx_max(ngx_http_registry_throttle_wait(throttle, keys.address,
                                                   now),
                   ngx_http_registry_throttle_wait(throttle, keys.credentials,
                                                   now));

    if (wait == 0 || reg_marks_get(marks, keys.trusted) > now) {
        return 0;
    }

    return reg_gcra_seconds(wait);
}


void
ngx_http_registry_throttle_tried(ngx_http_request_t *r,
    ngx_http_registry_throttle_t *throttle, ngx_str_t *credentials,
    reg_reason_t reason)
{
    int64_t                            until;
    reg_marks_t                       *marks;
    ngx_http_registry_throttle_keys_t  keys;
    ngx_http_registry_throttle_take_t  take;

    if (reason != REG_REASON_GRANTED && !reg_reason_is_failed_login(reason)) {
        return;
    }

    marks = throttle->shm_zone->data;

    take.throttle = throttle;
    take.now = ngx_http_registry_limit_now();

    ngx_http_registry_throttle_keys(r, throttle, credentials, &keys);

    /* where there is no place for a mark nobody is refused */

    if (reason == REG_REASON_GRANTED) {
        until = take.now + NGX_HTTP_REGISTRY_THROTTLE_TRUST;

        (void) reg_marks_change(marks, keys.trusted, take.now,
                                ngx_http_registry_throttle_trust, &until);
        return;
    }

    (void) reg_marks_change(marks, keys.address, take.now,
                            ngx_http_registry_throttle_take, &take);
    (void) reg_marks_change(marks, keys.credentials, take.now,
                            ngx_http_registry_throttle_take, &take);
}


ngx_int_t
ngx_http_registry_throttle_error(ngx_http_request_t *r,
    ngx_http_registry_ctx_t *ctx, ngx_http_registry_throttle_t *throttle)
{
    u_char     *p;
    int64_t     seconds;
    ngx_str_t   retry;

    /* a second may have begun since it was refused */

    seconds = ngx_http_registry_throttle_seconds(r, throttle,
                                                 &ctx->authorization->value);
    seconds = ngx_max(seconds, 1);

    p = ngx_pnalloc(r->pool, 2 * NGX_HTTP_REGISTRY_THROTTLE_TEXT
                             + NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->message = (char *) p;

    p = ngx_sprintf(p, "too many failed logins, try again in %L second%s%Z",
                    seconds, seconds == 1 ? "" : "s");

    ctx->detail.data = p;
    p = ngx_sprintf(p, "{\"retry_after\":%L}", seconds);
    ctx->detail.len = (size_t) (p - ctx->detail.data);

    retry.data = p;
    retry.len = (size_t) (ngx_sprintf(p, "%L", seconds) - p);

    return ngx_http_registry_add_header(r, NGX_HTTP_REGISTRY_STR("Retry-After"),
                                        retry)
           ? NGX_OK : NGX_ERROR;
}


char *
ngx_http_registry_auth_throttle(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value, name;
    ngx_http_registry_throttle_t   *throttle;
    ngx_http_registry_throttle_t  **slot;

    slot = (ngx_http_registry_throttle_t **) ((char *) conf + cmd->offset);

    if (*slot != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        *slot = NULL;
        return NGX_CONF_OK;
    }

    throttle = ngx_pcalloc(cf->pool, sizeof(ngx_http_registry_throttle_t));
    if (throttle == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_registry_throttle_parameters(cf, throttle) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    reg_gcra_init(&throttle->gcra, &throttle->rate);

    ngx_str_set(&name, "registry_auth_throttle");

    throttle->shm_zone = ngx_shared_memory_add(cf, &name,
                                               NGX_HTTP_REGISTRY_THROTTLE_SIZE,
                                               &ngx_http_registry_auth_module);
    if (throttle->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    throttle->shm_zone->init = ngx_http_registry_throttle_init_zone;

    *slot = throttle;

    return NGX_CONF_OK;
}


static char *
ngx_http_registry_throttle_parameters(ngx_conf_t *cf,
    ngx_http_registry_throttle_t *throttle)
{
    reg_rc_t      rc;
    ngx_str_t    *value;
    reg_error_t   error;

    value = cf->args->elts;

    if (ngx_strncmp(value[1].data, "rate=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"registry_auth_throttle\","
                           " it must be \"off\", or \"rate=\" and perhaps "
                           "\"burst=\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    rc = reg_rate_parse(&throttle->rate,
                        (reg_str_t) { value[1].len - 5, value[1].data + 5 },
                        &error);

    if (rc == REG_OK && cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "burst=", 6) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"registry_auth_throttle\", it must be "
                               "\"burst=\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        rc = reg_rate_burst(&throttle->rate,
                            (reg_str_t) { value[2].len - 6, value[2].data + 6 },
                            &error);

    } else if (rc == REG_OK) {
        rc = reg_rate_burst(&throttle->rate,
                            REG_STR(NGX_HTTP_REGISTRY_THROTTLE_BURST), &error);
    }

    if (rc != REG_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"registry_auth_throttle\": %s",
                           error.text);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_registry_throttle_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    shm_zone->data = ngx_http_registry_shm_marks(shm_zone, 0);

    return shm_zone->data ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_registry_throttle_keys(ngx_http_request_t *r,
    ngx_http_registry_throttle_t *throttle, ngx_str_t *credentials,
    ngx_http_registry_throttle_keys_t *keys)
{
    size_t    len;
    u_char    network[NGX_HTTP_REGISTRY_NETWORK_LEN];
    uint64_t  hash;

    len = ngx_http_registry_network(r, network);
    hash = reg_marks_key(throttle->shm_zone->data,
                         ngx_http_registry_str(*credentials));

    keys->address = ngx_http_registry_throttle_key(throttle, 'a', network,
                                                   len);
    keys->credentials = ngx_http_registry_throttle_key(throttle, 'c', &hash,
                                                       sizeof(hash));
    keys->trusted = ngx_http_registry_throttle_key(throttle, 't', &hash,
                                                   sizeof(hash));
}


/* A mark is one of a rate: another location may have another. */

static uint64_t
ngx_http_registry_throttle_key(ngx_http_registry_throttle_t *throttle,
    u_char what, const void *data, size_t len)
{
    u_char     *p, buf[NGX_HTTP_REGISTRY_THROTTLE_KEY];
    reg_str_t   text;

    p = buf;

    *p++ = what;
    p = ngx_cpymem(p, &throttle->rate.count, sizeof(uint32_t));
    p = ngx_cpymem(p, &throttle->rate.window, sizeof(uint32_t));
    p = ngx_cpymem(p, &throttle->rate.burst, sizeof(uint32_t));
    p = ngx_cpymem(p, data, len);

    text.data = buf;
    text.len = (size_t) (p - buf);

    return reg_marks_key(throttle->shm_zone->data, text);
}


static int64_t
ngx_http_registry_throttle_wait(ngx_http_registry_throttle_t *throttle,
    uint64_t key, int64_t now)
{
    reg_gcra_answer_t  answer;

    reg_gcra_look(&throttle->gcra,
                  reg_marks_get(throttle->shm_zone->data, key), now, &answer);

    return answer.wait;
}


static int64_t
ngx_http_registry_throttle_take(void *data, int64_t mark)
{
    ngx_http_registry_throttle_take_t *take = data;

    reg_gcra_answer_t  answer;

    return reg_gcra_take(&take->throttle->gcra, mark, take->now, &answer);
}


static int64_t
ngx_http_registry_throttle_trust(void *data, int64_t mark)
{
    int64_t *until = data;

    return ngx_max(mark, *until);
}
