/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The answer of "registry_status" to programs.
 */

#include "ngx_http_registry_status.h"

/* Who has so small a part of a burst left is near its end. */

#define NGX_HTTP_REGISTRY_STATUS_NEAR  5


/* What the marks of a limit say of the keys that it has to do with now. */

typedef struct {
    ngx_http_registry_limit_t  *limit;
    int64_t                     now;
    ngx_uint_t                  keys;
    ngx_uint_t                  near;
    ngx_uint_t                  exhausted;
} ngx_http_registry_status_keys_t;


static void ngx_http_registry_status_decisions(
    ngx_http_registry_counters_t *counters, ngx_http_registry_text_t *text);
static void ngx_http_registry_status_limits(ngx_http_request_t *r,
    ngx_http_registry_text_t *text);
static void ngx_http_registry_status_limit(ngx_http_registry_text_t *text,
    ngx_http_registry_limit_t *limit);
static void ngx_http_registry_status_key(void *data, int64_t mark);
static void ngx_http_registry_status_ledger(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums, ngx_http_registry_text_t *text);
static void ngx_http_registry_status_sums(ngx_http_registry_text_t *text,
    ngx_array_t *sums, const char *list, const char *part);


void
ngx_http_registry_status_json(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums, ngx_http_registry_text_t *text)
{
    ngx_tm_t                               tm;
    ngx_http_registry_counters_t           counters;
    ngx_http_registry_status_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_registry_status_module);

    ngx_gmtime(ngx_time(), &tm);

    ngx_http_registry_text_add(text, "{\"version\":1,\"now\":%T,\"time\":"
                               "\"%4d-%02d-%02dT%02d:%02d:%02dZ\"",
                               ngx_time(), tm.ngx_tm_year, tm.ngx_tm_mon,
                               tm.ngx_tm_mday, tm.ngx_tm_hour, tm.ngx_tm_min,
                               tm.ngx_tm_sec);

    ngx_http_registry_counters_sum(smcf->counters, &counters);

    ngx_http_registry_status_decisions(&counters, text);
    ngx_http_registry_status_limits(r, text);
    ngx_http_registry_status_ledger(r, sums, text);

    ngx_http_registry_text_add(text, "}\n");
}


static void
ngx_http_registry_status_decisions(ngx_http_registry_counters_t *counters,
    ngx_http_registry_text_t *text)
{
    ngx_uint_t   v, i;
    const char  *comma;

    static const char *const  verdicts[] = { "allow", "deny", "limit" };

    ngx_http_registry_text_add(text, ",\"decisions\":[");
    comma = "";

    for (v = 0; v < NGX_HTTP_REGISTRY_VERDICTS; v++) {

        for (i = 0; i < NGX_HTTP_REGISTRY_REASONS; i++) {

            if (counters->decisions[v][i]) {
                ngx_http_registry_text_add(text, "%s{\"decision\":\"%s\","
                                           "\"reason\":\"%s\","
                                           "\"requests\":%uA}",
                                           comma, verdicts[v],
                                           reg_reason_name(i),
                                           counters->decisions[v][i]);
                comma = ",";
            }
        }
    }

    ngx_http_registry_text_add(text, "]");
}


static void
ngx_http_registry_status_limits(ngx_http_request_t *r,
    ngx_http_registry_text_t *text)
{
    ngx_uint_t                            i;
    const char                           *comma;
    ngx_http_registry_limit_t           **limit;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    ngx_http_registry_text_add(text, ",\"limits\":[");
    limit = lmcf->limits.elts;
    comma = "";

    for (i = 0; i < lmcf->limits.nelts; i++) {

        if (limit[i]->counters) {
            ngx_http_registry_text_add(text, comma);
            ngx_http_registry_status_limit(text, limit[i]);
            comma = ",";
        }
    }

    ngx_http_registry_text_add(text, "]");
}


static void
ngx_http_registry_status_limit(ngx_http_registry_text_t *text,
    ngx_http_registry_limit_t *limit)
{
    ngx_http_registry_status_keys_t      keys;
    ngx_http_registry_limit_counters_t  *c;

    c = limit->counters;

    ngx_memzero(&keys, sizeof(ngx_http_registry_status_keys_t));

    keys.limit = limit;
    keys.now = ngx_http_registry_limit_now();

    if (limit->marks) {
        reg_marks_each(limit->marks, ngx_http_registry_status_key, &keys);
    }

    ngx_http_registry_text_add(text, "{\"limit\":\"%V\",\"permits\":%uD,"
                               "\"window\":%uD,\"passed\":%uA,"
                               "\"refused\":%uA,\"refused_dry_run\":%uA,"
                               "\"exempt\":%uA,\"failed\":%uA,\"keys\":%ui,"
                               "\"near\":%ui,\"exhausted\":%ui}",
                               &limit->name, limit->rate.count,
                               limit->rate.window, c->passed, c->refused,
                               c->refused_dry_run, c->exempt, c->failed,
                               keys.keys, keys.near, keys.exhausted);
}


static void
ngx_http_registry_status_key(void *data, int64_t mark)
{
    ngx_http_registry_status_keys_t *keys = data;

    reg_gcra_answer_t  answer;

    if (mark <= keys->now) {
        return;
    }

    reg_gcra_look(&keys->limit->gcra, mark, keys->now, &answer);

    keys->keys++;

    if (answer.remaining == 0) {
        keys->exhausted++;

    } else if (answer.remaining * NGX_HTTP_REGISTRY_STATUS_NEAR
               <= keys->limit->rate.burst)
    {
        keys->near++;
    }
}


static void
ngx_http_registry_status_ledger(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums, ngx_http_registry_text_t *text)
{
    char                                   day[REG_LEDGER_DAY_LEN + 1];
    reg_ledger_stat_t                      stat;
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_ledger_module);

    if (lmcf->directory.len == 0) {
        return;
    }

    if (sums->ledger == NULL) {
        ngx_http_registry_text_add(text, ",\"ledger\":{\"up\":false}");
        return;
    }

    reg_ledger_stat(sums->ledger, &stat);
    reg_ledger_day_format(day, reg_ledger_day(sums->ledger));

    ngx_http_registry_text_add(text, ",\"ledger\":{\"up\":true,\"day\":\"%s\","
                               "\"rows\":%uz,\"used\":%uz,\"overflows\":%uL,",
                               day, stat.rows, stat.used, stat.overflows);

    if (lmcf->syncer) {
        ngx_http_registry_text_add(text, "\"synced_at\":%L,",
                                   stat.synced_at);
    }

    ngx_http_registry_status_sums(text, &sums->routes.sums, "tenants",
                                  "route");
    ngx_http_registry_text_add(text, ",");
    ngx_http_registry_status_sums(text, &sums->repositories.sums,
                                  "repositories", "repository");
    ngx_http_registry_text_add(text, "}");
}


static void
ngx_http_registry_status_sums(ngx_http_registry_text_t *text,
    ngx_array_t *sums, const char *list, const char *part)
{
    ngx_uint_t                 i, c;
    ngx_http_registry_sum_t  **sum;

    ngx_http_registry_text_add(text, "\"%s\":[", list);
    sum = sums->elts;

    for (i = 0; i < sums->nelts; i++) {
        ngx_http_registry_text_add(text, "%s{\"tenant\":\"", i ? "," : "");
        ngx_http_registry_text_value(text, sum[i]->tenant);
        ngx_http_registry_text_add(text, "\",\"%s\":\"", part);
        ngx_http_registry_text_value(text, sum[i]->part);
        ngx_http_registry_text_add(text, "\"");

        for (c = 0; c < REG_LEDGER_COUNTERS; c++) {
            ngx_http_registry_text_add(text, ",\"%s\":%uL",
                                       reg_ledger_counter_name(c),
                                       sum[i]->counts[c]);
        }

        ngx_http_registry_text_add(text, "}");
    }

    ngx_http_registry_text_add(text, "]");
}
