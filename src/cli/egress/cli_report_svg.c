/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * The charts of the page: days as columns, stacked by route, and the largest
 * rows as bars.  Coordinates are integers, of a tenth of a unit.
 */

#include <stdlib.h>

#include "cli_report_html.h"

#define CLI_SVG_ROUTES  6               /* and the rest as one */
#define CLI_SVG_BARS    12

/* The days: a box of 1040 x 300, the columns in what the axes leave. */

#define CLI_SVG_LEFT    720
#define CLI_SVG_WIDTH   9680
#define CLI_SVG_TOP     140
#define CLI_SVG_HEIGHT  2400
#define CLI_SVG_LINES   4

/* The bars. */

#define CLI_SVG_NAME    3000
#define CLI_SVG_BAR     5400
#define CLI_SVG_STEP    300


typedef struct {
    const reg_str_t  *name;             /* NULL: all others */
    uint64_t          bytes;
} cli_svg_route_t;

typedef struct {
    const cli_report_t  *report;
    size_t               nroutes;       /* at most CLI_SVG_ROUTES + 1 */
    cli_svg_route_t     *routes;        /* largest first */
    size_t               ndays;
    uint64_t            *bytes;         /* [day * nroutes + route] */
    uint64_t             scale;         /* at the top */
    uint64_t             step;          /* between lines */
} cli_svg_t;


static cli_rc_t cli_svg_routes(cli_svg_t *svg);
static int cli_svg_route_compare(const void *one, const void *two);
static cli_rc_t cli_svg_days(cli_svg_t *svg);
static void cli_svg_scale(cli_svg_t *svg);
static void cli_svg_legend(const cli_svg_t *svg);
static void cli_svg_axes(const cli_svg_t *svg);
static void cli_svg_columns(const cli_svg_t *svg);
static void cli_svg_day_names(const cli_svg_t *svg);
static void cli_svg_bar(const cli_report_t *report,
    const reg_report_row_t *row, size_t i, uint64_t most);
static void cli_svg_name(const cli_report_t *report,
    const reg_report_row_t *row);
static uint64_t cli_svg_part(uint64_t part, uint64_t whole, uint64_t size);
static void cli_svg_number(const char *name, uint64_t tenths);


cli_rc_t
cli_html_days(const cli_report_t *report)
{
    cli_rc_t   rc;
    cli_svg_t  svg;

    memset(&svg, 0, sizeof(cli_svg_t));

    svg.report = report;
    svg.ndays = (size_t) (report->last - report->first + 1);

    rc = cli_svg_routes(&svg);

    if (rc == CLI_DONE) {
        rc = cli_svg_days(&svg);
    }

    if (rc == CLI_DONE && svg.scale) {
        printf("<section>\n<h2>Bytes to clients, by day and route</h2>\n");

        cli_svg_legend(&svg);

        printf("<svg viewBox=\"0 0 1040 280\" role=\"img\" aria-label=\"Bytes "
               "to clients for each day, stacked by route\">\n");

        cli_svg_axes(&svg);
        cli_svg_columns(&svg);
        cli_svg_day_names(&svg);

        printf("</svg>\n</section>\n");
    }

    free(svg.routes);
    free(svg.bytes);

    return rc;
}


void
cli_html_bars(const cli_report_t *report)
{
    size_t    i, n;
    uint64_t  most;

    n = report->report.n > CLI_SVG_BARS ? CLI_SVG_BARS : report->report.n;

    /* days have a chart of their own */

    if (n == 0 || report->by[0].kind == CLI_BY_DAY) {
        return;
    }

    most = reg_report_bytes(&report->report, &report->report.rows[0]);

    if (most == 0) {
        return;
    }

    printf("<section>\n<h2>%s</h2>\n<ul class=\"legend\"><li>"
           "<i style=\"background:var(--sent)\"></i>sent by gateways</li><li>"
           "<i style=\"background:var(--away)\"></i>%s</li></ul>\n"
           "<svg viewBox=\"0 0 1040 %zu\" role=\"img\" aria-label=\"The "
           "largest\">\n",
           n < report->report.n ? "The largest" : "Who used how much",
           report->report.measured ? "delivered elsewhere" : "redirected",
           n * CLI_SVG_STEP / 10 + 4);

    for (i = 0; i < n; i++) {
        cli_svg_bar(report, &report->report.rows[i], i, most);
    }

    printf("</svg>\n</section>\n");
}


static cli_rc_t
cli_svg_routes(cli_svg_t *svg)
{
    size_t               i, k;
    const reg_str_t     *name;
    const reg_report_t  *days = &svg->report->days;

    svg->routes = calloc(days->n + 1, sizeof(cli_svg_route_t));

    if (svg->routes == NULL) {
        return cli_nomem();
    }

    for (i = 0; i < days->n; i++) {
        name = days->rows[i].keys[REG_REPORT_VALUE + 1];

        for (k = 0; k < svg->nroutes && svg->routes[k].name != name; k++) {
            /* void */
        }

        svg->routes[k].name = name;
        svg->routes[k].bytes += reg_report_bytes(days, &days->rows[i]);

        svg->nroutes += (k == svg->nroutes);
    }

    qsort(svg->routes, svg->nroutes, sizeof(cli_svg_route_t),
          cli_svg_route_compare);

    if (svg->nroutes > CLI_SVG_ROUTES) {
        svg->nroutes = CLI_SVG_ROUTES + 1;
        svg->routes[CLI_SVG_ROUTES].name = NULL;
    }

    return CLI_DONE;
}


static int
cli_svg_route_compare(const void *one, const void *two)
{
    const cli_svg_route_t  *a = one, *b = two;

    if (a->bytes != b->bytes) {
        return a->bytes < b->bytes ? 1 : -1;
    }

    return reg_intern_compare(a->name, b->name);
}


static cli_rc_t
cli_svg_days(cli_svg_t *svg)
{
    size_t               i, k;
    int64_t              day;
    const reg_report_t  *days = &svg->report->days;

    svg->bytes = calloc(svg->ndays * svg->nroutes + 1, sizeof(uint64_t));

    if (svg->bytes == NULL) {
        return cli_nomem();
    }

    for (i = 0; i < days->n; i++) {

        if (reg_ledger_day_parse(&day, cli_report_value(&days->rows[i], 0))
            != REG_OK)
        {
            continue;
        }

        for (k = 0; k + 1 < svg->nroutes; k++) {

            if (svg->routes[k].name == days->rows[i].keys[REG_REPORT_VALUE + 1])
            {
                break;
            }
        }

        k += (size_t) (day - svg->report->first) * svg->nroutes;

        svg->bytes[k] += reg_report_bytes(days, &days->rows[i]);
    }

    cli_svg_scale(svg);

    return CLI_DONE;
}


/* The top is a round number of lines that are round numbers themselves. */

static void
cli_svg_scale(cli_svg_t *svg)
{
    size_t    i, k;
    uint64_t  sum, most, ten;

    most = 0;

    for (i = 0; i < svg->ndays; i++) {
        sum = 0;

        for (k = 0; k < svg->nroutes; k++) {
            sum += svg->bytes[i * svg->nroutes + k];
        }

        most = sum > most ? sum : most;
    }

    if (most == 0 || most > UINT64_MAX / 16) {
        return;
    }

    for (ten = 1; ten * 10 * CLI_SVG_LINES <= most; ten *= 10) {
        /* void */
    }

    svg->step = ten * CLI_SVG_LINES >= most ? ten
                : 2 * ten * CLI_SVG_LINES >= most ? 2 * ten
                : 5 * ten * CLI_SVG_LINES >= most ? 5 * ten : 10 * ten;

    svg->scale = (most + svg->step - 1) / svg->step * svg->step;
}


static void
cli_svg_legend(const cli_svg_t *svg)
{
    char    text[CLI_BYTES_LEN];
    size_t  i;

    printf("<ul class=\"legend\">");

    for (i = 0; i < svg->nroutes; i++) {
        printf("<li><i style=\"background:var(--c%zu)\"></i>", i);

        if (svg->routes[i].name) {
            cli_bytes(text, svg->routes[i].bytes);
            cli_html(*svg->routes[i].name);
            printf(" &middot; %s", text);

        } else {
            printf("others");
        }

        printf("</li>");
    }

    printf("</ul>\n");
}


static void
cli_svg_axes(const cli_svg_t *svg)
{
    char      text[CLI_BYTES_LEN];
    uint64_t  at, y;

    for (at = 0; at <= svg->scale; at += svg->step) {
        y = CLI_SVG_TOP + CLI_SVG_HEIGHT
            - cli_svg_part(at, svg->scale, CLI_SVG_HEIGHT);

        cli_bytes(text, at);

        printf("<line stroke=\"var(--%s)\"", at ? "grid" : "line");
        cli_svg_number("x1", CLI_SVG_LEFT);
        cli_svg_number("x2", CLI_SVG_LEFT + CLI_SVG_WIDTH);
        cli_svg_number("y1", y);
        cli_svg_number("y2", y);
        printf("/><text text-anchor=\"end\"");
        cli_svg_number("x", CLI_SVG_LEFT - 100);
        cli_svg_number("y", y + 40);
        printf(">%s</text>\n", at ? text : "0");
    }
}


static void
cli_svg_columns(const cli_svg_t *svg)
{
    char      day[REG_LEDGER_DAY_LEN + 1], text[CLI_BYTES_LEN];
    size_t    i, k;
    uint64_t  x, next, width, y, high, sum, bytes;

    for (i = 0; i < svg->ndays; i++) {
        x = cli_svg_part(i, svg->ndays, CLI_SVG_WIDTH);
        next = cli_svg_part(i + 1, svg->ndays, CLI_SVG_WIDTH);

        width = (next - x) * 7 / 10;
        width = width > 640 ? 640 : width ? width : 1;
        x = CLI_SVG_LEFT + x + (next - x - width) / 2;

        reg_ledger_day_format(day, svg->report->first + (int64_t) i);

        sum = 0;

        for (k = 0; k < svg->nroutes; k++) {
            bytes = svg->bytes[i * svg->nroutes + k];

            if (bytes == 0) {
                continue;
            }

            y = cli_svg_part(sum, svg->scale, CLI_SVG_HEIGHT);
            sum += bytes;
            high = cli_svg_part(sum, svg->scale, CLI_SVG_HEIGHT) - y;

            cli_bytes(text, bytes);

            printf("<rect fill=\"var(--c%zu)\"", k);
            cli_svg_number("x", x);
            cli_svg_number("y", CLI_SVG_TOP + CLI_SVG_HEIGHT - y - high);
            cli_svg_number("width", width);
            cli_svg_number("height", high);
            printf("><title>%s ", day);
            cli_html(svg->routes[k].name ? *svg->routes[k].name
                                         : REG_STR("others"));
            printf(": %s</title></rect>\n", text);
        }
    }
}


/* As many as have room: all, or one in so many from the first on. */

static void
cli_svg_day_names(const cli_svg_t *svg)
{
    char    day[REG_LEDGER_DAY_LEN + 1];
    size_t  i, every;

    every = (svg->ndays + 15) / 16;

    for (i = 0; i < svg->ndays; i += every) {
        reg_ledger_day_format(day, svg->report->first + (int64_t) i);

        printf("<text text-anchor=\"middle\"");
        cli_svg_number("x", CLI_SVG_LEFT
                       + cli_svg_part(2 * i + 1, 2 * svg->ndays,
                                      CLI_SVG_WIDTH));
        cli_svg_number("y", CLI_SVG_TOP + CLI_SVG_HEIGHT + 200);
        printf(">%s</text>\n", day + sizeof("1970-") - 1);
    }
}


static void
cli_svg_bar(const cli_report_t *report, const reg_report_row_t *row,
    size_t i, uint64_t most)
{
    char      text[CLI_BYTES_LEN], money[REG_MONEY_LEN];
    uint64_t  y, sent, all, bytes;

    bytes = reg_report_bytes(&report->report, row);

    y = i * CLI_SVG_STEP;
    all = cli_svg_part(bytes, most, CLI_SVG_BAR);
    sent = cli_svg_part(row->counts[REG_LEDGER_EGRESS_BYTES], most,
                        CLI_SVG_BAR);
    sent = sent > all ? all : sent;

    printf("<text class=\"name\"");
    cli_svg_number("x", 0);
    cli_svg_number("y", y + 195);
    (void) putchar('>');
    cli_svg_name(report, row);
    printf("</text><rect fill=\"var(--sent)\" rx=\"2\"");
    cli_svg_number("x", CLI_SVG_NAME);
    cli_svg_number("y", y + 70);
    cli_svg_number("width", sent);
    cli_svg_number("height", 180);
    printf("/><rect fill=\"var(--away)\" rx=\"2\"");
    cli_svg_number("x", CLI_SVG_NAME + sent);
    cli_svg_number("y", y + 70);
    cli_svg_number("width", all - sent);
    cli_svg_number("height", 180);

    cli_bytes(text, bytes);

    printf("/><text");
    cli_svg_number("x", CLI_SVG_NAME + all + 80);
    cli_svg_number("y", y + 200);
    printf(">%s", text);

    if (report->prices) {
        reg_money_round(money, row->cost, report->prices->digits);
        printf(" &middot; %s %.*s", money, REG_FMT(report->prices->currency));
    }

    printf("</text>\n");
}


/* What has room beside the bar; the table has all of it. */

static void
cli_svg_name(const cli_report_t *report, const reg_report_row_t *row)
{
    size_t     i, n, room;
    reg_str_t  value;

    room = 38;

    for (i = 0; i < report->nby && room > 4; i++) {
        value = cli_report_value(row, i);

        if (i) {
            printf(" / ");
            room -= 3;
        }

        /* not in the midst of a character of UTF-8 */

        for (n = value.len > room ? room - 1 : value.len;
             n < value.len && n && (value.data[n] & 0xc0) == 0x80; n--)
        {
            /* void */
        }

        cli_html((reg_str_t) { n, value.data });

        if (n < value.len) {
            printf("&hellip;");
            return;
        }

        room -= n;
    }
}


static uint64_t
cli_svg_part(uint64_t part, uint64_t whole, uint64_t size)
{
    return (uint64_t) ((reg_wide_t) part * size / whole);
}


static void
cli_svg_number(const char *name, uint64_t tenths)
{
    printf(" %s=\"%llu.%llu\"", name, (unsigned long long) tenths / 10,
           (unsigned long long) tenths % 10);
}
