/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdio.h>

#include "reg_time.h"

#define REG_MINUTE  60
#define REG_HOUR    (60 * REG_MINUTE)
#define REG_DAY     (24 * REG_HOUR)
#define REG_WEEK    (7 * REG_DAY)

#define REG_DURATION_MAX  ((int64_t) 36525 * REG_DAY)    /* 100 years */
#define REG_TIME_MAX      253402300799                   /* end of 9999 */


static int reg_digits(unsigned *value, const unsigned char *p, size_t n);
static unsigned reg_days_in_month(unsigned year, unsigned month);
static int64_t reg_days_from_civil(unsigned year, unsigned month,
    unsigned day);
static int reg_offset_parse(int64_t *seconds, reg_str_t text);


reg_rc_t
reg_time_parse(int64_t *seconds, reg_str_t text, reg_error_t *error)
{
    int64_t               t, offset;
    unsigned              year, month, day, hour, minute, second;
    reg_str_t             zone;
    const unsigned char  *p;

    p = text.data;

    if (text.len < REG_TIME_LEN
        || !reg_digits(&year, p, 4) || p[4] != '-'
        || !reg_digits(&month, p + 5, 2) || p[7] != '-'
        || !reg_digits(&day, p + 8, 2) || (p[10] != 'T' && p[10] != 't')
        || !reg_digits(&hour, p + 11, 2) || p[13] != ':'
        || !reg_digits(&minute, p + 14, 2) || p[16] != ':'
        || !reg_digits(&second, p + 17, 2))
    {
        goto malformed;
    }

    zone.data = text.data + 19;
    zone.len = text.len - 19;

    if (zone.data[0] == '.') {

        zone.data++;
        zone.len--;

        if (zone.len == 0 || zone.data[0] < '0' || zone.data[0] > '9') {
            goto malformed;
        }

        while (zone.len && zone.data[0] >= '0' && zone.data[0] <= '9') {
            zone.data++;
            zone.len--;
        }
    }

    if (!reg_offset_parse(&offset, zone)) {
        goto malformed;
    }

    if (year < 1970 || month < 1 || month > 12 || day < 1
        || day > reg_days_in_month(year, month)
        || hour > 23 || minute > 59 || second > 59)
    {
        reg_error_set(error, "\"%.*s\" is no time in the calendar",
                      REG_FMT(text));
        return REG_INVALID;
    }

    t = reg_days_from_civil(year, month, day) * REG_DAY
        + (int64_t) hour * REG_HOUR + (int64_t) minute * REG_MINUTE + second
        - offset;

    if (t < 0 || t > REG_TIME_MAX) {
        reg_error_set(error, "\"%.*s\" is not between the years 1970 and 9999",
                      REG_FMT(text));
        return REG_INVALID;
    }

    *seconds = t;

    return REG_OK;

malformed:

    reg_error_set(error, "\"%.*s\" is no time, write it as "
                  "2026-01-31T23:59:59Z", REG_FMT(text));

    return REG_INVALID;
}


reg_rc_t
reg_duration_parse(int64_t *seconds, reg_str_t text, reg_error_t *error)
{
    size_t   i;
    int64_t  n, unit;

    n = 0;

    for (i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
    {
        n = n * 10 + (text.data[i] - '0');

        if (n > REG_DURATION_MAX) {
            reg_error_set(error, "\"%.*s\" is longer than 100 years",
                          REG_FMT(text));
            return REG_INVALID;
        }
    }

    unit = 0;

    if (i > 0 && i + 1 == text.len) {

        switch (text.data[i]) {
        case 's':
            unit = 1;
            break;
        case 'm':
            unit = REG_MINUTE;
            break;
        case 'h':
            unit = REG_HOUR;
            break;
        case 'd':
            unit = REG_DAY;
            break;
        case 'w':
            unit = REG_WEEK;
            break;
        }
    }

    if (unit == 0 || n == 0) {
        reg_error_set(error, "\"%.*s\" is no duration, write a positive number "
                      "and one of s, m, h, d, w, such as 90d", REG_FMT(text));
        return REG_INVALID;
    }

    if (n > REG_DURATION_MAX / unit) {
        reg_error_set(error, "\"%.*s\" is longer than 100 years",
                      REG_FMT(text));
        return REG_INVALID;
    }

    *seconds = n * unit;

    return REG_OK;
}


/* The civil calendar from days, by Howard Hinnant's algorithm. */

void
reg_time_format(char buf[REG_TIME_LEN + 1], int64_t seconds)
{
    int64_t   z, era, doe, yoe, doy, mp;
    unsigned  year, month, day, rest;
    char      text[64];

    z = seconds / REG_DAY + 719468;
    era = z / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;

    day = (unsigned) (doy - (153 * mp + 2) / 5 + 1);
    month = (unsigned) (mp < 10 ? mp + 3 : mp - 9);
    year = (unsigned) (yoe + era * 400 + (month <= 2));
    rest = (unsigned) (seconds % REG_DAY);

    (void) snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02uZ",
                    year, month, day, rest / REG_HOUR,
                    rest % REG_HOUR / REG_MINUTE, rest % REG_MINUTE);

    memcpy(buf, text, REG_TIME_LEN);
    buf[REG_TIME_LEN] = '\0';
}


static int
reg_digits(unsigned *value, const unsigned char *p, size_t n)
{
    *value = 0;

    while (n--) {
        if (*p < '0' || *p > '9') {
            return 0;
        }

        *value = *value * 10 + (unsigned) (*p++ - '0');
    }

    return 1;
}


static unsigned
reg_days_in_month(unsigned year, unsigned month)
{
    static const unsigned char  days[] = { 31, 28, 31, 30, 31, 30,
                                           31, 31, 30, 31, 30, 31 };

    if (month == 2
        && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
    {
        return 29;
    }

    return days[month - 1];
}


static int64_t
reg_days_from_civil(unsigned year, unsigned month, unsigned day)
{
    int64_t  y, era, yoe, doy, doe;

    y = (int64_t) year - (month <= 2);
    era = y / 400;
    yoe = y - era * 400;
    doy = (153 * (int64_t) (month > 2 ? month - 3 : month + 9) + 2) / 5
          + (int64_t) day - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + doe - 719468;
}


/* "Z", or "+hh:mm" and "-hh:mm". */

static int
reg_offset_parse(int64_t *seconds, reg_str_t text)
{
    unsigned  hour, minute;

    if (text.len == 1 && (text.data[0] == 'Z' || text.data[0] == 'z')) {
        *seconds = 0;
        return 1;
    }

    if (text.len != 6
        || (text.data[0] != '+' && text.data[0] != '-')
        || text.data[3] != ':'
        || !reg_digits(&hour, text.data + 1, 2) || hour > 23
        || !reg_digits(&minute, text.data + 4, 2) || minute > 59)
    {
        return 0;
    }

    *seconds = (int64_t) hour * REG_HOUR + (int64_t) minute * REG_MINUTE;

    if (text.data[0] == '-') {
        *seconds = -*seconds;
    }

    return 1;
}
