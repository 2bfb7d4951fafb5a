/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * egress import: reads logs of those who deliver what the gateway redirects to,
 * and books what they have sent.  A log is booked as a whole or not at all, and
 * a request once, in whatever logs it is.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "cli_delivered.h"
#include "cli_file.h"
#include "cli_output.h"
#include "cli_progress.h"
#include "reg_delivery.h"
#include "reg_sign.h"


typedef struct {
    uint64_t              requests;     /* that had a blob for an answer */
    uint64_t              fresh;
    uint64_t              bytes;        /* of these */
    uint64_t              known;
    uint64_t              nobody;       /* which nothing says whose they are */
    uint64_t              unverified;
    uint64_t              lost;         /* bytes of both */
} cli_import_count_t;

typedef struct {
    const cli_t          *cli;
    const char           *directory;
    reg_str_t             route;
    reg_str_t             network;
    reg_delivery_log_t    log;
    reg_signer_t         *signer;       /* NULL: there is no --key */
    cli_import_count_t    count;
    cli_progress_t        progress;
    uint64_t              lines;

    size_t                n;            /* days of this log */
    cli_delivered_t      *days;
} cli_import_t;


static cli_rc_t cli_import_options(cli_import_t *import);
static cli_rc_t cli_import_key(cli_import_t *import, const char *path);
static cli_rc_t cli_import_log(cli_import_t *import, const char *path);
static cli_rc_t cli_import_lines(cli_import_t *import, const char *path,
    gzFile file);
static cli_rc_t cli_import_end(const char *path, gzFile file);
static cli_rc_t cli_import_line(cli_import_t *import, const char *path,
    uint64_t number, reg_str_t line);
static cli_rc_t cli_import_book(cli_import_t *import,
    const reg_delivery_t *delivery);
static cli_rc_t cli_import_day(cli_import_t *import, int64_t day,
    cli_delivered_t **delivered);
static void cli_import_forget(cli_import_t *import);
static json_t *cli_import_object(const cli_import_t *import,
    const char *path);


cli_rc_t
cli_egress_import(cli_t *cli)
{
    int            lock;
    size_t         i;
    cli_rc_t       rc, one;
    cli_rows_t     rows;
    cli_import_t   import;

    static const cli_column_t  columns[] = {
        { "FILE", "file" }, { "REQUESTS", "requests" }, { "NEW", "new" },
        { "BYTES", "bytes" }, { "KNOWN", "known" }, { "NOBODY", "nobody" },
        { "UNVERIFIED", "unverified" }, { "LOST", "lost" }, { NULL, NULL }
    };

    memset(&import, 0, sizeof(cli_import_t));

    import.cli = cli;
    import.directory = cli_value(cli, CLI_OPT_LEDGER);
    lock = -1;

    rc = cli_import_options(&import);

    if (rc == CLI_DONE) {
        rc = cli_delivered_lock(&lock, import.directory);
    }

    cli_rows_init(&rows, cli, columns);
    rows.right = 0xfe;

    cli_progress_init(&import.progress, "lines are read");

    /* a log that is wrong does not keep back the others */

    for (i = 0; rc != CLI_STORE && lock != -1 && i < cli->noperands; i++) {
        one = cli_import_log(&import, cli->operands[i]);

        if (one == CLI_DONE) {
            cli_rows_add(&rows, cli_import_object(&import,
                                                  cli->operands[i]));
        } else {
            rc = one;
        }
    }

    cli_progress_end(&import.progress);

    if (lock != -1) {
        (void) close(lock);
    }

    if (rc == CLI_DONE || rows.n) {
        one = cli_rows_end(&rows);
        rc = rc == CLI_DONE ? one : rc;

    } else {
        cli_rows_free(&rows);
    }

    reg_signer_free(import.signer);

    return rc;
}


static cli_rc_t
cli_import_options(cli_import_t *import)
{
    const char  *text;

    text = cli_value(import->cli, CLI_OPT_FORMAT);

    if (text == NULL
        || reg_delivery_format(&import->log.format, reg_str(text)) != REG_OK)
    {
        return cli_fail(CLI_USAGE, "--format is cloudfront, cloudflare or "
                        "nginx");
    }

    text = cli_value(import->cli, CLI_OPT_NETWORK);

    import->route = reg_str(cli_value(import->cli, CLI_OPT_ROUTE));
    import->network = text ? reg_str(text) : REG_STR_NULL;

    if (import->route.len == 0
        || !reg_ledger_part_valid(import->route, REG_LEDGER_ROUTE_MAX))
    {
        return cli_fail(CLI_USAGE, "--route is the name of a registry_cdn");
    }

    if (!reg_ledger_part_valid(import->network, REG_LEDGER_NETWORK_MAX)) {
        return cli_fail(CLI_USAGE, "--network is a name of "
                        "registry_ledger_network");
    }

    text = cli_value(import->cli, CLI_OPT_KEY);

    return text ? cli_import_key(import, text) : CLI_DONE;
}


static cli_rc_t
cli_import_key(cli_import_t *import, const char *path)
{
    char         *data;
    size_t        len;
    cli_rc_t      rc;
    reg_rc_t      taken;
    reg_error_t   error;

    rc = cli_input_read(path, &data, &len);

    if (rc != CLI_DONE) {
        return rc;
    }

    taken = reg_signer_create(&import->signer, REG_STR("hmac"), &error);

    if (taken == REG_OK) {
        taken = reg_signer_key(import->signer,
                               (reg_str_t) { len, (unsigned char *) data },
                               &error);
    }

    explicit_bzero(data, len);
    free(data);

    return taken == REG_OK ? CLI_DONE
           : taken == REG_NOMEM ? cli_nomem()
           : cli_fail(CLI_USAGE, "%s: %s", path, error.text);
}


/* Nothing is written before all of it has been understood. */

static cli_rc_t
cli_import_log(cli_import_t *import, const char *path)
{
    size_t       i;
    gzFile       file;
    cli_rc_t     rc;
    struct stat  st;

    memset(&import->count, 0, sizeof(cli_import_count_t));
    import->log.versioned = 0;
    import->log.fields = 0;

    if (stat(path, &st) == -1 || !S_ISREG(st.st_mode)) {
        return cli_fail(CLI_USAGE, "%s: there is no such file", path);
    }

    file = gzopen(path, "rb");

    if (file == NULL) {
        return cli_fail(CLI_USAGE, "%s: %s", path, strerror(errno));
    }

    rc = cli_import_lines(import, path, file);

    (void) gzclose_r(file);

    for (i = 0; rc == CLI_DONE && i < import->n; i++) {
        rc = cli_delivered_save(&import->days[i], import->directory);
    }

    cli_import_forget(import);

    return rc;
}


static cli_rc_t
cli_import_lines(cli_import_t *import, const char *path, gzFile file)
{
    char      *line;
    size_t     len;
    cli_rc_t   rc;
    uint64_t   number;

    line = malloc(REG_DELIVERY_LINE_MAX + 2);

    if (line == NULL) {
        return cli_nomem();
    }

    rc = CLI_DONE;

    for (number = 1; rc == CLI_DONE; number++) {

        if (gzgets(file, line, REG_DELIVERY_LINE_MAX + 2) == NULL) {
            rc = cli_import_end(path, file);
            break;
        }

        cli_progress(&import->progress, ++import->lines, 0);

        len = strlen(line);

        if (len && line[len - 1] == '\n') {
            rc = cli_import_line(import, path, number,
                                 (reg_str_t) { len - 1,
                                               (unsigned char *) line });

        } else if (gzeof(file)) {
            rc = cli_fail(CLI_USAGE, "%s: its last line is cut", path);

        } else {
            rc = cli_fail(CLI_USAGE, "%s: line %llu is none of such a log",
                          path, (unsigned long long) number);
        }
    }

    free(line);

    return rc;
}


static cli_rc_t
cli_import_end(const char *path, gzFile file)
{
    int          err;
    const char  *text;

    text = gzerror(file, &err);

    switch (err) {

    case Z_OK:
    case Z_STREAM_END:
        return CLI_DONE;

    case Z_BUF_ERROR:
        return cli_fail(CLI_USAGE, "%s: it is cut", path);

    case Z_ERRNO:
        return cli_fail(CLI_STORE, "%s: %s", path, strerror(errno));

    default:
        return cli_fail(CLI_USAGE, "%s: %s", path, text);
    }
}


static cli_rc_t
cli_import_line(cli_import_t *import, const char *path, uint64_t number,
    reg_str_t line)
{
    cli_rc_t        rc;
    reg_error_t     error;
    reg_delivery_t  delivery;

    switch (reg_delivery_read(&import->log, &delivery, line, &error)) {

    case REG_OK:
        break;

    case REG_NOTFOUND:
        return CLI_DONE;

    case REG_NOMEM:
        return cli_nomem();

    case REG_NEWER:
        return cli_fail(CLI_USAGE, "%s: %s", path, error.text);

    default:
        return cli_fail(CLI_USAGE, "%s: line %llu is none of such a log: %s",
                        path, (unsigned long long) number, error.text);
    }

    rc = CLI_DONE;

    if (delivery.get && (delivery.status == 200 || delivery.status == 206)) {
        rc = cli_import_book(import, &delivery);
    }

    reg_delivery_done(&delivery);

    return rc;
}


static cli_rc_t
cli_import_book(cli_import_t *import, const reg_delivery_t *delivery)
{
    cli_rc_t             rc;
    reg_ledger_key_t     key;
    unsigned char        buf[REG_DELIVERY_LINE_MAX];
    cli_delivered_t     *delivered;
    cli_import_count_t  *count = &import->count;

    count->requests++;

    switch (reg_delivery_claims(delivery, import->signer, &key.tenant,
                                &key.repository, buf))
    {
    case REG_OK:
        break;

    case REG_NOTFOUND:
        count->nobody++;
        count->lost += delivery->bytes;
        return CLI_DONE;

    default:
        count->unverified++;
        count->lost += delivery->bytes;
        return CLI_DONE;
    }

    key.operation = REG_STR("pull");
    key.route = import->route;
    key.network = import->network;
    delivered = NULL;

    rc = cli_import_day(import, delivery->time / CLI_DAY, &delivered);

    if (rc == CLI_DONE) {
        rc = cli_delivered_add(delivered, &key, delivery->id,
                               delivery->bytes);
    }

    if (rc == CLI_NO) {
        count->known++;
        return CLI_DONE;
    }

    if (rc == CLI_DONE) {
        count->fresh++;
        count->bytes += delivery->bytes;
    }

    return rc;
}


static cli_rc_t
cli_import_day(cli_import_t *import, int64_t day, cli_delivered_t **delivered)
{
    size_t            i;
    cli_delivered_t  *days;

    for (i = import->n; i > 0; i--) {

        if (import->days[i - 1].day == day) {
            *delivered = &import->days[i - 1];
            return CLI_DONE;
        }
    }

    days = realloc(import->days, (import->n + 1) * sizeof(cli_delivered_t));

    if (days == NULL) {
        return cli_nomem();
    }

    import->days = days;
    *delivered = &days[import->n++];

    return cli_delivered_open(*delivered, import->directory, day, 1);
}


static void
cli_import_forget(cli_import_t *import)
{
    size_t  i;

    for (i = 0; i < import->n; i++) {
        cli_delivered_free(&import->days[i]);
    }

    free(import->days);

    import->days = NULL;
    import->n = 0;
}


static json_t *
cli_import_object(const cli_import_t *import, const char *path)
{
    char                       bytes[CLI_BYTES_LEN], lost[CLI_BYTES_LEN];
    const cli_import_count_t  *count = &import->count;

    cli_bytes(bytes, count->bytes);
    cli_bytes(lost, count->lost);

    return json_pack("{s:s,s:I,s:I,s:s,s:I,s:I,s:I,s:s}",
                     "file", path,
                     "requests", (json_int_t) count->requests,
                     "new", (json_int_t) count->fresh,
                     "bytes", bytes,
                     "known", (json_int_t) count->known,
                     "nobody", (json_int_t) count->nobody,
                     "unverified", (json_int_t) count->unverified,
                     "lost", lost);
}
