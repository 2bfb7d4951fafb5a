/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_EVENTS_H
#define CLI_EVENTS_H

/*
 * What the files of events deliver share.
 */

#include "cli_store.h"
#include "cli_tail.h"
#include "cli_webhook.h"
#include "reg_event.h"

typedef struct {
    const cli_t         *cli;
    reg_event_format_t   format;
    cli_tail_t          *tail;
    cli_webhook_t       *hook;          /* NULL: there is none */
    const char          *stream;        /* likewise */
    cli_store_t          store;         /* the Redis of the stream */
    unsigned             linked:1;
    unsigned             once:1;
    unsigned             retries;
    int                  dead;          /* -1: there is no such file */
} cli_events_t;


/* cli_events_stream.c */

/* That --store is a Redis that can be reached. */

cli_rc_t cli_events_stream_check(cli_events_t *events);

/* Appends an event; 0 after *error says why not. */

int cli_events_stream(cli_events_t *events, const char *body,
    reg_error_t *error);

void cli_events_close(cli_events_t *events);

#endif /* CLI_EVENTS_H */
