/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdlib.h>

#include "reg_resp.h"


/*
 * Once a reply was longer than this, the reader's buffer is given back.  Left
 * to hiredis 0.14, running out of memory at that point would abort.
 */

#define REG_RESP_BUFFER_KEEP  65536

/* The arguments of a command for which no memory is asked. */

#define REG_RESP_ARGS_FEW     16

struct reg_resp_s {
    redisReader      *reader;
    reg_resp_scan_t   scan;
    size_t            replies;      /* whole ones that were not taken yet */
    size_t            waiting;      /* bytes fed since the last was taken */
    unsigned          broken:1;
};


static redisReader *reg_resp_reader(void);
static reg_rc_t reg_resp_failed(const reg_resp_t *resp);
static void reg_resp_shrink(reg_resp_t *resp);
static reg_rc_t reg_resp_format(unsigned char **out, size_t *len, size_t argc,
    const reg_str_t *argv, const char **data, size_t *sizes);


reg_resp_t *
reg_resp_create(void)
{
    reg_resp_t  *resp;

    resp = calloc(1, sizeof(reg_resp_t));

    if (resp == NULL) {
        return NULL;
    }

    reg_resp_scan_init(&resp->scan);

    resp->reader = reg_resp_reader();

    if (resp->reader == NULL) {
        free(resp);
        return NULL;
    }

    return resp;
}


static redisReader *
reg_resp_reader(void)
{
    redisReader  *reader;

    reader = redisReaderCreate();

    if (reader != NULL) {
        reader->maxbuf = 0;
    }

    return reader;
}


void
reg_resp_free(reg_resp_t *resp)
{
    if (resp == NULL) {
        return;
    }

    redisReaderFree(resp->reader);
    free(resp);
}


#ifdef REG_RESP_PUSHES

void
reg_resp_allow_pushes(reg_resp_t *resp)
{
    resp->scan.pushes = 1;
}

#endif


reg_rc_t
reg_resp_feed(reg_resp_t *resp, const unsigned char *data, size_t len)
{
    size_t  good;

    if (resp->reader->err) {
        return reg_resp_failed(resp);
    }

    if (resp->broken) {
        return REG_INVALID;
    }

    if (len == 0) {
        return REG_OK;
    }

    if (resp->waiting > REG_RESP_REPLY_MAX) {
        resp->broken = 1;
        return REG_INVALID;
    }

    good = reg_resp_scan(&resp->scan, data, len, &resp->replies);

    if (good < len) {
        resp->broken = 1;
    }

    /* the answers before the fault are as good as if they had come alone */

    if (good > 0) {
        resp->waiting += good;

        if (redisReaderFeed(resp->reader, (const char *) data, good)
            != REDIS_OK)
        {
            return reg_resp_failed(resp);
        }
    }

    return resp->broken ? REG_INVALID : REG_OK;
}


reg_rc_t
reg_resp_next(reg_resp_t *resp, redisReply **reply)
{
    void  *found;

    *reply = NULL;

    if (resp->reader->err) {
        return reg_resp_failed(resp);
    }

    /*
     * hiredis is asked for whole replies only: it would look for the end of a
     * line from its beginning whenever a byte more has come.
     */

    if (resp->replies == 0) {
        return resp->broken ? REG_INVALID : REG_NOTFOUND;
    }

    if (redisReaderGetReply(resp->reader, &found) != REDIS_OK) {
        return reg_resp_failed(resp);
    }

    if (found == NULL) {

        /* it does not see the end that the scanner saw */

        resp->broken = 1;
        resp->replies = 0;

        return REG_INVALID;
    }

    *reply = found;

    resp->replies--;
    resp->waiting = resp->reader->len - resp->reader->pos;

    reg_resp_shrink(resp);

    return REG_OK;
}


static reg_rc_t
reg_resp_failed(const reg_resp_t *resp)
{
    return resp->reader->err == REDIS_ERR_OOM ? REG_NOMEM : REG_INVALID;
}


static void
reg_resp_shrink(reg_resp_t *resp)
{
    redisReader  *reader;

    if (resp->waiting > 0 || sdsalloc(resp->reader->buf) < REG_RESP_BUFFER_KEEP)
    {
        return;
    }

    reader = reg_resp_reader();

    if (reader != NULL) {
        redisReaderFree(resp->reader);
        resp->reader = reader;
    }
}


reg_rc_t
reg_resp_command(unsigned char **out, size_t *len, size_t argc,
    const reg_str_t *argv)
{
    size_t        *sizes, few_sizes[REG_RESP_ARGS_FEW];
    reg_rc_t       rc;
    const char   **data, *few_data[REG_RESP_ARGS_FEW];

    if (argc == 0 || argc > REG_RESP_ARGS_MAX) {
        return REG_INVALID;
    }

    if (argc <= REG_RESP_ARGS_FEW) {
        return reg_resp_format(out, len, argc, argv, few_data, few_sizes);
    }

    data = calloc(argc, sizeof(char *));
    sizes = calloc(argc, sizeof(size_t));

    rc = REG_NOMEM;

    if (data != NULL && sizes != NULL) {
        rc = reg_resp_format(out, len, argc, argv, data, sizes);
    }

    free(data);
    free(sizes);

    return rc;
}


static reg_rc_t
reg_resp_format(unsigned char **out, size_t *len, size_t argc,
    const reg_str_t *argv, const char **data, size_t *sizes)
{
    char    *command;
    size_t   i, left;
    long     n;

    left = REG_RESP_COMMAND_MAX;

    for (i = 0; i < argc; i++) {

        if (argv[i].len > left) {
            return REG_INVALID;
        }

        left -= argv[i].len;
        sizes[i] = argv[i].len;
        data[i] = argv[i].len ? (const char *) argv[i].data : "";
    }

    /* an int in hiredis 0.14, a long long in 1.x: the caps fit either */

    n = (long) redisFormatCommandArgv(&command, (int) argc, data, sizes);

    if (n < 0) {
        return REG_NOMEM;
    }

    *out = (unsigned char *) command;
    *len = (size_t) n;

    return REG_OK;
}
