/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_resp.h"


static reg_str_t reg_resp_word(reg_str_t *text);
static reg_rc_t reg_resp_number(unsigned *n, reg_str_t text, unsigned max);


static const struct {
    const char        *word;
    reg_resp_error_t   error;
} reg_resp_errors[] = {
    { "MOVED", REG_RESP_MOVED },
    { "ASK", REG_RESP_ASK },
    { "TRYAGAIN", REG_RESP_TRYAGAIN },
    { "CLUSTERDOWN", REG_RESP_CLUSTERDOWN },
    { "LOADING", REG_RESP_LOADING },
    { "READONLY", REG_RESP_READONLY },
    { "MASTERDOWN", REG_RESP_MASTERDOWN },
    { "BUSY", REG_RESP_BUSY },
    { "OOM", REG_RESP_OOM },
    { "NOSCRIPT", REG_RESP_NOSCRIPT },
    { "NOAUTH", REG_RESP_NOAUTH },
    { "WRONGPASS", REG_RESP_NOAUTH },
    { "NOPERM", REG_RESP_NOPERM },
    { "MISCONF", REG_RESP_MISCONF }
};

#define REG_RESP_NERRORS                                                      \
    (sizeof(reg_resp_errors) / sizeof(reg_resp_errors[0]))


reg_resp_error_t
reg_resp_error(const redisReply *reply)
{
    size_t     i;
    reg_str_t  text, word;

    if (reply->type != REDIS_REPLY_ERROR) {
        return REG_RESP_NO_ERROR;
    }

    text = (reg_str_t) { reply->len, (unsigned char *) reply->str };
    word = reg_resp_word(&text);

    for (i = 0; i < REG_RESP_NERRORS; i++) {

        if (reg_str_eq(word, reg_str(reg_resp_errors[i].word))) {
            return reg_resp_errors[i].error;
        }
    }

    return REG_RESP_OTHER;
}


void
reg_resp_error_text(reg_error_t *text, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR) {
        reg_error_set(text, "no error");
        return;
    }

    reg_error_set(text, "%.*s", (int) (reply->len < REG_ERROR_MAX
                                       ? reply->len : REG_ERROR_MAX),
                  reply->str);
}


reg_rc_t
reg_resp_redirect(const redisReply *reply, unsigned *slot, reg_str_t *host,
    unsigned *port)
{
    size_t            i, colon;
    reg_str_t         text, where;
    reg_resp_error_t  error;

    error = reg_resp_error(reply);

    if (error != REG_RESP_MOVED && error != REG_RESP_ASK) {
        return REG_INVALID;
    }

    text = (reg_str_t) { reply->len, (unsigned char *) reply->str };

    (void) reg_resp_word(&text);

    if (reg_resp_number(slot, reg_resp_word(&text), REG_REDIS_SLOTS - 1)
        != REG_OK)
    {
        return REG_INVALID;
    }

    where = reg_resp_word(&text);

    if (text.len > 0) {
        return REG_INVALID;
    }

    /* an IPv6 address stands here without brackets: the last colon counts */

    colon = where.len;

    for (i = 0; i < where.len; i++) {

        if (where.data[i] == ':') {
            colon = i;
        }
    }

    *host = (reg_str_t) { colon, where.data };

    if (colon == where.len || reg_redis_host_check(*host) != REG_OK) {
        return REG_INVALID;
    }

    where.data += colon + 1;
    where.len -= colon + 1;

    if (reg_resp_number(port, where, 65535) != REG_OK || *port == 0) {
        return REG_INVALID;
    }

    return REG_OK;
}


/* Cuts the first word off, and the space behind it. */

static reg_str_t
reg_resp_word(reg_str_t *text)
{
    size_t     n;
    reg_str_t  word;

    for (n = 0; n < text->len && text->data[n] != ' '; n++) { /* void */ }

    word = (reg_str_t) { n, text->data };

    if (n < text->len) {
        n++;
    }

    if (n > 0) {
        text->data += n;
        text->len -= n;
    }

    return word;
}


static reg_rc_t
reg_resp_number(unsigned *n, reg_str_t text, unsigned max)
{
    size_t  i;

    if (text.len == 0 || text.len > 5) {
        return REG_INVALID;
    }

    *n = 0;

    for (i = 0; i < text.len; i++) {

        if (text.data[i] < '0' || text.data[i] > '9') {
            return REG_INVALID;
        }

        *n = *n * 10 + (unsigned) (text.data[i] - '0');
    }

    return *n <= max ? REG_OK : REG_INVALID;
}


reg_rc_t
reg_redis_host_check(reg_str_t text)
{
    size_t         i;
    unsigned char  c;

    if (text.len > REG_REDIS_HOST_MAX) {
        return REG_INVALID;
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || c == '.' || c == ':' || c == '-' || c == '_')
        {
            continue;
        }

        return REG_INVALID;
    }

    return REG_OK;
}
