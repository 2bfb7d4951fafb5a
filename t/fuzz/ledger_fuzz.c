/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Files of a ledger, of whatever somebody has put there: refused with
 * a sentence, or read without leaving the file.  The header is made to fit, or
 * none would ever be read.
 */

#include <stdlib.h>

#include "reg_ledger_format.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

#define SIZE  (REG_LEDGER_HEADER + (REG_LEDGER_WINDOW + 8) * 512)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
read_all(reg_ledger_t *ledger, unsigned unsent)
{
    size_t              at, n;
    reg_ledger_entry_t  entry;

    at = 0;
    n = 0;

    while (unsent ? reg_ledger_next_unsent(ledger, &at, REG_LEDGER_END, &entry)
                  : reg_ledger_next(ledger, &at, REG_LEDGER_END, &entry))
    {
        CHECK(++n <= ledger->nrows);
        CHECK(entry.row < ledger->nrows);
        CHECK(reg_ledger_part_valid(entry.key.tenant, REG_LEDGER_TENANT_MAX));
        CHECK(reg_ledger_part_valid(entry.key.repository,
                                    REG_LEDGER_REPOSITORY_MAX));
        CHECK(reg_ledger_part_valid(entry.key.network,
                                    REG_LEDGER_NETWORK_MAX));
    }
}


/* Rows of the input, as they are or with their hash put right. */

static void
fill(unsigned char *file, const uint8_t *data, size_t size)
{
    size_t                i, len;
    uint64_t              word;
    reg_ledger_t          ledger;
    reg_ledger_row_t     *row;
    reg_ledger_key_t      key;
    reg_ledger_header_t  *header;

    header = (reg_ledger_header_t *) file;

    if (size && data[0] & 1) {
        header->magic = REG_LEDGER_MAGIC;
        header->version = REG_LEDGER_VERSION;
        header->row_size = sizeof(reg_ledger_row_t);
        header->size = SIZE;
        header->nrows = (SIZE - REG_LEDGER_HEADER) / sizeof(reg_ledger_row_t);
        header->day = 20000;
        memcpy(header->instance, "0123456789abcdef", REG_LEDGER_INSTANCE_LEN);
        header->checksum = reg_ledger_checksum(header);
    }

    ledger.header = header;
    ledger.nrows = (SIZE - REG_LEDGER_HEADER) / sizeof(reg_ledger_row_t);
    ledger.rows = (reg_ledger_row_t *) (file + REG_LEDGER_HEADER);

    for (i = 0; size && data[0] & 2 && i < ledger.nrows; i++) {
        row = &ledger.rows[i];

        if (reg_ledger_unpack(&key, row)) {
            len = reg_ledger_row_len(row);
            word = reg_ledger_hash(&ledger, reg_ledger_row_key(row), len);
            atomic_store(&row->word, word | (atomic_load(&row->word) & 3));
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          n;
    reg_error_t     error;
    reg_ledger_t   *ledger;
    unsigned char  *file;

    file = aligned_alloc(64, SIZE);
    CHECK(file != NULL);
    memset(file, 0, SIZE);

    /* the first byte says how; a header of the input, or rows alone */

    if (size) {
        n = (data[0] & 1) ? REG_LEDGER_HEADER : 0;
        memcpy(file + n, data + 1, size - 1 < SIZE - n ? size - 1 : SIZE - n);
    }

    fill(file, data, size);
    error.text[0] = '\0';

    if (reg_ledger_open_memory(&ledger, file, SIZE, &error) == REG_OK) {
        read_all(ledger, 0);
        read_all(ledger, 1);
        (void) reg_ledger_sum(ledger);
        reg_ledger_close(ledger);

    } else {
        CHECK(error.text[0] != '\0');
    }

    free(file);

    return 0;
}
