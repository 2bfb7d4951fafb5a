/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include "reg_resp.h"


reg_rc_t
reg_run_id(reg_str_t *id, const redisReply *info)
{
    const char  *p, *end, *line;

    static const char  name[] = "run_id:";

    if (info->type != REDIS_REPLY_STRING) {
        return REG_INVALID;
    }

    p = info->str;
    end = p + info->len;

    while (p < end) {

        line = p;
        p = memchr(p, '\n', (size_t) (end - p));
        p = p != NULL ? p + 1 : end;

        if ((size_t) (p - line) > sizeof(name) - 1
            && memcmp(line, name, sizeof(name) - 1) == 0)
        {
            line += sizeof(name) - 1;
            id->data = (unsigned char *) line;

            while (line < p && *line != '\r' && *line != '\n') {
                line++;
            }

            id->len = (size_t) (line - (char *) id->data);

            return id->len > 0 ? REG_OK : REG_INVALID;
        }
    }

    return REG_NOTFOUND;
}
