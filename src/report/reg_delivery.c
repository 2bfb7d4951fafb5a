/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_delivery.h"
#include "reg_json.h"
#include "reg_time.h"


/* "2026-01-31" and "12:00:00", as CloudFront has them. */

#define REG_DELIVERY_DATE  10
#define REG_DELIVERY_HOUR  8

/* 18 digits, as reg_str_number() takes and the list of what was delivered. */

#define REG_DELIVERY_NUMBER_MAX  999999999999999999


typedef enum {
    REG_COLUMN_OTHER = 0,
    REG_COLUMN_DATE,
    REG_COLUMN_TIME,
    REG_COLUMN_BYTES,
    REG_COLUMN_METHOD,
    REG_COLUMN_PATH,
    REG_COLUMN_STATUS,
    REG_COLUMN_QUERY,
    REG_COLUMN_ID,
    REG_COLUMN_HOST,
    REG_COLUMN_LENGTH,
    REG_COLUMNS
} reg_column_t;

static const char *const  reg_column_names[REG_COLUMNS] = {
    "", "date", "time", "sc-bytes", "cs-method", "cs-uri-stem", "sc-status",
    "cs-uri-query", "x-edge-request-id", "x-host-header", "sc-content-len"
};


static reg_rc_t reg_cloudfront_read(reg_delivery_log_t *log,
    reg_delivery_t *delivery, reg_str_t line, reg_error_t *error);
static reg_rc_t reg_cloudfront_about(reg_delivery_log_t *log, reg_str_t line,
    reg_error_t *error);
static reg_rc_t reg_cloudfront_fields(reg_delivery_log_t *log,
    reg_str_t names, reg_error_t *error);
static reg_rc_t reg_cloudfront_values(reg_delivery_t *delivery,
    const reg_str_t *values, reg_error_t *error);
static reg_rc_t reg_cloudflare_read(reg_delivery_t *delivery,
    reg_error_t *error);
static reg_rc_t reg_cloudflare_time(int64_t *seconds, const json_t *value);
static reg_rc_t reg_nginx_read(reg_delivery_t *delivery, reg_error_t *error);
static reg_rc_t reg_delivery_lacks(reg_error_t *error, const char *name);
static int reg_delivery_text(reg_str_t *text, const json_t *json,
    const char *name);
static int reg_delivery_number(uint64_t *n, const json_t *json,
    const char *name);
static unsigned reg_delivery_get(reg_str_t method);


reg_rc_t
reg_delivery_format(reg_delivery_format_t *format, reg_str_t name)
{
    unsigned  i;

    static const char *const  names[] = {
        "cloudfront", "cloudflare", "nginx"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (reg_str_eq(name, reg_str(names[i]))) {
            *format = (reg_delivery_format_t) i;
            return REG_OK;
        }
    }

    return REG_NOTFOUND;
}


reg_rc_t
reg_delivery_read(reg_delivery_log_t *log, reg_delivery_t *delivery,
    reg_str_t line, reg_error_t *error)
{
    reg_rc_t  rc;

    memset(delivery, 0, sizeof(reg_delivery_t));

    if (line.len > REG_DELIVERY_LINE_MAX) {
        reg_error_set(error, "it has more than %d bytes",
                      REG_DELIVERY_LINE_MAX);
        return REG_INVALID;
    }

    if (log->format == REG_DELIVERY_CLOUDFRONT) {
        return reg_cloudfront_read(log, delivery, line, error);
    }

    rc = reg_json_load(&delivery->json, line, error);

    if (rc == REG_OK && !json_is_object(delivery->json)) {
        reg_error_set(error, "it is no object");
        rc = REG_INVALID;

    } else if (rc == REG_OK) {
        rc = log->format == REG_DELIVERY_NGINX
             ? reg_nginx_read(delivery, error)
             : reg_cloudflare_read(delivery, error);
    }

    if (rc != REG_OK) {
        reg_delivery_done(delivery);
    }

    return rc;
}


void
reg_delivery_done(reg_delivery_t *delivery)
{
    json_decref(delivery->json);
    delivery->json = NULL;
}


static reg_rc_t
reg_cloudfront_read(reg_delivery_log_t *log, reg_delivery_t *delivery,
    reg_str_t line, reg_error_t *error)
{
    size_t     i;
    reg_str_t  value, values[REG_COLUMNS];

    if (line.len && line.data[0] == '#') {
        return reg_cloudfront_about(log, line, error);
    }

    if (!log->versioned || !log->fields) {
        reg_error_set(error, "it does not begin with #Version and #Fields");
        return REG_INVALID;
    }

    memset(values, 0, sizeof(values));

    for (i = 0; i < log->n; i++) {

        if (line.data == NULL) {
            reg_error_set(error, "it has %zu fields in place of %zu", i,
                          log->n);
            return REG_INVALID;
        }

        value = reg_str_cut(&line, '\t');
        values[log->columns[i]] = value;
    }

    if (line.data) {
        reg_error_set(error, "it has more than %zu fields", log->n);
        return REG_INVALID;
    }

    return reg_cloudfront_values(delivery, values, error);
}


static reg_rc_t
reg_cloudfront_about(reg_delivery_log_t *log, reg_str_t line,
    reg_error_t *error)
{
    reg_str_t  word;

    word = reg_str_cut(&line, ' ');

    if (reg_str_eq(word, REG_STR("#Version:"))) {

        if (!reg_str_eq(line, REG_STR("1.0"))) {
            reg_error_set(error, "it is of version %.*s, and the latest that "
                          "is known here is 1.0", REG_FMT(line));
            return REG_NEWER;
        }

        log->versioned = 1;

        return REG_NOTFOUND;
    }

    if (reg_str_eq(word, REG_STR("#Fields:"))) {
        return reg_cloudfront_fields(log, line, error);
    }

    reg_error_set(error, "it begins with \"%.*s\"", REG_FMT(word));

    return REG_INVALID;
}


static reg_rc_t
reg_cloudfront_fields(reg_delivery_log_t *log, reg_str_t names,
    reg_error_t *error)
{
    unsigned   i, seen;
    reg_str_t  name;

    seen = 0;
    log->n = 0;

    while (names.data) {
        name = reg_str_cut(&names, ' ');

        if (log->n == REG_DELIVERY_COLUMNS) {
            reg_error_set(error, "it has more than %d fields",
                          REG_DELIVERY_COLUMNS);
            return REG_INVALID;
        }

        for (i = REG_COLUMNS - 1; i > REG_COLUMN_OTHER; i--) {

            if (reg_str_eq(name, reg_str(reg_column_names[i]))) {
                break;
            }
        }

        log->columns[log->n++] = (unsigned char) i;
        seen |= 1u << i;
    }

    for (i = 1; i < REG_COLUMN_LENGTH; i++) {

        if (!(seen & (1u << i))) {
            reg_error_set(error, "it lacks the field %s",
                          reg_column_names[i]);
            return REG_INVALID;
        }
    }

    log->fields = 1;

    return REG_NOTFOUND;
}


/* The body is no longer than the answer, and a part of it if that was cut. */

static reg_rc_t
reg_cloudfront_values(reg_delivery_t *delivery, const reg_str_t *values,
    reg_error_t *error)
{
    char      time[REG_TIME_LEN + 1];
    uint64_t  status, length;

    if (values[REG_COLUMN_DATE].len != REG_DELIVERY_DATE
        || values[REG_COLUMN_TIME].len != REG_DELIVERY_HOUR)
    {
        return reg_delivery_lacks(error, "date and time");
    }

    (void) snprintf(time, sizeof(time), "%.*sT%.*sZ",
                    REG_FMT(values[REG_COLUMN_DATE]),
                    REG_FMT(values[REG_COLUMN_TIME]));

    if (reg_time_parse(&delivery->time, reg_str(time), NULL) != REG_OK
        || delivery->time < 0)
    {
        return reg_delivery_lacks(error, "date and time");
    }

    /* 000: the client was gone before there was an answer */

    if (!reg_str_number(&status, values[REG_COLUMN_STATUS])
        || status > 999)
    {
        return reg_delivery_lacks(error, "sc-status");
    }

    if (!reg_str_number(&delivery->bytes, values[REG_COLUMN_BYTES])) {
        return reg_delivery_lacks(error, "sc-bytes");
    }

    if (reg_str_number(&length, values[REG_COLUMN_LENGTH])
        && length < delivery->bytes)
    {
        delivery->bytes = length;
    }

    if (values[REG_COLUMN_ID].len < 8) {
        return reg_delivery_lacks(error, "x-edge-request-id");
    }

    delivery->status = (unsigned) status;
    delivery->get = 0x1 & reg_delivery_get(values[REG_COLUMN_METHOD]);
    delivery->id = values[REG_COLUMN_ID];
    delivery->host = values[REG_COLUMN_HOST];
    delivery->path = values[REG_COLUMN_PATH];
    delivery->query = values[REG_COLUMN_QUERY];

    return REG_OK;
}


static reg_rc_t
reg_cloudflare_read(reg_delivery_t *delivery, reg_error_t *error)
{
    uint64_t   status;
    reg_str_t  method, uri;
    json_t    *json = delivery->json;

    if (!reg_delivery_text(&delivery->id, json, "RayID")
        || delivery->id.len < 8)
    {
        return reg_delivery_lacks(error, "RayID");
    }

    if (reg_cloudflare_time(&delivery->time,
                            json_object_get(json, "EdgeStartTimestamp"))
        != REG_OK)
    {
        return reg_delivery_lacks(error, "EdgeStartTimestamp");
    }

    if (!reg_delivery_number(&status, json, "EdgeResponseStatus")
        || status > 999)
    {
        return reg_delivery_lacks(error, "EdgeResponseStatus");
    }

    if (!reg_delivery_number(&delivery->bytes, json, "EdgeResponseBodyBytes"))
    {
        return reg_delivery_lacks(error, "EdgeResponseBodyBytes");
    }

    if (!reg_delivery_text(&method, json, "ClientRequestMethod")) {
        return reg_delivery_lacks(error, "ClientRequestMethod");
    }

    if (!reg_delivery_text(&delivery->host, json, "ClientRequestHost")) {
        return reg_delivery_lacks(error, "ClientRequestHost");
    }

    if (!reg_delivery_text(&uri, json, "ClientRequestURI")) {
        return reg_delivery_lacks(error, "ClientRequestURI");
    }

    delivery->status = (unsigned) status;
    delivery->get = 0x1 & reg_delivery_get(method);
    delivery->path = reg_str_cut(&uri, '?');
    delivery->query = uri;

    return REG_OK;
}


/* Logpush has nanoseconds, seconds or RFC 3339, as it was told. */

static reg_rc_t
reg_cloudflare_time(int64_t *seconds, const json_t *value)
{
    json_int_t  n;

    if (json_is_string(value)) {
        return reg_time_parse(seconds, reg_str(json_string_value(value)), NULL)
               == REG_OK && *seconds >= 0 ? REG_OK : REG_INVALID;
    }

    n = json_integer_value(value);

    *seconds = n >= 100000000000000000 ? n / 1000000000 : n;

    return n > 0 && *seconds / 86400 < 2932896 ? REG_OK : REG_INVALID;
}


static reg_rc_t
reg_nginx_read(reg_delivery_t *delivery, reg_error_t *error)
{
    uint64_t   status;
    reg_str_t  time, method;
    json_t    *json = delivery->json;

    if (!reg_delivery_text(&delivery->id, json, "id")
        || delivery->id.len < 8)
    {
        return reg_delivery_lacks(error, "id");
    }

    if (!reg_delivery_text(&time, json, "time")
        || reg_time_parse(&delivery->time, time, NULL) != REG_OK
        || delivery->time < 0)
    {
        return reg_delivery_lacks(error, "time");
    }

    if (!reg_delivery_number(&status, json, "status") || status > 999) {
        return reg_delivery_lacks(error, "status");
    }

    if (!reg_delivery_number(&delivery->bytes, json, "bytes")) {
        return reg_delivery_lacks(error, "bytes");
    }

    if (!reg_delivery_text(&method, json, "method")) {
        return reg_delivery_lacks(error, "method");
    }

    if (!reg_delivery_text(&delivery->tenant, json, "tenant")) {
        return reg_delivery_lacks(error, "tenant");
    }

    if (!reg_delivery_text(&delivery->repository, json, "repository")) {
        return reg_delivery_lacks(error, "repository");
    }

    delivery->status = (unsigned) status;
    delivery->get = 0x1 & reg_delivery_get(method);

    return REG_OK;
}


static reg_rc_t
reg_delivery_lacks(reg_error_t *error, const char *name)
{
    reg_error_set(error, "it has no good %s", name);

    return REG_INVALID;
}


static int
reg_delivery_text(reg_str_t *text, const json_t *json, const char *name)
{
    const json_t  *value;

    value = json_object_get(json, name);

    if (!json_is_string(value)) {
        return 0;
    }

    text->data = (unsigned char *) json_string_value(value);
    text->len = json_string_length(value);

    return 1;
}


static int
reg_delivery_number(uint64_t *n, const json_t *json, const char *name)
{
    const json_t  *value;

    value = json_object_get(json, name);

    *n = (uint64_t) json_integer_value(value);

    return json_is_integer(value) && json_integer_value(value) >= 0
           && *n <= REG_DELIVERY_NUMBER_MAX;
}


static unsigned
reg_delivery_get(reg_str_t method)
{
    return reg_str_eq(method, REG_STR("GET")) ? 1 : 0;
}
