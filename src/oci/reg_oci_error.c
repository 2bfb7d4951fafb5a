/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_oci_error.h"


typedef struct {
    unsigned     status;
    const char  *code;
    const char  *message;
} reg_oci_status_t;


static const reg_oci_status_t  reg_oci_statuses[] = {
    { 400, "UNSUPPORTED", "malformed request" },
    { 401, "UNAUTHORIZED", "authentication required" },
    { 403, "DENIED", "access to the requested resource is denied" },
    { 404, "NAME_UNKNOWN", "there is no such endpoint" },
    { 405, "UNSUPPORTED", "the method is not allowed here" },
    { 411, "SIZE_INVALID", "a Content-Length is required" },
    { 413, "SIZE_INVALID", "the request body is too large" },
    { 414, "NAME_INVALID", "the request target is too long" },
    { 415, "UNSUPPORTED", "a form is no body for this API" },
    { 416, "RANGE_INVALID", "the range cannot be satisfied" },
    { 429, "TOOMANYREQUESTS", "too many requests" },

    /* nginx's own kinds of 400: headers too large, certificates, plain HTTP */

    { 494, "UNSUPPORTED", "the request headers are too large" },
    { 495, "UNSUPPORTED", "the client certificate is not valid" },
    { 496, "UNSUPPORTED", "a client certificate is required" },
    { 497, "UNSUPPORTED", "plain HTTP was sent to an HTTPS port" },

    { 500, "UNKNOWN", "internal error" },
    { 501, "UNSUPPORTED", "not implemented" },
    { 502, "UNAVAILABLE", "the registry behind this gateway gave no valid "
                          "answer" },
    { 503, "UNAVAILABLE", "service temporarily unavailable" },
    { 504, "UNAVAILABLE", "the registry behind this gateway did not answer in "
                          "time" },
    { 505, "UNSUPPORTED", "the HTTP version is not supported" },
    { 0, "UNKNOWN", "unknown error" }
};


static const reg_oci_status_t *reg_oci_status(unsigned status);
static unsigned char *reg_json_put(unsigned char *p, const char *text);
static unsigned char *reg_json_put_member(unsigned char *p,
    unsigned char *last, const char *before, const char *text);
static unsigned char *reg_json_put_string(unsigned char *p,
    unsigned char *last, const char *text);


const char *
reg_oci_error_code(unsigned status)
{
    return reg_oci_status(status)->code;
}


const char *
reg_oci_error_message(unsigned status)
{
    return reg_oci_status(status)->message;
}


size_t
reg_oci_error_body(unsigned char *buf, const char *code, const char *message,
    const char *detail)
{
    unsigned char  *p, *last;

    /* room for what closes the document, however long the parts are */

    last = buf + REG_OCI_ERROR_MAX - (sizeof("\"}]}\n") - 1);

    p = reg_json_put_member(buf, last, "{\"errors\":[{\"code\":\"", code);
    p = reg_json_put_member(p, last, "\",\"message\":\"", message);

    if (detail) {
        p = reg_json_put_member(p, last, "\",\"detail\":\"", detail);
    }

    p = reg_json_put(p, "\"}]}\n");

    return (size_t) (p - buf);
}


size_t
reg_oci_error_body_json(unsigned char *buf, const char *code,
    const char *message, reg_str_t detail)
{
    unsigned char  *p, *last;

    last = buf + REG_OCI_ERROR_MAX - (sizeof("\"}]}\n") - 1);

    p = reg_json_put_member(buf, last, "{\"errors\":[{\"code\":\"", code);
    p = reg_json_put_member(p, last, "\",\"message\":\"", message);

    if ((size_t) (last - p) >= sizeof("\",\"detail\":") - 1 + detail.len) {
        p = reg_json_put(p, "\",\"detail\":");
        memcpy(p, detail.data, detail.len);
        p = reg_json_put(p + detail.len, "}]}\n");

    } else {
        p = reg_json_put(p, "\"}]}\n");
    }

    return (size_t) (p - buf);
}


static const reg_oci_status_t *
reg_oci_status(unsigned status)
{
    const reg_oci_status_t  *s;

    for (s = reg_oci_statuses; s->status; s++) {
        if (s->status == status) {
            break;
        }
    }

    return s;
}


static unsigned char *
reg_json_put(unsigned char *p, const char *text)
{
    size_t  len;

    len = strlen(text);
    memcpy(p, text, len);

    return p + len;
}


/* The end of the member before, the name of this one and as much as fits. */

static unsigned char *
reg_json_put_member(unsigned char *p, unsigned char *last, const char *before,
    const char *text)
{
    if ((size_t) (last - p) < strlen(before)) {
        return p;
    }

    return reg_json_put_string(reg_json_put(p, before), last, text);
}


static unsigned char *
reg_json_put_string(unsigned char *p, unsigned char *last, const char *text)
{
    static const char  hex[] = "0123456789abcdef";

    unsigned char  c;

    for ( /* void */ ; *text; text++) {

        c = (unsigned char) *text;

        if (last - p < 6) {
            break;
        }

        if (c == '"' || c == '\\') {
            *p++ = '\\';
            *p++ = c;

        } else if (c < 0x20 || c >= 0x7f) {
            memcpy(p, "\\u00", 4);
            p[4] = (unsigned char) hex[c >> 4];
            p[5] = (unsigned char) hex[c & 0xf];
            p += 6;

        } else {
            *p++ = c;
        }
    }

    return p;
}
