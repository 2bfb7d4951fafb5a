/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The answer of "registry_status" to programs, and the page that shows it to
 * people: it asks for the same address again, as a program does.
 */

#include "ngx_http_registry_status.h"


static void ngx_http_registry_status_decisions(
    ngx_http_registry_counters_t *counters, ngx_http_registry_text_t *text);
static void ngx_http_registry_status_limits(ngx_http_request_t *r,
    ngx_http_registry_text_t *text);
static void ngx_http_registry_status_ledger(ngx_http_request_t *r,
    ngx_http_registry_text_t *text);
static void ngx_http_registry_status_sums(ngx_http_registry_text_t *text,
    ngx_array_t *sums, const char *list, const char *part);


ngx_str_t  ngx_http_registry_status_page = ngx_string(
    "<!DOCTYPE html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>Registry</title>\n"
    "<style>\n"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;"
    "padding:0 1em;color:#222;background:#fff}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;padding:.25em .75em;border-bottom:1px solid #ddd}\n"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\n"
    "h2{margin-top:2em}p.e{color:#a00}\n"
    "</style></head><body>\n"
    "<h1>Registry</h1><p id=\"t\"></p><div id=\"s\"></div>\n"
    "<script>\n"
    "function el(n,t,c){var e=document.createElement(n);"
    "if(t!==undefined)e.textContent=t;if(c)e.className=c;return e}\n"
    "function num(v){return Number(v).toLocaleString('en')}\n"
    "function table(title,rows){if(!rows.length)return;"
    "var s=document.getElementById('s'),t=el('table'),h=el('tr'),"
    "k=Object.keys(rows[0]);s.appendChild(el('h2',title));"
    "k.forEach(function(n){h.appendChild(el('th',n.replace(/_/g,' '),"
    "typeof rows[0][n]=='number'?'n':''))});t.appendChild(h);"
    "rows.forEach(function(r){var l=el('tr');k.forEach(function(n){"
    "var v=r[n],b=typeof v=='number';"
    "l.appendChild(el('td',b?num(v):v,b?'n':''))});t.appendChild(l)});"
    "s.appendChild(t)}\n"
    "function show(d){document.getElementById('s').textContent='';"
    "document.getElementById('t').textContent=d.time+', UTC';"
    "if(d.ledger){var l=d.ledger,p=l.up?num(l.used)+' of '+num(l.rows)+"
    "' rows of the ledger of '+l.day+' are used':'there is no ledger';"
    "document.getElementById('s').appendChild(el('p',p,l.up?'':'e'));"
    "if(l.up){table('Egress today',l.tenants);"
    "table('Largest repositories today',l.repositories)}}\n"
    "table('Decisions',d.decisions);table('Limits',d.limits)}\n"
    "function load(){fetch(location.href,{headers:{Accept:"
    "'application/json'}}).then(function(r){return r.json()}).then(show)"
    ".catch(function(e){document.getElementById('t').textContent=e})}\n"
    "load();setInterval(load,10000);\n"
    "</script></body></html>\n");


void
ngx_http_registry_status_json(ngx_http_request_t *r,
    ngx_http_registry_text_t *text)
{
    ngx_http_registry_status_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_registry_status_module);

    ngx_http_registry_text_add(text, "{\"version\":1,\"time\":\"%*s\"",
                               sizeof("1970-01-01T00:00:00") - 1,
                               ngx_cached_http_log_iso8601.data);

    ngx_http_registry_status_decisions(smcf->counters, text);
    ngx_http_registry_status_limits(r, text);
    ngx_http_registry_status_ledger(r, text);

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
    ngx_http_registry_limit_t           **limit;
    ngx_http_registry_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_limit_module);

    ngx_http_registry_text_add(text, ",\"limits\":[");
    limit = lmcf->limits.elts;

    for (i = 0; i < lmcf->limits.nelts; i++) {

        if (limit[i]->counters == NULL) {
            continue;
        }

        ngx_http_registry_text_add(text, "%s{\"limit\":\"%V\",\"passed\":%uA,"
                                   "\"refused\":%uA,\"refused_dry_run\":%uA,"
                                   "\"exempt\":%uA,\"failed\":%uA}",
                                   i ? "," : "", &limit[i]->name,
                                   limit[i]->counters->passed,
                                   limit[i]->counters->refused,
                                   limit[i]->counters->refused_dry_run,
                                   limit[i]->counters->exempt,
                                   limit[i]->counters->failed);
    }

    ngx_http_registry_text_add(text, "]");
}


static void
ngx_http_registry_status_ledger(ngx_http_request_t *r,
    ngx_http_registry_text_t *text)
{
    char                                   day[REG_LEDGER_DAY_LEN + 1];
    ngx_array_t                           *tenants, *repositories;
    reg_ledger_t                          *ledger;
    reg_ledger_stat_t                      stat;
    ngx_http_registry_ledger_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_registry_ledger_module);

    if (lmcf->directory.len == 0) {
        return;
    }

    ledger = ngx_http_registry_books_today(lmcf, r->connection->log);

    if (ledger == NULL) {
        ngx_http_registry_text_add(text, ",\"ledger\":{\"up\":false}");
        return;
    }

    reg_ledger_stat(ledger, &stat);
    reg_ledger_day_format(day, reg_ledger_day(ledger));

    tenants = ngx_http_registry_sums(r->pool, ledger, 0,
                                     NGX_HTTP_REGISTRY_TENANTS_MAX);
    repositories = ngx_http_registry_sums(r->pool, ledger, 1,
                                          NGX_HTTP_REGISTRY_REPOSITORIES_MAX);

    if (tenants == NULL || repositories == NULL) {
        text->failed = 1;
        return;
    }

    ngx_http_registry_text_add(text, ",\"ledger\":{\"up\":true,\"day\":\"%s\","
                               "\"rows\":%uz,\"used\":%uz,\"overflows\":%uL,"
                               "\"synced_at\":%L,", day, stat.rows, stat.used,
                               stat.overflows, stat.synced_at);

    ngx_http_registry_status_sums(text, tenants, "tenants", "route");
    ngx_http_registry_text_add(text, ",");
    ngx_http_registry_status_sums(text, repositories, "repositories",
                                  "repository");
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
