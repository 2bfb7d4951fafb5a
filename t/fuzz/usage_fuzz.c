/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Lines of usage: what is read can be written, and read again it is the same;
 * whatever a client sends becomes one line of printable ASCII.
 */

#include <stdint.h>
#include <stdlib.h>

#include "reg_time.h"
#include "reg_usage.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_line(const reg_usage_t *usage)
{
    char         *line, *p;
    void         *json;
    reg_usage_t   again;

    CHECK(reg_usage_format(&line, usage) == REG_OK);

    for (p = line; *p; p++) {
        CHECK(*p >= 0x20 && *p < 0x7f);
    }

    CHECK(reg_usage_parse(&again, &json, reg_str(line)) == REG_OK);

    CHECK(again.count == usage->count);
    CHECK(again.first == usage->first && again.last == usage->last);
    CHECK(again.npushed == usage->npushed);
    CHECK(again.agent.len <= usage->agent.len);

    reg_usage_free(json);
    free(line);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void         *json;
    reg_str_t     text;
    reg_usage_t   usage;

    text.data = (unsigned char *) data;
    text.len = size;

    if (reg_usage_parse(&usage, &json, text) == REG_OK) {
        check_line(&usage);
        reg_usage_free(json);
    }

    memset(&usage, 0, sizeof(reg_usage_t));

    usage.key_id = text;
    usage.agent = text;
    usage.address = text;
    usage.count = 1;
    usage.npushed = 1;
    usage.pushed[0] = text;

    check_line(&usage);

    return 0;
}
