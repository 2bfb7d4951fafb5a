/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_REPORT_HTML_H
#define CLI_REPORT_HTML_H

/*
 * What the files of the page share.
 */

#include "cli_report.h"

/* Prints text so that no browser takes it for anything else. */

void cli_html(reg_str_t text);


/* cli_report_svg.c: the charts. */

/* Bytes a day, by route. */

cli_rc_t cli_html_days(const cli_report_t *report);

/* The largest rows. */

void cli_html_bars(const cli_report_t *report);

#endif /* CLI_REPORT_HTML_H */
