/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_LEDGER_DIRECTORY_H
#define REG_LEDGER_DIRECTORY_H

/*
 * What is in the directory of a ledger beside the rows: names of files, a
 * lock for who makes one, and who counts here.
 */

#include "reg_ledger.h"

#define REG_LEDGER_DAY_MAX  2932896                /* 9999-12-31 */


/*
 * Waits for the lock, which is held by no dead process.
 *
 * REG_OK       *lock is for reg_ledger_unlock()
 * REG_INVALID  there is no such directory, or it cannot be written to
 */

reg_rc_t reg_ledger_lock(int *lock, const char *directory, reg_error_t *error);

void reg_ledger_unlock(int lock);


/* The path of the n-th file of a day, from 1, into REG_LEDGER_PATH_MAX. */

reg_rc_t reg_ledger_path(char *path, const char *directory, int64_t day,
    unsigned n);

/* The path under which it is made. */

reg_rc_t reg_ledger_path_new(char *temporary, const char *path);

void reg_ledger_sync_directory(const char *directory);


/*
 * Who counts in a new file of this day.  It is the same on all days, so that
 * few names are around; but never the same in two files of one day, as when
 * somebody has removed the first: what was sent from that would hide the other.
 *
 * The file "instance" holds a version, the instance and the latest day that has
 * a file of it.
 */

reg_rc_t reg_ledger_instance_for(char instance[REG_LEDGER_INSTANCE_LEN + 1],
    const char *directory, int64_t day, unsigned fresh, reg_error_t *error);

int reg_ledger_instance_valid(reg_str_t text);

#endif /* REG_LEDGER_DIRECTORY_H */
