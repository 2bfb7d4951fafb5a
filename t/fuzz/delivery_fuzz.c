/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Lines of the logs of CDNs and edges, the first byte saying of which: what is
 * read can be booked, and what is refused has a sentence.
 */

#include <stdlib.h>

#include "reg_delivery.h"

#define CHECK(what)                                                           \
    if (!(what)) {                                                            \
        abort();                                                              \
    }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static reg_signer_t  *signer;


static void
check_claims(const reg_delivery_t *delivery)
{
    reg_rc_t              rc;
    reg_str_t             tenant, repository;
    static unsigned char  buf[REG_DELIVERY_LINE_MAX];

    rc = reg_delivery_claims(delivery, signer, &tenant, &repository, buf);

    CHECK(rc == REG_OK || rc == REG_NOTFOUND || rc == REG_INVALID);

    if (rc == REG_OK) {
        CHECK(tenant.len
              && reg_ledger_part_valid(tenant, REG_LEDGER_TENANT_MAX));
        CHECK(repository.len
              && reg_ledger_part_valid(repository,
                                       REG_LEDGER_REPOSITORY_MAX));
    }

    rc = reg_delivery_claims(delivery, NULL, &tenant, &repository, buf);

    CHECK(rc == REG_OK || rc == REG_NOTFOUND || rc == REG_INVALID);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    reg_rc_t            rc;
    reg_str_t           line;
    const uint8_t      *end;
    reg_error_t         error;
    reg_delivery_t      delivery;
    reg_delivery_log_t  log;

    if (signer == NULL) {
        CHECK(reg_signer_create(&signer, REG_STR("hmac"), &error) == REG_OK);
        CHECK(reg_signer_key(signer, REG_STR("a secret of some length\n"),
                             &error) == REG_OK);
    }

    if (size == 0) {
        return 0;
    }

    memset(&log, 0, sizeof(reg_delivery_log_t));
    log.format = (reg_delivery_format_t) (data[0] % 3);

    for (data++, size--; size; data += line.len + 1, size -= line.len + 1) {
        end = memchr(data, '\n', size);

        if (end == NULL) {
            break;
        }

        line = (reg_str_t) { (size_t) (end - data), (unsigned char *) data };
        error.text[0] = '\0';

        rc = reg_delivery_read(&log, &delivery, line, &error);

        if (rc == REG_OK) {
            CHECK(delivery.id.len >= 8 && delivery.status <= 999);
            CHECK(delivery.time >= 0);
            check_claims(&delivery);
            reg_delivery_done(&delivery);
            continue;
        }

        CHECK(delivery.json == NULL);
        CHECK(rc == REG_NOTFOUND
              || ((rc == REG_INVALID || rc == REG_NEWER) && error.text[0]));
    }

    return 0;
}
