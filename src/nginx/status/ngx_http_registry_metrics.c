/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The answer of "registry_metrics": the text format of Prometheus, or that of
 * OpenMetrics, in which families of counters lack the "_total" of their
 * samples.
 */

#include "ngx_http_registry_status.h"


static void ngx_http_registry_metrics_decisions(
    ngx_http_registry_counters_t *counters, ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics);
static void ngx_http_registry_metrics_durations(
    ngx_http_registry_counters_t *counters, ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics);
static void ngx_http_registry_metrics_limits(ngx_http_request_t *r,
    ngx_http_registry_text_t *text, ngx_uint_t openmetrics);
static void ngx_http_registry_metrics_limit(ngx_http_registry_text_t *text,
    ngx_http_registry_limit_t *limit, const char *result, ngx_atomic_t n);
static void ngx_http_registry_metrics_shared_limits(
    ngx_http_registry_text_t *text, ngx_array_t *limits,
    ngx_uint_t openmetrics);
static void ngx_http_registry_metrics_ledger(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums, ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics);
static void ngx_http_registry_metrics_bytes(ngx_http_registry_text_t *text,
    ngx_http_registry_sums_t *sums, ngx_uint_t openmetrics);
static void ngx_http_registry_metrics_sums(ngx_http_registry_text_t *text,
    ngx_array_t *sums, const char *name, const char *part,
    ngx_uint_t counter);


void
ngx_http_registry_metrics_text(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums, ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics)
{
    ngx_http_registry_counters_t           counters;
    ngx_http_registry_status_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_registry_status_module);

    ngx_http_registry_counters_sum(smcf->counters, &counters);

    ngx_http_registry_metrics_decisions(&counters, text, openmetrics);
    ngx_http_registry_metrics_durations(&counters, text, openmetrics);
    ngx_http_registry_metrics_counts(&counters, text, openmetrics);
    ngx_http_registry_metrics_limits(r, text, openmetrics);
    ngx_http_registry_metrics_ledger(r, sums, text, openmetrics);

    if (openmetrics) {
        ngx_http_registry_text_add(text, "# EOF\n");
    }
}


void
ngx_http_registry_metrics_family(ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics, const char *name, const char *type,
    const char *help)
{
    const char  *total;

    total = (!openmetrics && ngx_strcmp(type, "counter") == 0) ? "_total" : "";

    ngx_http_registry_text_add(text, "# HELP registry_%s%s %s\n"
                               "# TYPE registry_%s%s %s\n", name, total, help,
                               name, total, type);
}


static void
ngx_http_registry_metrics_decisions(ngx_http_registry_counters_t *counters,
    ngx_http_registry_text_t *text, ngx_uint_t openmetrics)
{
    ngx_uint_t  v, i;

    static const char *const  verdicts[] = { "allow", "deny", "limit" };

    ngx_http_registry_metrics_family(text, openmetrics, "decisions", "counter",
                                     "What was said to requests, and why.");

    for (v = 0; v < NGX_HTTP_REGISTRY_VERDICTS; v++) {

        for (i = 0; i < NGX_HTTP_REGISTRY_REASONS; i++) {

            if (counters->decisions[v][i]) {
                ngx_http_registry_text_add(text, "registry_decisions_total"
                                           "{decision=\"%s\",reason=\"%s\"} "
                                           "%uA\n", verdicts[v],
                                           reg_reason_name(i),
                                           counters->decisions[v][i]);
            }
        }
    }
}


static void
ngx_http_registry_metrics_durations(ngx_http_registry_counters_t *counters,
    ngx_http_registry_text_t *text, ngx_uint_t openmetrics)
{
    ngx_uint_t         o, i;
    ngx_atomic_uint_t  n, ms;
    const char        *name;

    ngx_http_registry_metrics_family(text, openmetrics,
                                     "request_duration_seconds", "histogram",
                                     "From the first byte of a request to the "
                                     "last of its response.");

    for (o = 0; o < NGX_HTTP_REGISTRY_OPERATIONS; o++) {

        name = reg_operation_name(o);
        ms = counters->milliseconds[o];
        n = 0;

        for (i = 0; i <= NGX_HTTP_REGISTRY_BUCKETS; i++) {
            n += counters->buckets[o][i];
        }

        if (n == 0) {
            continue;
        }

        n = 0;

        for (i = 0; i < NGX_HTTP_REGISTRY_BUCKETS; i++) {
            n += counters->buckets[o][i];

            ngx_http_registry_text_add(text,
                                       "registry_request_duration_seconds"
                                       "_bucket{operation=\"%s\",le=\"%ui.%03ui"
                                       "\"} %uA\n", name,
                                       ngx_http_registry_buckets[i] / 1000,
                                       ngx_http_registry_buckets[i] % 1000, n);
        }

        n += counters->buckets[o][i];

        ngx_http_registry_text_add(text,
                          "registry_request_duration_seconds_bucket"
                          "{operation=\"%s\",le=\"+Inf\"} %uA\n"
                          "registry_request_duration_seconds_sum"
                          "{operation=\"%s\"} %uA.%03uA\n"
                          "registry_request_duration_seconds_count"
                          "{operation=\"%s\"} %uA\n",
                          name, n, name, ms / 1000, ms % 1000, name, n);
    }
}


static void
ngx_http_registry_metrics_limits(ngx_http_request_t *r,
    ngx_http_registry_text_t *text, ngx_uint_t openmetrics)
{
    ngx_uint_t                             i;
    ngx_http_registry_limit_t            **limit;
    ngx_http_registry_limit_counters_t    *c;
    ngx_http_registry_limit_main_conf_t   *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    if (lmcf->limits.nelts == 0) {
        return;
    }

    ngx_http_registry_metrics_family(text, openmetrics, "limit_requests",
                                     "counter",
                                     "What limits have made of requests.");

    limit = lmcf->limits.elts;

    for (i = 0; i < lmcf->limits.nelts; i++) {
        c = limit[i]->counters;

        if (c == NULL) {
            continue;
        }

        ngx_http_registry_metrics_limit(text, limit[i], "passed", c->passed);
        ngx_http_registry_metrics_limit(text, limit[i], "refused", c->refused);
        ngx_http_registry_metrics_limit(text, limit[i], "refused_dry_run",
                                        c->refused_dry_run);
        ngx_http_registry_metrics_limit(text, limit[i], "exempt", c->exempt);
        ngx_http_registry_metrics_limit(text, limit[i], "failed", c->failed);
    }

    if (lmcf->redis) {
        ngx_http_registry_metrics_shared_limits(text, &lmcf->limits,
                                                openmetrics);
    }
}


static void
ngx_http_registry_metrics_limit(ngx_http_registry_text_t *text,
    ngx_http_registry_limit_t *limit, const char *result, ngx_atomic_t n)
{
    ngx_http_registry_text_add(text, "registry_limit_requests_total{limit="
                               "\"%V\",result=\"%s\"} %uA\n", &limit->name,
                               result, n);
}


/* What those that gateways have together had to do with Redis. */

static void
ngx_http_registry_metrics_shared_limits(ngx_http_registry_text_t *text,
    ngx_array_t *limits, ngx_uint_t openmetrics)
{
    ngx_uint_t                            i, f;
    ngx_atomic_uint_t                     n;
    ngx_http_registry_limit_t           **limit;

    static const struct {
        const char  *name;
        const char  *type;
        const char  *help;
        size_t       counter;
    } families[] = {
        { "limit_waited", "counter",
          "Requests that passed and waited for Redis.",
          offsetof(ngx_http_registry_limit_counters_t, waited) },
        { "limit_local", "counter",
          "Requests that passed while Redis was away.",
          offsetof(ngx_http_registry_limit_counters_t, local) },
        { "limit_permits_granted", "counter",
          "Permits that Redis has granted.",
          offsetof(ngx_http_registry_limit_counters_t, granted) },
        { "limit_permits_returned", "counter",
          "Permits that Redis has taken back unused.",
          offsetof(ngx_http_registry_limit_counters_t, returned) }
    };

    limit = limits->elts;

    for (f = 0; f < sizeof(families) / sizeof(families[0]); f++) {

        ngx_http_registry_metrics_family(text, openmetrics, families[f].name,
                                         families[f].type, families[f].help);

        for (i = 0; i < limits->nelts; i++) {

            if (limit[i]->mode == NGX_HTTP_REGISTRY_LIMIT_LOCAL
                || limit[i]->mode == NGX_HTTP_REGISTRY_LIMIT_QUOTA
                || limit[i]->counters == NULL)
            {
                continue;
            }

            n = *(ngx_atomic_t *) ((u_char *) limit[i]->counters
                                   + families[f].counter);

            ngx_http_registry_text_add(text, "registry_%s_total{limit=\"%V\"} "
                                       "%uA\n", families[f].name,
                                       &limit[i]->name, n);
        }
    }
}


static void
ngx_http_registry_metrics_ledger(ngx_http_request_t *r,
    ngx_http_registry_sums_t *sums, ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics)
{
    size_t                                 at;
    reg_ledger_stat_t                      stat;
    reg_ledger_entry_t                     entry;
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_ledger_module);

    if (lmcf->directory.len == 0) {
        return;
    }

    ngx_http_registry_metrics_family(text, openmetrics, "ledger_up", "gauge",
                                     "Whether today's file is there.");
    ngx_http_registry_text_add(text, "registry_ledger_up %d\n",
                               sums->ledger != NULL);

    if (sums->ledger == NULL) {
        return;
    }

    reg_ledger_stat(sums->ledger, &stat);

    ngx_http_registry_metrics_family(text, openmetrics, "ledger_rows", "gauge",
                                     "Rows of today's file, and those that "
                                     "are taken.");
    ngx_http_registry_text_add(text,
                               "registry_ledger_rows{state=\"used\"} %uz\n"
                               "registry_ledger_rows{state=\"free\"} %uz\n",
                               stat.used, stat.rows - stat.used);

    ngx_http_registry_metrics_family(text, openmetrics, "ledger_overflows",
                                     "counter", "How often (other) was taken "
                                     "in place of a row.");
    ngx_http_registry_text_add(text, "registry_ledger_overflows_total %uL\n",
                               stat.overflows);

    /* row 0, which is always there */

    at = 0;

    if (reg_ledger_next(sums->ledger, &at, 1, &entry)) {
        ngx_http_registry_metrics_family(text, openmetrics,
                                         "ledger_other_bytes", "gauge",
                                         "Sent today, and booked to (other).");
        ngx_http_registry_text_add(text, "registry_ledger_other_bytes %uL\n",
                                   entry.counts[REG_LEDGER_EGRESS_BYTES]);
    }

    if (lmcf->syncer) {
        ngx_http_registry_metrics_family(text, openmetrics,
                                    "ledger_synced_timestamp_seconds", "gauge",
                                    "When Redis last had all of it.");
        ngx_http_registry_text_add(text, "registry_ledger_synced_timestamp_"
                                   "seconds %L\n", stat.synced_at);
    }

    ngx_http_registry_metrics_bytes(text, sums, openmetrics);
}


static void
ngx_http_registry_metrics_bytes(ngx_http_registry_text_t *text,
    ngx_http_registry_sums_t *sums, ngx_uint_t openmetrics)
{
    ngx_array_t  *routes, *repositories;

    routes = &sums->routes.sums;
    repositories = &sums->repositories.sums;

    ngx_http_registry_metrics_family(text, openmetrics, "egress_bytes",
                                     "counter", "Sent today, UTC.");
    ngx_http_registry_metrics_sums(text, routes, "egress_bytes", "route",
                                   REG_LEDGER_EGRESS_BYTES);

    ngx_http_registry_metrics_family(text, openmetrics, "redirected_bytes",
                                     "counter", "Sent elsewhere for, today.");
    ngx_http_registry_metrics_sums(text, routes, "redirected_bytes", "route",
                                   REG_LEDGER_REDIRECTED_BYTES);

    ngx_http_registry_metrics_family(text, openmetrics, "ingress_bytes",
                                     "counter", "Received today, UTC.");
    ngx_http_registry_metrics_sums(text, routes, "ingress_bytes", "route",
                                   REG_LEDGER_INGRESS_BYTES);

    ngx_http_registry_metrics_family(text, openmetrics, "pulls", "counter",
                                     "Manifests that were got today, UTC.");
    ngx_http_registry_metrics_sums(text, routes, "pulls", "route",
                                   REG_LEDGER_PULLS);

    ngx_http_registry_metrics_family(text, openmetrics,
                                     "repository_egress_bytes", "gauge",
                                     "Sent today, of the largest few.");
    ngx_http_registry_metrics_sums(text, repositories,
                                   "repository_egress_bytes", "repository",
                                   REG_LEDGER_EGRESS_BYTES);
}


/* A gauge is what may lack tomorrow, or change its place with "(other)". */

static void
ngx_http_registry_metrics_sums(ngx_http_registry_text_t *text,
    ngx_array_t *sums, const char *name, const char *part, ngx_uint_t counter)
{
    ngx_uint_t                 i;
    const char                *total;
    ngx_http_registry_sum_t  **sum;

    total = (ngx_strcmp(part, "repository") == 0) ? "" : "_total";
    sum = sums->elts;

    for (i = 0; i < sums->nelts; i++) {
        ngx_http_registry_text_add(text, "registry_%s%s{tenant=\"", name,
                                   total);
        ngx_http_registry_text_value(text, sum[i]->tenant);
        ngx_http_registry_text_add(text, "\",%s=\"", part);
        ngx_http_registry_text_value(text, sum[i]->part);
        ngx_http_registry_text_add(text, "\"} %uL\n", sum[i]->counts[counter]);
    }
}
