/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef LEDGER_H
#define LEDGER_H

/*
 * Ledgers for tests, each in a directory of its own.
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "reg_ledger.h"

#define LEDGER_DAY  20000           /* 2024-10-04 */


static inline const char *
ledger_directory(void)
{
    const char  *path;

    static char  template[64];

    (void) snprintf(template, sizeof(template), "/tmp/ledger-XXXXXX");

    path = mkdtemp(template);
    assert_non_null(path);

    return path;
}


static inline void
ledger_remove(const char *directory)
{
    DIR            *dir;
    struct dirent  *entry;

    dir = opendir(directory);
    assert_non_null(dir);

    while ((entry = readdir(dir)) != NULL) {
        (void) unlinkat(dirfd(dir), entry->d_name, 0);
    }

    (void) closedir(dir);
    assert_int_equal(rmdir(directory), 0);
}


static inline reg_ledger_t *
ledger_open(const char *directory, int64_t day, size_t size)
{
    reg_rc_t       rc;
    reg_error_t    error;
    reg_ledger_t  *ledger;

    rc = reg_ledger_open(&ledger, directory, day, size, &error);

    if (rc != REG_OK) {
        fail_msg("%s", error.text);
    }

    assert_string_equal(error.text, "");

    return ledger;
}


/* The path of the only file of a directory, or the last by name. */

static inline reg_rc_t
ledger_path_found(void *data, const char *path, int64_t day)
{
    (void) day;
    (void) snprintf(data, REG_LEDGER_PATH_MAX, "%s", path);

    return REG_OK;
}


static inline void
ledger_path(char path[REG_LEDGER_PATH_MAX], const char *directory)
{
    path[0] = '\0';

    assert_int_equal(reg_ledger_list(directory, 0, INT64_MAX,
                                     ledger_path_found, path, NULL),
                     REG_OK);
}


static inline reg_ledger_t *
ledger_read(const char *directory)
{
    char           path[REG_LEDGER_PATH_MAX];
    reg_error_t    error;
    reg_ledger_t  *ledger;

    ledger_path(path, directory);

    if (reg_ledger_open_file(&ledger, path, &error) != REG_OK) {
        fail_msg("%s", error.text);
    }

    return ledger;
}


static inline reg_ledger_key_t
ledger_key(const char *tenant, const char *repository)
{
    reg_ledger_key_t  key;

    key.tenant = reg_str(tenant);
    key.repository = reg_str(repository);
    key.operation = REG_STR("pull");
    key.route = REG_STR("origin");
    key.network = REG_STR("office");

    return key;
}


/* What is read of a key; also says that it is read once. */

static inline int
ledger_find(const reg_ledger_t *ledger, const reg_ledger_key_t *key,
    reg_ledger_entry_t *found)
{
    int                 n;
    size_t              at;
    reg_ledger_entry_t  entry;

    n = 0;
    at = 0;

    while (reg_ledger_next(ledger, &at, REG_LEDGER_END, &entry)) {

        if (reg_str_eq(entry.key.tenant, key->tenant)
            && reg_str_eq(entry.key.repository, key->repository)
            && reg_str_eq(entry.key.operation, key->operation)
            && reg_str_eq(entry.key.route, key->route)
            && reg_str_eq(entry.key.network, key->network))
        {
            *found = entry;
            n++;
        }
    }

    assert_true(n <= 1);

    return n;
}


static inline uint64_t
ledger_egress(const reg_ledger_t *ledger, const reg_ledger_key_t *key)
{
    reg_ledger_entry_t  entry;

    if (!ledger_find(ledger, key, &entry)) {
        return 0;
    }

    return entry.counts[REG_LEDGER_EGRESS_BYTES];
}

#endif /* LEDGER_H */
