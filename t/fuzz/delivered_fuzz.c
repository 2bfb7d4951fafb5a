/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Lines of the files of what was delivered: whatever is read is written as the
 * same bytes again.
 */

#include <stdlib.h>

#include "reg_delivered.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char             text[REG_DELIVERED_LINE_MAX];
    char             instance[REG_LEDGER_INSTANCE_LEN + 1];
    size_t           len;
    int64_t          day;
    reg_str_t        line, name;
    reg_delivered_t  read, again;

    line = (reg_str_t) { size, (unsigned char *) data };

    if (reg_delivered_head(&day, &name, line) == REG_OK) {
        CHECK(name.len == REG_LEDGER_INSTANCE_LEN);
        memcpy(instance, name.data, name.len);
        instance[name.len] = '\0';

        len = reg_delivered_write_head(text, day, instance);
        CHECK(len < sizeof(text) && text[len - 1] == '\n');
        CHECK(reg_delivered_head(&day, &name, (reg_str_t) {
                  len - 1, (unsigned char *) text }) == REG_OK);
    }

    if (reg_delivered_read(&read, line) != REG_OK) {
        return 0;
    }

    len = reg_delivered_write(text, &read);

    CHECK(len < sizeof(text) && text[len - 1] == '\n');
    CHECK(reg_delivered_read(&again, (reg_str_t) {
              len - 1, (unsigned char *) text }) == REG_OK);
    CHECK(again.row == read.row && again.number == read.number
          && again.bytes == read.bytes
          && memcmp(again.id, read.id, REG_DELIVERED_ID) == 0);
    CHECK(!read.row || (len - 1 == size && memcmp(text, data, size) == 0));

    return 0;
}
