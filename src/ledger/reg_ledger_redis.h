/*
 * Copyright (C) ngx_http_registry_module authors
 */

#ifndef REG_LEDGER_REDIS_H
#define REG_LEDGER_REDIS_H

/*
 * The ledger in Redis, where the counts of all gateways meet:
 *
 *     <prefix>egress:{<tenant>}:2026-01-31     a hash, of a day
 *         <instance>|<route>|<network>|<operation>|<repository>
 *             the counters, in the order of reg_ledger_counter_t, and what was
 *             taken back, in decimal digits, with a space in between; the first
 *             is of all bytes that were sent, also of those taken back
 *     <prefix>egress:{<tenant>}:2026-01        a hash, of a month, for quotas
 *         <instance>:2026-01-31                bytes of egress and redirects
 *
 * Each gateway writes its own totals, and only ever greater ones, by a script:
 * nothing counts twice, whatever is repeated or comes late.  Whoever wants to
 * know adds up all fields.
 *
 * Of days that are over another script folds the fields of an instance into
 * those of the instance "folded", which are sums, and keeps what it has folded:
 *
 *     =<instance>    bytes of the month, and behind newlines each row with its
 *                    counters
 *     =              how often something was folded here, and how many fields
 *                    begin with '=', this one among them
 *
 * What an instance that has such a field sends later is stored less what was
 * folded of it.  So the sum of all fields is the same before and after, and
 * neither late nor repeated totals change that.
 */

#include "reg_ledger.h"

#define REG_LEDGER_REDIS_FOLDED     "folded"
#define REG_LEDGER_REDIS_KEPT       '='

#define REG_LEDGER_REDIS_KEY_MAX    (64 + 16 + REG_LEDGER_TENANT_MAX + 16)
#define REG_LEDGER_REDIS_FIELD_MAX  (REG_LEDGER_INSTANCE_LEN + 4              \
                                     + REG_LEDGER_KEY_MAX)
#define REG_LEDGER_REDIS_VALUE_MAX  ((REG_LEDGER_COUNTERS + 1) * 21)


/* Write to buf and return the length; period is a day or a month. */

size_t reg_ledger_redis_key(unsigned char buf[REG_LEDGER_REDIS_KEY_MAX],
    reg_str_t prefix, reg_str_t tenant, reg_str_t period);

size_t reg_ledger_redis_field(unsigned char buf[REG_LEDGER_REDIS_FIELD_MAX],
    const char *instance, const reg_ledger_key_t *key);

size_t reg_ledger_redis_value(unsigned char buf[REG_LEDGER_REDIS_VALUE_MAX],
    const reg_ledger_entry_t *entry);


/*
 * Reads a field and its value: all of *entry but its tenant; slices borrow.
 * The first counter is of all bytes, also of those taken back, which may be
 * more in a field that has lost what was folded of it: fields of a row are
 * added up first, and then settled.
 *
 * REG_OK       *instance and *entry are set
 * REG_INVALID  they are none
 */

reg_rc_t reg_ledger_redis_parse(reg_str_t *instance, reg_ledger_entry_t *entry,
    reg_str_t field, reg_str_t value);

/* The same of what is behind the instance. */

reg_rc_t reg_ledger_redis_row(reg_ledger_key_t *key, reg_str_t row);

/* Takes back from the first counter; REG_INVALID: it has not so much. */

reg_rc_t reg_ledger_redis_settle(reg_ledger_entry_t *entry);


/* REG_NOTFOUND: it is not the key of a day; *tenant borrows. */

reg_rc_t reg_ledger_redis_key_parse(reg_str_t *tenant, int64_t *day,
    reg_str_t prefix, reg_str_t key);


/*
 * The script.  KEYS are those of a day and of its month; ARGV the seconds that
 * the two are kept for, the field and the value of the month, and then fields
 * and values of the day.  It returns how many of them were not yet there, or
 * were less.
 */

reg_str_t reg_ledger_redis_script(void);


/*
 * The script that folds.  KEYS are the same; ARGV the instance, the day, the
 * seconds until the month is over, and rows, as they are behind the instance.
 * The month stays as it is if the day expires before.  It returns how many
 * fields were folded.
 */

reg_str_t reg_ledger_redis_fold_script(void);


/*
 * The script that adds up the bytes of a period.  KEYS are those of the months
 * that it is in, one or two; ARGV its first and its last day, and then the
 * fields to be left out.  It returns how many times 10^12 they are, and how
 * many the rest are: numbers of Lua could not be trusted with the sum.
 */

reg_str_t reg_ledger_redis_sum(void);

/*
 * Reads that; a sum that has no place is UINT64_MAX.  REG_OK, or REG_INVALID.
 */

reg_rc_t reg_ledger_redis_total(uint64_t *bytes, int64_t high, int64_t low);

#endif /* REG_LEDGER_REDIS_H */
