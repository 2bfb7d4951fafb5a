/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Metrics of what is counted in ngx_http_registry_count.h, but for requests.
 */

#include "ngx_http_registry_status.h"


typedef struct {
    const char                 *family;     /* NULL: the same as before */
    const char                 *labels;
    ngx_http_registry_count_t   count;
    const char                 *help;
} ngx_http_registry_metric_t;


static void ngx_http_registry_metrics_signatures(
    ngx_http_registry_counters_t *counters, ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics);
static void ngx_http_registry_metrics_store(
    ngx_http_registry_counters_t *counters, ngx_http_registry_text_t *text,
    ngx_uint_t openmetrics);


static const ngx_http_registry_metric_t  ngx_http_registry_metrics[] = {

    { "identities", "{from=\"worker\"}",
      NGX_HTTP_REGISTRY_COUNT_IDENTITY_WORKER,
      "Credentials, by where it was known whose they are." },
    { NULL, "{from=\"records\"}",
      NGX_HTTP_REGISTRY_COUNT_IDENTITY_RECORDS, NULL },

    { "record_lookups", "{from=\"worker\"}",
      NGX_HTTP_REGISTRY_COUNT_RECORD_WORKER,
      "Records of Redis, by where the answer came from." },
    { NULL, "{from=\"zone\"}",
      NGX_HTTP_REGISTRY_COUNT_RECORD_ZONE, NULL },
    { NULL, "{from=\"negative\"}",
      NGX_HTTP_REGISTRY_COUNT_RECORD_NEGATIVE, NULL },
    { NULL, "{from=\"store\"}",
      NGX_HTTP_REGISTRY_COUNT_RECORD_STORE, NULL },
    { NULL, "{from=\"stale\"}",
      NGX_HTTP_REGISTRY_COUNT_RECORD_STALE, NULL },
    { NULL, "{from=\"nowhere\"}",
      NGX_HTTP_REGISTRY_COUNT_RECORD_NONE, NULL },

    { "store_commands", "", NGX_HTTP_REGISTRY_COUNT_COMMANDS,
      "Commands to Redis." },

    { "store_failures", "", NGX_HTTP_REGISTRY_COUNT_COMMANDS_FAILED,
      "Commands that Redis did not answer." },

    { "proofs", "{result=\"hit\"}", NGX_HTTP_REGISTRY_COUNT_PROOF_HIT,
      "Proofs that a blob is in its repository, by what came of them." },
    { NULL, "{result=\"asked\"}",
      NGX_HTTP_REGISTRY_COUNT_PROOF_ASKED, NULL },
    { NULL, "{result=\"refused\"}",
      NGX_HTTP_REGISTRY_COUNT_PROOF_REFUSED, NULL },
    { NULL, "{result=\"failed\"}",
      NGX_HTTP_REGISTRY_COUNT_PROOF_FAILED, NULL },
    { NULL, "{result=\"stale\"}",
      NGX_HTTP_REGISTRY_COUNT_PROOF_STALE, NULL },

    { "blob_redirects", "{size=\"known\"}",
      NGX_HTTP_REGISTRY_COUNT_REDIRECT_KNOWN,
      "Clients that were sent elsewhere for a blob." },
    { NULL, "{size=\"unknown\"}",
      NGX_HTTP_REGISTRY_COUNT_REDIRECT_UNKNOWN, NULL },

    { "tokens", "{result=\"issued\"}",
      NGX_HTTP_REGISTRY_COUNT_TOKENS_ISSUED, "Requests for a token." },
    { NULL, "{result=\"refused\"}",
      NGX_HTTP_REGISTRY_COUNT_TOKENS_REFUSED, NULL },

    { "ledger_syncs", "{result=\"done\"}", NGX_HTTP_REGISTRY_COUNT_SYNCS,
      "Files of the ledger that were sent to Redis." },
    { NULL, "{result=\"failed\"}",
      NGX_HTTP_REGISTRY_COUNT_SYNCS_FAILED, NULL }
};


void
ngx_http_registry_metrics_counts(ngx_http_registry_counters_t *counters,
    ngx_http_registry_text_t *text, ngx_uint_t openmetrics)
{
    ngx_uint_t                         i;
    const char                        *family;
    const ngx_http_registry_metric_t  *metric;

    family = "";

    for (i = 0; i < sizeof(ngx_http_registry_metrics)
                    / sizeof(ngx_http_registry_metrics[0]);
         i++)
    {
        metric = &ngx_http_registry_metrics[i];

        if (metric->family) {
            family = metric->family;
            ngx_http_registry_metrics_family(text, openmetrics, family,
                                             "counter", metric->help);
        }

        ngx_http_registry_text_add(text, "registry_%s_total%s %uA\n", family,
                                   metric->labels,
                                   counters->counts[metric->count]);
    }

    ngx_http_registry_metrics_signatures(counters, text, openmetrics);
    ngx_http_registry_metrics_store(counters, text, openmetrics);
}


static void
ngx_http_registry_metrics_signatures(ngx_http_registry_counters_t *counters,
    ngx_http_registry_text_t *text, ngx_uint_t openmetrics)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  made, cached;

    ngx_http_registry_metrics_family(text, openmetrics, "signatures",
                                     "counter", "Signed URLs, by scheme, and "
                                     "whether they were made or remembered.");

    for (i = 0; i < REG_SIGN_SCHEMES; i++) {

        made = counters->counts[NGX_HTTP_REGISTRY_COUNT_SIGNED + i];
        cached = counters->counts[NGX_HTTP_REGISTRY_COUNT_SIGNED_BEFORE + i];

        if (made || cached) {
            ngx_http_registry_text_add(text,
                       "registry_signatures_total{scheme=\"%s\","
                       "from=\"made\"} %uA\n"
                       "registry_signatures_total{scheme=\"%s\","
                       "from=\"cache\"} %uA\n",
                       reg_sign_scheme_name((unsigned) i), made,
                       reg_sign_scheme_name((unsigned) i), cached);
        }
    }
}


static void
ngx_http_registry_metrics_store(ngx_http_registry_counters_t *counters,
    ngx_http_registry_text_t *text, ngx_uint_t openmetrics)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  n, us;

    ngx_http_registry_metrics_family(text, openmetrics,
                                     "store_duration_seconds", "histogram",
                                     "From a command to the answer of Redis.");
    n = 0;
    us = counters->store_microseconds;

    for (i = 0; i < NGX_HTTP_REGISTRY_STORE_BUCKETS; i++) {
        n += counters->store_buckets[i];

        ngx_http_registry_text_add(text, "registry_store_duration_seconds"
                                   "_bucket{le=\"%ui.%06ui\"} %uA\n",
                                   ngx_http_registry_store_buckets[i] / 1000000,
                                   ngx_http_registry_store_buckets[i] % 1000000,
                                   n);
    }

    n += counters->store_buckets[i];

    ngx_http_registry_text_add(text,
                               "registry_store_duration_seconds_bucket"
                               "{le=\"+Inf\"} %uA\n"
                               "registry_store_duration_seconds_sum "
                               "%uA.%06uA\n"
                               "registry_store_duration_seconds_count %uA\n",
                               n, us / 1000000, us % 1000000, n);
}
