/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_EVENT_H
#define REG_EVENT_H

/*
 * Events, from lines of the access log that conf.example/nginx.conf writes: an
 * object of JSON each.  Pulls, pushes, mounts and deletions that succeeded
 * are events; a HEAD, a part of an upload or a refused request is none.
 */

#include <jansson.h>

#include "reg_core.h"

/* more than the headers of a request can become by escapes */

#define REG_EVENT_LINE_MAX  262144

typedef enum {
    REG_EVENT_DISTRIBUTION = 0,     /* {"events":[...]}, as Distribution's */
    REG_EVENT_CLOUDEVENTS           /* CloudEvents 1.0, structured */
} reg_event_format_t;


/* The media type of a format. */

const char *reg_event_type(reg_event_format_t format);


/*
 * Makes an event of a line, without its newline.  Bytes that are no UTF-8
 * become "?": a client may send any, and must not be able to hide what it does.
 *
 * REG_OK        the caller frees *event
 * REG_NOTFOUND  the line is none
 * REG_INVALID   the line is not of that log; *error says why
 * REG_NOMEM
 */

reg_rc_t reg_event_make(json_t **event, reg_event_format_t format,
    reg_str_t line, reg_error_t *error);

#endif /* REG_EVENT_H */
