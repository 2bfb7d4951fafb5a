/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef CLI_REDIS_H
#define CLI_REDIS_H

/*
 * What the files of the Redis store share.
 */

#include "cli_redis_link.h"
#include "cli_store.h"

struct cli_redis_s {
    reg_store_url_t   url;
    cli_link_t       *link;
    size_t            ntexts;
    size_t            size;
    char            **texts;        /* of the records: name, then JSON */
};


/* cli_redis_load.c */

cli_rc_t cli_redis_load(cli_store_t *store, unsigned flags);


/* cli_redis_commit.c */

cli_rc_t cli_redis_commit(cli_store_t *store);


/* cli_redis_audit.c */

#define CLI_REDIS_AUDIT  "audit"    /* behind the prefix */

/* Queues the XADD of an entry. */

cli_rc_t cli_redis_audit_send(cli_store_t *store, json_t *entry);

cli_rc_t cli_redis_audit(cli_store_t *store, cli_rows_t *rows, int64_t since);

/* cli_redis_usage.c */

cli_rc_t cli_redis_usage(cli_store_t *store, cli_usage_t *usage);

#endif /* CLI_REDIS_H */
