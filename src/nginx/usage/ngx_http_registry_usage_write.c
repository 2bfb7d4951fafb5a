/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Where uses are written down: in a file that nginx opens as it opens logs, or
 * in a stream of Redis for each key.  What cannot be written is tried again the
 * next time, up to a number of lines.
 *
 * A network from which a key is used for the first time is worth a line in the
 * log, unless it is the first of all.
 */

#include "ngx_http_registry_limit.h"
#include "ngx_http_registry_usage.h"

#include "reg_api_key.h"
#include "reg_issuer.h"

#define NGX_HTTP_REGISTRY_USAGE_CHUNK  65536     /* bytes of one write */

/* What a start looks at in the file, to know the networks: its last bytes. */

#define NGX_HTTP_REGISTRY_USAGE_TAIL   (8 * 1024 * 1024)

/* A network is known for so long: 90 days in nanoseconds, and in seconds. */

#define NGX_HTTP_REGISTRY_USAGE_KNOWN  ((int64_t) 90 * 86400 * 1000000000)


/* The prefix, and the id of a key or a subject, "usage:{...}:networks". */

#define NGX_HTTP_REGISTRY_USAGE_KEY_MAX                                       \
    (REG_STORE_PREFIX_MAX + REG_SUBJECT_MAX + sizeof("usage:{}:networks"))


/* Its text lies behind it. */

typedef struct {
    ngx_queue_t                      queue;
    ngx_http_registry_usage_conf_t  *ucf;
    ngx_http_registry_run_t         *run;        /* NULL: Redis has it not */
    char                             network[REG_USAGE_NETWORK_LEN];
    ngx_str_t                        key_id;
    ngx_str_t                        text;
} ngx_http_registry_usage_line_t;


static void ngx_http_registry_usage_take(ngx_http_registry_usage_conf_t *ucf,
    ngx_log_t *log);
static ngx_int_t ngx_http_registry_usage_line(
    ngx_http_registry_usage_conf_t *ucf, ngx_http_registry_use_t *use,
    ngx_log_t *log);
static void ngx_http_registry_usage_drop(ngx_http_registry_usage_line_t *line);
static void ngx_http_registry_usage_to_file(
    ngx_http_registry_usage_conf_t *ucf, ngx_log_t *log);
static void ngx_http_registry_usage_to_redis(
    ngx_http_registry_usage_conf_t *ucf);
static ngx_int_t ngx_http_registry_usage_send(
    ngx_http_registry_topology_t *redis, ngx_http_registry_usage_line_t *line);
static void ngx_http_registry_usage_sent(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin);
static void ngx_http_registry_usage_new_network(
    ngx_http_registry_usage_line_t *line, ngx_log_t *log);
static ngx_uint_t ngx_http_registry_usage_mark(reg_marks_t *marks,
    ngx_str_t key_id, const char *network);
static int64_t ngx_http_registry_usage_extend(void *data, int64_t mark);
static void ngx_http_registry_usage_known(reg_marks_t *marks, u_char *p,
    u_char *last);


void
ngx_http_registry_usage_write(ngx_http_registry_usage_conf_t *ucf,
    ngx_log_t *log)
{
    ngx_http_registry_usage_take(ucf, log);

    if (ucf->file) {
        ngx_http_registry_usage_to_file(ucf, log);

    } else {
        ngx_http_registry_usage_to_redis(ucf);
    }

    if (ucf->lost) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "registry: the usage of keys cannot "
                      "be written down: %ui lines are lost", ucf->lost);
        ucf->lost = 0;
    }
}


void
ngx_http_registry_usage_forget(ngx_http_registry_usage_conf_t *ucf)
{
    while (!ngx_queue_empty(&ucf->lines)) {
        ngx_http_registry_usage_drop(ngx_queue_data(
                                       ngx_queue_head(&ucf->lines),
                                       ngx_http_registry_usage_line_t, queue));
    }
}


void
ngx_http_registry_usage_read(reg_marks_t *marks, ngx_str_t *name,
    ngx_log_t *log)
{
    off_t            size, from;
    u_char          *buf;
    ssize_t          n;
    ngx_file_t       file;
    ngx_file_info_t  fi;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = log;
    file.fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {

        if (ngx_errno != NGX_ENOENT) {
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          ngx_open_file_n " \"%V\" failed", name);
        }

        return;
    }

    size = (ngx_fd_info(file.fd, &fi) == NGX_FILE_ERROR) ? 0
                                                         : ngx_file_size(&fi);
    from = ngx_max(size - NGX_HTTP_REGISTRY_USAGE_TAIL, 0);

    buf = size ? ngx_alloc((size_t) (size - from), log) : NULL;

    if (buf) {
        n = ngx_read_file(&file, buf, (size_t) (size - from), from);

        if (n > 0) {
            ngx_http_registry_usage_known(marks, buf, buf + n);
        }

        ngx_free(buf);
    }

    (void) ngx_close_file(file.fd);
}


/* From the table to lines, oldest first. */

static void
ngx_http_registry_usage_take(ngx_http_registry_usage_conf_t *ucf,
    ngx_log_t *log)
{
    ngx_http_registry_use_t  *use;

    while (ucf->uses && (use = ngx_http_registry_uses_first(ucf->uses))) {

        if (ucf->nlines == NGX_HTTP_REGISTRY_USES_MAX
            || ngx_http_registry_usage_line(ucf, use, log) != NGX_OK)
        {
            ucf->lost++;
        }

        ngx_http_registry_uses_remove(ucf->uses, use);
    }
}


static ngx_int_t
ngx_http_registry_usage_line(ngx_http_registry_usage_conf_t *ucf,
    ngx_http_registry_use_t *use, ngx_log_t *log)
{
    char                            *text;
    size_t                           len;
    u_char                          *p;
    ngx_http_registry_usage_line_t  *line;

    if (reg_usage_format(&text, &use->usage) != REG_OK) {
        return NGX_ERROR;
    }

    len = ngx_strlen(text);

    line = ngx_alloc(sizeof(ngx_http_registry_usage_line_t)
                     + use->usage.key_id.len + len + 1, log);
    if (line == NULL) {
        free(text);
        return NGX_ERROR;
    }

    line->ucf = ucf;
    line->run = NULL;

    reg_usage_network(line->network, &use->address);

    p = (u_char *) &line[1];

    line->key_id.data = p;
    line->key_id.len = use->usage.key_id.len;
    p = ngx_cpymem(p, use->usage.key_id.data, use->usage.key_id.len);

    line->text.data = p;
    line->text.len = len + 1;
    p = ngx_cpymem(p, text, len);
    *p = '\n';

    free(text);

    ngx_queue_insert_tail(&ucf->lines, &line->queue);
    ucf->nlines++;

    return NGX_OK;
}


static void
ngx_http_registry_usage_drop(ngx_http_registry_usage_line_t *line)
{
    if (line->run) {
        ngx_http_registry_script_detach(line->run);
    }

    ngx_queue_remove(&line->queue);
    line->ucf->nlines--;

    ngx_free(line);
}


/*
 * Whole lines in each write, for other workers write to the file as well.  What
 * a full disk has taken of them is not written again, and the line that it has
 * cut does not swallow the next one of this worker.
 */

static void
ngx_http_registry_usage_to_file(ngx_http_registry_usage_conf_t *ucf,
    ngx_log_t *log)
{
    u_char                          *p, buf[NGX_HTTP_REGISTRY_USAGE_CHUNK];
    size_t                           left;
    ssize_t                          n;
    ngx_err_t                        err;
    ngx_queue_t                     *q;
    reg_marks_t                     *marks;
    ngx_http_registry_usage_line_t  *line;

    marks = ucf->shm_zone->data;

    while (!ngx_queue_empty(&ucf->lines)) {
        p = buf;

        if (ucf->cut) {
            *p++ = '\n';
        }

        for (q = ngx_queue_head(&ucf->lines);
             q != ngx_queue_sentinel(&ucf->lines);
             q = ngx_queue_next(q))
        {
            line = ngx_queue_data(q, ngx_http_registry_usage_line_t, queue);

            if (line->text.len > (size_t) (buf + sizeof(buf) - p)) {
                break;
            }

            p = ngx_cpymem(p, line->text.data, line->text.len);
        }

        n = ngx_write_fd(ucf->file->fd, buf, (size_t) (p - buf));

        err = n == -1 ? ngx_errno : 0;
        left = 0;

        if (n > 0) {
            left = (size_t) n - ucf->cut;
            ucf->cut = (n != p - buf);
        }

        while (!ngx_queue_empty(&ucf->lines)) {

            line = ngx_queue_data(ngx_queue_head(&ucf->lines),
                                  ngx_http_registry_usage_line_t, queue);

            /* it may be there but for its end, which is written next */

            if (line->text.len > left + ucf->cut) {
                break;
            }

            left -= ngx_min(line->text.len, left);

            if (ngx_http_registry_usage_mark(marks, line->key_id,
                                             line->network))
            {
                ngx_http_registry_usage_new_network(line, log);
            }

            ngx_http_registry_usage_drop(line);
        }

        if (n != p - buf) {
            ngx_log_error(NGX_LOG_ALERT, log, err,
                          ngx_write_fd_n " to \"%V\" failed",
                          &ucf->file->name);
            return;
        }
    }
}


static void
ngx_http_registry_usage_to_redis(ngx_http_registry_usage_conf_t *ucf)
{
    ngx_queue_t                     *q;
    ngx_http_registry_topology_t    *redis;
    ngx_http_registry_usage_line_t  *line;

    redis = ucf->store->redis(ucf->store);

    if (redis == NULL) {
        return;
    }

    for (q = ngx_queue_head(&ucf->lines);
         q != ngx_queue_sentinel(&ucf->lines);
         q = ngx_queue_next(q))
    {
        line = ngx_queue_data(q, ngx_http_registry_usage_line_t, queue);

        if (line->run == NULL
            && ngx_http_registry_usage_send(redis, line) != NGX_OK)
        {
            return;
        }
    }
}


/* The keys of both are those of one slot. */

static ngx_int_t
ngx_http_registry_usage_send(ngx_http_registry_topology_t *redis,
    ngx_http_registry_usage_line_t *line)
{
    u_char     *p, buf[NGX_HTTP_REGISTRY_USAGE_KEY_MAX];
    u_char      networks[NGX_HTTP_REGISTRY_USAGE_KEY_MAX];
    reg_str_t   argv[4];

    p = ngx_cpymem(buf, line->ucf->prefix.data, line->ucf->prefix.len);
    p = ngx_sprintf(p, "usage:{%V}", &line->key_id);

    argv[0].data = buf;
    argv[0].len = (size_t) (p - buf);

    p = ngx_cpymem(networks, argv[0].data, argv[0].len);
    p = ngx_cpymem(p, ":networks", sizeof(":networks") - 1);

    argv[1].data = networks;
    argv[1].len = (size_t) (p - networks);

    argv[2].data = line->text.data;
    argv[2].len = line->text.len - 1;

    argv[3] = reg_str(line->network);

    line->run = ngx_http_registry_script_run(redis, &line->ucf->script, 2, 4,
                                             argv,
                                             ngx_http_registry_usage_sent,
                                             line);

    return line->run ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_registry_usage_sent(void *data, redisReply *reply,
    const ngx_http_registry_origin_t *origin)
{
    ngx_http_registry_usage_line_t *line = data;

    ngx_log_t    *log;
    reg_error_t   text;

    line->run = NULL;
    log = line->ucf->timer.log;

    if (reply == NULL) {
        return;                          /* it is sent again */
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        reg_resp_error_text(&text, reply);

        if (!line->ucf->complained) {
            line->ucf->complained = 1;

            ngx_log_error(NGX_LOG_ERR, log, 0, "registry: the usage of keys "
                          "cannot be written down: %s", text.text);
        }

        return;
    }

    line->ucf->complained = 0;

    if (reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
        ngx_http_registry_usage_new_network(line, log);
    }

    ngx_http_registry_usage_drop(line);
}


static void
ngx_http_registry_usage_new_network(ngx_http_registry_usage_line_t *line,
    ngx_log_t *log)
{
    ngx_log_error(NGX_LOG_NOTICE, log, 0, "registry: the API key \"%V\" was "
                  "used from a new network, %s", &line->key_id,
                  line->network);
}


/* 1 when the network is new, and the key is not. */

static ngx_uint_t
ngx_http_registry_usage_mark(reg_marks_t *marks, ngx_str_t key_id,
    const char *network)
{
    u_char     *p, buf[REG_API_KEY_ID_LEN + 1 + REG_USAGE_NETWORK_LEN];
    int64_t     now, until;
    uint64_t    key, pair;
    reg_str_t   text;
    ngx_uint_t  is_new;

    if (key_id.len > REG_API_KEY_ID_LEN) {
        return 0;
    }

    text.data = buf;

    p = ngx_cpymem(buf, key_id.data, key_id.len);
    *p++ = '/';

    text.len = (size_t) (p - buf);
    key = reg_marks_key(marks, text);

    p = ngx_cpymem(p, network, ngx_strlen(network));

    text.len = (size_t) (p - buf);
    pair = reg_marks_key(marks, text);

    now = ngx_http_registry_limit_now();
    until = now + NGX_HTTP_REGISTRY_USAGE_KNOWN;

    is_new = reg_marks_get(marks, key) > now
             && reg_marks_get(marks, pair) <= now;

    (void) reg_marks_change(marks, key, now, ngx_http_registry_usage_extend,
                            &until);
    (void) reg_marks_change(marks, pair, now, ngx_http_registry_usage_extend,
                            &until);

    return is_new;
}


static int64_t
ngx_http_registry_usage_extend(void *data, int64_t mark)
{
    int64_t *until = data;

    return ngx_max(mark, *until);
}


/* A line that was cut, the first one perhaps, is none. */

static void
ngx_http_registry_usage_known(reg_marks_t *marks, u_char *p, u_char *last)
{
    char            network[REG_USAGE_NETWORK_LEN];
    void           *json;
    u_char         *end;
    reg_str_t       text;
    reg_usage_t     usage;
    reg_address_t   address;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '\n');
        if (end == NULL) {
            return;
        }

        text.data = p;
        text.len = (size_t) (end - p);

        if (reg_usage_parse(&usage, &json, text) != REG_OK) {
            continue;
        }

        if (reg_address_parse(&address, usage.address, NULL) != REG_OK) {
            address.family = REG_ADDRESS_NONE;
        }

        reg_usage_network(network, &address);

        (void) ngx_http_registry_usage_mark(marks,
                                    ngx_http_registry_ngx_str(usage.key_id),
                                    network);

        reg_usage_free(json);
    }
}
