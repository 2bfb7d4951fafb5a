/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * A report as one page that needs nothing else: no script, no font, no image,
 * light and dark, and fit to be printed.
 */

#include <stdlib.h>

#include "cli_report_html.h"
#include "reg_time.h"

#define CLI_HTML_NUMBER  64             /* a number with its NUL */


static void cli_html_head(const cli_report_t *report);
static void cli_html_tiles(const cli_report_t *report,
    const reg_report_row_t *total);
static void cli_html_tile(const char *name, const char *value,
    const char *note);
static void cli_html_table(const cli_report_t *report,
    const reg_report_row_t *total);
static void cli_html_row(const cli_report_t *report,
    const reg_report_row_t *row, const reg_report_row_t *total);
static void cli_html_money(const cli_report_t *report, reg_money_t money,
    char buf[CLI_HTML_NUMBER]);
static void cli_html_count(char buf[CLI_HTML_NUMBER], uint64_t n);


/*
 * Colours keep apart for those who cannot tell red from green, and in grey.
 */

static const char  cli_html_style[] =
    ":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1c2430;"
    "--soft:#5b6675;--line:#e2e6ec;--grid:#e9edf2;--accent:#2563a8;"
    "--c0:#2f6db5;--c1:#e08a1e;--c2:#2a9d8f;--c3:#8b5fbf;--c4:#c8553d;"
    "--c5:#6b8e23;--c6:#9aa5b1;--sent:#34568b;--away:#8fb8de}"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;"
    "--text:#e6eaf0;--soft:#98a3b3;--line:#2b3440;--grid:#252d38;"
    "--accent:#7db2f0;--c0:#5b9be0;--c1:#f0a94a;--c2:#4cc3b3;--c3:#b08ae0;"
    "--c4:#e8836c;--c5:#a3c45a;--c6:#7b8796}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--bg);color:var(--text);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,Cantarell,"
    "\"DejaVu Sans\",sans-serif}"
    "main{max-width:1120px;margin:0 auto;padding:40px 24px 56px}"
    "h1{font-size:28px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}"
    "h2{font-size:16px;margin:0 0 16px;font-weight:600}"
    "p{margin:0}.soft{color:var(--soft)}"
    "section{background:var(--card);border:1px solid var(--line);"
    "border-radius:12px;padding:20px 24px 24px;margin-top:20px}"
    ".tiles{display:grid;gap:16px;margin-top:28px;"
    "grid-template-columns:repeat(auto-fit,minmax(220px,1fr))}"
    ".six{grid-template-columns:repeat(auto-fit,minmax(300px,1fr))}"
    ".tile{background:var(--card);border:1px solid var(--line);"
    "border-radius:12px;padding:16px 20px}"
    ".tile b{display:block;font-size:26px;line-height:1.3;font-weight:600;"
    "letter-spacing:-.01em;font-variant-numeric:tabular-nums;"
    "white-space:nowrap}"
    ".tile span{font-size:13px;color:var(--soft)}"
    "svg{display:block;width:100%;height:auto}"
    "svg text{fill:var(--soft);font-size:12px;"
    "font-variant-numeric:tabular-nums}"
    "svg .name{fill:var(--text);font-size:13px}"
    ".legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 12px;"
    "padding:0;list-style:none;font-size:13px;color:var(--soft)}"
    ".legend i{display:inline-block;width:10px;height:10px;border-radius:3px;"
    "margin-right:7px}"
    ".scroll{overflow-x:auto}"
    "table{border-collapse:collapse;width:100%;font-size:14px;"
    "font-variant-numeric:tabular-nums}"
    "th{font-size:12px;font-weight:600;color:var(--soft);text-align:left;"
    "padding:0 12px 8px 0;border-bottom:1px solid var(--line);"
    "white-space:nowrap}"
    "td{padding:7px 12px 7px 0;border-bottom:1px solid var(--line);"
    "vertical-align:top;overflow-wrap:anywhere}"
    "th.n,td.n{text-align:right;white-space:nowrap;padding:7px 0 7px 16px}"
    "th.n{padding-top:0}"
    "tfoot td{font-weight:600;border-bottom:0;"
    "border-top:2px solid var(--line)}"
    "tbody tr:hover{background:var(--grid)}"
    "footer{margin-top:24px;font-size:13px;color:var(--soft)}"
    "@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;"
    "--text:#000;--soft:#444;--line:#bbb;--grid:#ddd;--c0:#2f6db5;"
    "--c1:#e08a1e;--c2:#2a9d8f;--c3:#8b5fbf;--c4:#c8553d;--c5:#6b8e23;"
    "--c6:#9aa5b1;"
    "--sent:#34568b;--away:#8fb8de}"
    "body{font-size:11pt;-webkit-print-color-adjust:exact;"
    "print-color-adjust:exact}main{max-width:none;padding:0}"
    "section,.tile{border-radius:0;break-inside:avoid}"
    "section.long{break-inside:auto}thead{display:table-header-group}"
    "tr{break-inside:avoid}@page{margin:15mm}}";


cli_rc_t
cli_report_html(cli_report_t *report)
{
    cli_rc_t           rc;
    reg_report_row_t   total;

    cli_report_total(report, &total);

    cli_html_head(report);
    cli_html_tiles(report, &total);

    rc = cli_html_days(report);

    cli_html_bars(report);
    cli_html_table(report, &total);

    printf("<footer><p>Bytes are those of the ledger: <em>sent</em> by "
           "gateways, and <em>redirected</em>, the sizes that clients were "
           "sent elsewhere for.%s Labels are those %s. Days are UTC.</p>"
           "</footer>\n</main>\n</body>\n</html>\n",
           report->report.measured
           ? " <em>Delivered</em> is what the logs of that other place say, "
             "and takes the place of redirected in sums and costs." : "",
           cli_value(report->cli, CLI_OPT_RECORDS) ? "in the store that was "
                                                     "named"
                                                   : "of each day");

    return rc;
}


void
cli_html(reg_str_t text)
{
    size_t  i;

    for (i = 0; i < text.len; i++) {

        switch (text.data[i]) {

        case '&':
            printf("&amp;");
            break;

        case '<':
            printf("&lt;");
            break;

        case '>':
            printf("&gt;");
            break;

        case '"':
            printf("&quot;");
            break;

        case '\'':
            printf("&#39;");
            break;

        default:
            (void) putchar(text.data[i] < 0x20 ? '?' : text.data[i]);
        }
    }
}


static void
cli_html_head(const cli_report_t *report)
{
    char    first[REG_LEDGER_DAY_LEN + 1], last[REG_LEDGER_DAY_LEN + 1];
    char    now[REG_TIME_LEN + 1];
    size_t  i;

    reg_ledger_day_format(first, report->first);
    reg_ledger_day_format(last, report->last);
    reg_time_format(now, report->cli->now);

    printf("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
           "<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
           "'none'; style-src 'unsafe-inline'\">\n"
           "<title>Egress %s to %s</title>\n<style>%s</style>\n</head>\n"
           "<body>\n<main>\n<h1>Egress report</h1>\n<p class=\"soft\">%s to "
           "%s &middot; the %s pays &middot; by ",
           first, last, cli_html_style, first, last,
           report->owner ? "owner of a repository" : "tenant that pulls");

    for (i = 0; i < report->nby; i++) {
        printf("%s", i ? ", " : "");
        cli_html(reg_str(report->by[i].name));
    }

    printf(" &middot; made %s</p>\n", now);
}


static void
cli_html_tiles(const cli_report_t *report, const reg_report_row_t *total)
{
    char      value[CLI_HTML_NUMBER], text[CLI_HTML_NUMBER];
    char      note[3 * CLI_HTML_NUMBER];
    uint64_t  all, away;

    all = reg_report_bytes(&report->report, total);
    away = all - total->counts[REG_LEDGER_EGRESS_BYTES];

    printf("<div class=\"tiles%s\">\n", report->prices ? " six" : "");

    cli_bytes(value, all);
    cli_html_tile("to clients", value, "sent and elsewhere");

    cli_bytes(value, total->counts[REG_LEDGER_EGRESS_BYTES]);
    cli_bytes(text, total->counts[REG_LEDGER_INGRESS_BYTES]);
    (void) snprintf(note, sizeof(note), "%s received", text);
    cli_html_tile("sent by gateways", value, note);

    cli_bytes(value, away);
    (void) snprintf(note, sizeof(note), "%u %% of all",
                    all ? (unsigned) ((reg_wide_t) away * 100 / all) : 0);
    cli_html_tile(report->report.measured ? "delivered elsewhere"
                                          : "redirected", value, note);

    cli_html_count(text, total->counts[REG_LEDGER_REQUESTS]);
    cli_html_count(value, total->counts[REG_LEDGER_PUSHES]);
    (void) snprintf(note, sizeof(note), "%s pushes, %s requests", value,
                    text);
    cli_html_count(value, total->counts[REG_LEDGER_PULLS]);
    cli_html_tile("pulls", value, note);

    if (report->prices) {
        cli_html_money(report, total->cost, value);
        cli_html_tile("cost", value, "");

        cli_html_money(report, total->at_origin - total->cost, value);
        cli_html_tile("saved", value, "against all from origin");
    }

    printf("</div>\n");
}


static void
cli_html_tile(const char *name, const char *value, const char *note)
{
    printf("<div class=\"tile\"><span>%s</span><b>%s</b><span>%s</span>"
           "</div>\n", name, value, *note ? note : "&nbsp;");
}


static void
cli_html_table(const cli_report_t *report, const reg_report_row_t *total)
{
    size_t  i;

    static const char *const  heads[] = {
        "sent", "received", "redirected", "delivered", "requests", "pulls",
        "pushes"
    };

    printf("<section class=\"long\">\n<h2>All of it</h2>\n"
           "<div class=\"scroll\"><table>\n<thead><tr>");

    for (i = 0; i < report->nby; i++) {
        printf("<th>");
        cli_html(reg_str(report->by[i].name));
        printf("</th>");
    }

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {

        if (i == REG_LEDGER_DELIVERED_BYTES && total->counts[i] == 0) {
            continue;
        }

        printf("<th class=\"n\">%s</th>", heads[i]);
    }

    if (report->prices) {
        printf("<th class=\"n\">cost</th><th class=\"n\">saved</th>");
    }

    printf("</tr></thead>\n<tbody>\n");

    for (i = 0; i < report->report.n; i++) {
        cli_html_row(report, &report->report.rows[i], total);
    }

    printf("</tbody>\n<tfoot>");
    cli_html_row(report, total, total);
    printf("</tfoot>\n</table></div>\n</section>\n");
}


/* The sum has no values; a column that is 0 in it is left out. */

static void
cli_html_row(const cli_report_t *report, const reg_report_row_t *row,
    const reg_report_row_t *total)
{
    char    text[CLI_HTML_NUMBER];
    size_t  i;

    printf("<tr>");

    if (row->keys[REG_REPORT_VALUE] == NULL) {
        printf("<td colspan=\"%zu\">Total</td>", report->nby);

    } else {
        for (i = 0; i < report->nby; i++) {
            printf("<td>");
            cli_html(cli_report_value(row, i));
            printf("</td>");
        }
    }

    for (i = 0; i < REG_LEDGER_COUNTERS; i++) {

        if (i == REG_LEDGER_DELIVERED_BYTES && total->counts[i] == 0) {
            continue;
        }

        if (i < REG_LEDGER_REQUESTS) {
            cli_bytes(text, row->counts[i]);
            printf("<td class=\"n\" title=\"%llu\">%s</td>",
                   (unsigned long long) row->counts[i], text);
            continue;
        }

        cli_html_count(text, row->counts[i]);
        printf("<td class=\"n\">%s</td>", text);
    }

    if (report->prices) {
        cli_html_money(report, row->cost, text);
        printf("<td class=\"n\">%s</td>", text);

        cli_html_money(report, row->at_origin - row->cost, text);
        printf("<td class=\"n\">%s</td>", text);
    }

    printf("</tr>\n");
}


static void
cli_html_money(const cli_report_t *report, reg_money_t money,
    char buf[CLI_HTML_NUMBER])
{
    char  text[REG_MONEY_LEN];

    reg_money_round(text, money, report->prices->digits);

    (void) snprintf(buf, CLI_HTML_NUMBER, "%s %.*s", text,
                    REG_FMT(report->prices->currency));
}


/* Groups of three digits, with narrow spaces that do not break. */

static void
cli_html_count(char buf[CLI_HTML_NUMBER], uint64_t n)
{
    char    digits[24], *p;
    size_t  i, len;

    (void) snprintf(digits, sizeof(digits), "%llu", (unsigned long long) n);

    p = buf;
    len = strlen(digits);

    for (i = 0; i < len; i++) {

        if (i && (len - i) % 3 == 0) {
            memcpy(p, "\xe2\x80\xaf", 3);
            p += 3;
        }

        *p++ = digits[i];
    }

    *p = '\0';
}
