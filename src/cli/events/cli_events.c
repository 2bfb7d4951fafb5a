/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * events deliver: lines of an access log as events, at least once each.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli_events.h"
#include "cli_file.h"
#include "cli_value.h"

#define CLI_EVENTS_SAVE     64          /* lines at most that come twice */
#define CLI_EVENTS_PAUSE    250         /* milliseconds between looks */
#define CLI_EVENTS_RETRIES  8
#define CLI_EVENTS_BACKOFF  60          /* seconds, at most */


static volatile sig_atomic_t  cli_events_stop;


static cli_rc_t cli_events_options(cli_events_t *events);
static cli_rc_t cli_events_run(cli_events_t *events);
static cli_rc_t cli_events_line(cli_events_t *events, reg_str_t line);
static cli_rc_t cli_events_send(cli_events_t *events, reg_str_t line,
    const char *body);
static cli_rc_t cli_events_dead(cli_events_t *events, reg_str_t line,
    const char *why);
static void cli_events_signal(int signo);
static void cli_events_sleep(long milliseconds);


cli_rc_t
cli_events_deliver(cli_t *cli)
{
    cli_rc_t          rc;
    cli_events_t      events;
    struct sigaction  sa;

    memset(&events, 0, sizeof(cli_events_t));
    memset(&sa, 0, sizeof(struct sigaction));

    events.cli = cli;
    events.dead = -1;

    /* a line that is being delivered is, and then the place is saved */

    sa.sa_handler = cli_events_signal;
    (void) sigaction(SIGTERM, &sa, NULL);
    (void) sigaction(SIGINT, &sa, NULL);

    rc = cli_events_options(&events);

    if (rc == CLI_DONE) {
        rc = cli_tail_open(&events.tail, cli_value(cli, CLI_OPT_LOG),
                           cli_value(cli, CLI_OPT_PLACE));
    }

    if (rc == CLI_DONE) {
        rc = cli_events_run(&events);
    }

    if (events.dead != -1) {
        (void) close(events.dead);
    }

    cli_events_close(&events);
    cli_webhook_close(events.hook);
    cli_tail_close(events.tail);

    return rc;
}


static cli_rc_t
cli_events_options(cli_events_t *events)
{
    char         *end;
    long          retries;
    cli_rc_t      rc;
    const char   *text;
    const cli_t  *cli = events->cli;

    text = cli_value(cli, CLI_OPT_AS);

    if (text && strcmp(text, "cloudevents") == 0) {
        events->format = REG_EVENT_CLOUDEVENTS;

    } else if (text && strcmp(text, "distribution") != 0) {
        return cli_fail(CLI_USAGE, "--as is distribution or cloudevents");
    }

    text = cli_value(cli, CLI_OPT_RETRIES);
    retries = text ? strtol(text, &end, 10) : CLI_EVENTS_RETRIES;

    if (text && (*text < '0' || *text > '9' || *end || retries > 1000)) {
        return cli_fail(CLI_USAGE, "--retries is a number up to 1000");
    }

    events->retries = (unsigned) retries;
    events->once = cli_value(cli, CLI_OPT_ONCE) != NULL;
    events->stream = cli_value(cli, CLI_OPT_STREAM);

    rc = cli_webhook_open(&events->hook, cli);

    if (rc == CLI_DONE && events->hook == NULL && events->stream == NULL) {
        return cli_fail(CLI_USAGE, "where to? --webhook or --stream says so");
    }

    if (rc == CLI_DONE && events->stream) {
        rc = cli_events_stream_check(events);
    }

    text = cli_value(cli, CLI_OPT_DEAD_LETTER);

    if (rc == CLI_DONE && text) {
        events->dead = open(text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC
                                  | O_NOFOLLOW, CLI_FILE_MODE);

        if (events->dead == -1) {
            return cli_fail(CLI_STORE, "%s: %s", text, strerror(errno));
        }
    }

    return rc;
}


static cli_rc_t
cli_events_run(cli_events_t *events)
{
    unsigned   unsaved;
    cli_rc_t   rc;
    reg_str_t  line;

    unsaved = 0;

    for ( ;; ) {
        rc = cli_events_stop ? CLI_NO
                             : cli_tail_next(events->tail, &line,
                                             REG_EVENT_LINE_MAX);

        if (rc == CLI_DONE) {
            rc = cli_events_line(events, line);

            /* CLI_NO: it was not delivered, for we were told to stop */

            if (rc != CLI_DONE) {
                return rc == CLI_NO ? CLI_DONE : rc;
            }

            unsaved++;

        } else if (rc != CLI_NO) {
            return rc;
        }

        if (unsaved && (rc == CLI_NO || unsaved >= CLI_EVENTS_SAVE)) {

            if (cli_tail_save(events->tail) != CLI_DONE) {
                return CLI_STORE;
            }

            unsaved = 0;
        }

        if (rc == CLI_NO) {

            if (events->once || cli_events_stop) {
                return CLI_DONE;
            }

            cli_events_sleep(CLI_EVENTS_PAUSE);
        }
    }
}


static cli_rc_t
cli_events_line(cli_events_t *events, reg_str_t line)
{
    char         *body;
    json_t       *event;
    cli_rc_t      rc;
    reg_error_t   error;

    switch (reg_event_make(&event, events->format, line, &error)) {

    case REG_OK:
        break;

    case REG_NOTFOUND:
        return CLI_DONE;

    case REG_INVALID:
        return cli_events_dead(events, line, error.text);

    default:
        return cli_nomem();
    }

    body = json_dumps(event, JSON_COMPACT);

    json_decref(event);

    if (body == NULL) {
        return cli_nomem();
    }

    rc = cli_events_send(events, line, body);

    free(body);

    return rc;
}


/* Where it has arrived it is not sent again. */

static cli_rc_t
cli_events_send(cli_events_t *events, reg_str_t line, const char *body)
{
    int               refused;
    long              pause;
    unsigned          i, hook, stream;
    reg_error_t       error;
    cli_webhook_rc_t  rc;

    hook = events->hook != NULL;
    stream = events->stream != NULL;
    pause = 1;

    for (i = 0; ; i++) {
        refused = 0;

        if (hook) {
            rc = cli_webhook_post(events->hook, reg_event_type(events->format),
                                  body, &error);
            hook = (rc != CLI_WEBHOOK_DONE);
            refused = (rc == CLI_WEBHOOK_REFUSED);
        }

        if (stream && cli_events_stream(events, body, &error)) {
            stream = 0;
        }

        if (!hook && !stream) {
            return CLI_DONE;
        }

        if (cli_events_stop) {
            return CLI_NO;
        }

        if (events->dead != -1 && !stream
            && (refused || i >= events->retries))
        {
            return cli_events_dead(events, line, error.text);
        }

        if (events->once && i >= events->retries) {
            return cli_fail(CLI_STORE, "%s; the next run tries again",
                            error.text);
        }

        if (i == 0) {
            cli_note("%s; trying again", error.text);
        }

        cli_events_sleep(pause * 1000);
        pause = pause * 2 > CLI_EVENTS_BACKOFF ? CLI_EVENTS_BACKOFF
                                               : pause * 2;

        if (cli_events_stop) {
            return CLI_NO;
        }
    }
}


/* With nowhere to put it, a broken line is noted and passed over. */

static cli_rc_t
cli_events_dead(cli_events_t *events, reg_str_t line, const char *why)
{
    int      bad;
    char    *text;
    json_t  *json, *content;
    size_t   len;

    cli_note("a line is not delivered: %s", why);

    if (events->dead == -1) {
        return CLI_DONE;
    }

    /* what is no UTF-8 has no place in JSON, and is told by its length */

    content = json_stringn((const char *) line.data, line.len);
    content = content ? content : json_sprintf("%zu bytes", line.len);

    json = json_pack("{s:o,s:s,s:o}", "time",
                     cli_json_time((int64_t) time(NULL)), "error", why,
                     "line", content);
    text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    json_decref(json);

    if (text == NULL) {
        return cli_nomem();
    }

    len = strlen(text);
    text[len] = '\n';

    bad = write(events->dead, text, len + 1) != (ssize_t) len + 1
          || fdatasync(events->dead) == -1;

    free(text);

    return bad ? cli_fail(CLI_STORE, "%s: %s",
                          cli_value(events->cli, CLI_OPT_DEAD_LETTER),
                          strerror(errno))
               : CLI_DONE;
}


static void
cli_events_signal(int signo)
{
    (void) signo;

    cli_events_stop = 1;
}


static void
cli_events_sleep(long milliseconds)
{
    struct timespec  ts;

    ts.tv_sec = milliseconds / 1000;
    ts.tv_nsec = milliseconds % 1000 * 1000000;

    (void) nanosleep(&ts, NULL);
}
