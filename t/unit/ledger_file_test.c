/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ledger.h"
#include "reg_ledger_format.h"

#define SIZE  REG_LEDGER_SIZE_MIN


static void
overwrite(const char *path, off_t at, const void *data, size_t len)
{
    int  fd;

    fd = open(path, O_RDWR);
    assert_true(fd != -1);
    assert_int_equal(pwrite(fd, data, len, at), (ssize_t) len);
    (void) close(fd);
}


/*
 * A file that is spoilt in some way is refused with a sentence, by who reads it
 * and by who counts, and left as it is; the bytes go into another beside it,
 * under another instance.
 */

static void
refused(void (*spoil)(const char *path), reg_rc_t rc, const char *says)
{
    char           path[REG_LEDGER_PATH_MAX], instance[32];
    const char    *directory;
    struct stat    before, after;
    reg_error_t    error;
    reg_ledger_t  *ledger, *other;

    directory = ledger_directory();
    ledger = ledger_open(directory, LEDGER_DAY, SIZE);
    (void) strcpy(instance, reg_ledger_instance(ledger));
    reg_ledger_close(ledger);

    ledger_path(path, directory);
    spoil(path);
    assert_int_equal(stat(path, &before), 0);

    assert_int_equal(reg_ledger_open_file(&ledger, path, &error), rc);

    if (strstr(error.text, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.text, says);
    }

    assert_int_equal(reg_ledger_open(&ledger, directory, LEDGER_DAY, SIZE,
                                     &error), REG_OK);
    assert_non_null(strstr(error.text, says));
    assert_string_not_equal(reg_ledger_instance(ledger), instance);

    /* the next one finds the same */

    assert_int_equal(reg_ledger_open(&other, directory, LEDGER_DAY, SIZE,
                                     &error), REG_OK);
    assert_string_equal(reg_ledger_instance(ledger),
                        reg_ledger_instance(other));

    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);

    reg_ledger_close(other);
    reg_ledger_close(ledger);
    ledger_remove(directory);
}


static void
empty(const char *path)
{
    assert_int_equal(truncate(path, 0), 0);
}


static void
cut(const char *path)
{
    assert_int_equal(truncate(path, SIZE - 512), 0);
}


static void
prolong(const char *path)
{
    assert_int_equal(truncate(path, SIZE + 512), 0);
}


static void
replace(const char *path)
{
    overwrite(path, 0, "#!/bin/sh\n\n", 11);
}


static void
make_newer(const char *path)
{
    uint32_t  version = REG_LEDGER_VERSION + 1;

    overwrite(path, offsetof(reg_ledger_header_t, version), &version, 4);
}


static void
damage(const char *path)
{
    overwrite(path, offsetof(reg_ledger_header_t, day), "\xff", 1);
}


static void
test_what_is_no_ledger_is_left_alone(void **state)
{
    (void) state;

    refused(empty, REG_INVALID, "was cut");
    refused(cut, REG_INVALID, "should be of");
    refused(prolong, REG_INVALID, "should be of");
    refused(replace, REG_INVALID, "no ledger file");
    refused(make_newer, REG_NEWER, "version 2");
    refused(damage, REG_INVALID, "header is damaged");
}


static void
test_a_damaged_row_is_found(void **state)
{
    char               path[REG_LEDGER_PATH_MAX];
    uint64_t           word = 0x123456789abcdef2;
    const char        *directory;
    reg_error_t        error;
    reg_ledger_t      *ledger;

    (void) state;

    directory = ledger_directory();
    reg_ledger_close(ledger_open(directory, LEDGER_DAY, SIZE));
    ledger_path(path, directory);

    overwrite(path, REG_LEDGER_HEADER + 512, &word, 8);

    assert_int_equal(reg_ledger_open_file(&ledger, path, &error), REG_INVALID);
    assert_non_null(strstr(error.text, "row 1"));

    ledger_remove(directory);
}


static void
test_a_name_of_its_own_for_each_file_of_a_day(void **state)
{
    char           path[REG_LEDGER_PATH_MAX], first[32], second[32];
    const char    *directory;
    reg_ledger_t  *ledger;

    (void) state;

    directory = ledger_directory();

    ledger = ledger_open(directory, LEDGER_DAY, SIZE);
    (void) strcpy(first, reg_ledger_instance(ledger));
    reg_ledger_close(ledger);

    /* the same on other days */

    ledger = ledger_open(directory, LEDGER_DAY + 1, SIZE);
    assert_string_equal(reg_ledger_instance(ledger), first);
    reg_ledger_close(ledger);

    /* but what somebody has removed is not begun anew under its name */

    ledger_path(path, directory);
    assert_int_equal(unlink(path), 0);

    ledger = ledger_open(directory, LEDGER_DAY + 1, SIZE);
    (void) strcpy(second, reg_ledger_instance(ledger));
    assert_string_not_equal(first, second);
    reg_ledger_close(ledger);

    ledger = ledger_open(directory, LEDGER_DAY + 2, SIZE);
    assert_string_equal(reg_ledger_instance(ledger), second);
    reg_ledger_close(ledger);

    ledger_remove(directory);
}


static reg_rc_t
count_file(void *data, const char *path, int64_t day)
{
    size_t *n = data;

    (void) path;
    assert_int_equal(day, LEDGER_DAY + (int64_t) *n + 1);
    (*n)++;

    return REG_OK;
}


static void
test_files_are_listed_and_expire(void **state)
{
    char         path[REG_LEDGER_PATH_MAX];
    size_t       n, i;
    const char  *directory;

    static const char *const  names[] = {
        "egress-2024-10-04.v1.ledger.new", "egress-2024-10-04.v9.ledger",
        "egress-2024-13-04.v1.ledger", "egress-2024-10-04.v1.ledger.gz",
        "egress-2024-10-04-.v1.ledger", "instance.new"
    };

    (void) state;

    directory = ledger_directory();

    for (i = 0; i < 5; i++) {
        reg_ledger_close(ledger_open(directory, LEDGER_DAY + (int64_t) i,
                                     SIZE));
    }

    n = 0;
    assert_int_equal(reg_ledger_list(directory, LEDGER_DAY + 1, LEDGER_DAY + 3,
                                     count_file, &n, NULL), REG_OK);
    assert_int_equal(n, 3);

    assert_int_equal(reg_ledger_list("/nonexistent", 0, 1, count_file, &n,
                                     NULL), REG_NOTFOUND);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        assert_int_equal(close(open(path, O_CREAT|O_WRONLY, 0600)), 0);
    }

    /* two days, and not the file of a later version */

    assert_int_equal(reg_ledger_expire(directory, LEDGER_DAY + 2), 2);
    assert_int_equal(reg_ledger_expire(directory, LEDGER_DAY + 2), 0);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        assert_int_equal(access(path, F_OK), i == 0 ? -1 : 0);
    }

    ledger_remove(directory);
}


/* A disk that has no room for a file says so at once, and nothing is left. */

static void
test_a_full_disk_is_an_error_and_no_signal(void **state)
{
    char            path[REG_LEDGER_PATH_MAX];
    const char     *directory;
    reg_error_t     error;
    reg_ledger_t   *ledger;
    struct rlimit   was, limit;

    (void) state;

    directory = ledger_directory();

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    limit = was;
    limit.rlim_cur = SIZE;
    (void) signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

    assert_int_equal(reg_ledger_open(&ledger, directory, LEDGER_DAY, 2 * SIZE,
                                     &error), REG_ERROR);
    assert_non_null(strstr(error.text, "cannot be made"));

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);

    ledger_path(path, directory);
    assert_string_equal(path, "");

    ledger_remove(directory);
}


static void
test_a_directory_that_cannot_be_used(void **state)
{
    char           path[REG_LEDGER_PATH_MAX];
    const char    *directory;
    reg_error_t    error;
    reg_ledger_t  *ledger;

    (void) state;

    assert_int_equal(reg_ledger_open(&ledger, "/nonexistent", LEDGER_DAY, SIZE,
                                     &error), REG_INVALID);
    assert_non_null(strstr(error.text, "/nonexistent"));

    directory = ledger_directory();
    assert_int_equal(reg_ledger_open(&ledger, directory, LEDGER_DAY, SIZE - 1,
                                     &error), REG_INVALID);

    (void) snprintf(path, sizeof(path), "%s/instance", directory);
    assert_int_equal(close(open(path, O_CREAT|O_WRONLY, 0600)), 0);
    assert_int_equal(reg_ledger_open(&ledger, directory, LEDGER_DAY, SIZE,
                                     &error), REG_INVALID);
    assert_non_null(strstr(error.text, "not what was written there"));

    ledger_remove(directory);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_what_is_no_ledger_is_left_alone),
        cmocka_unit_test(test_a_damaged_row_is_found),
        cmocka_unit_test(test_a_name_of_its_own_for_each_file_of_a_day),
        cmocka_unit_test(test_files_are_listed_and_expire),
        cmocka_unit_test(test_a_full_disk_is_an_error_and_no_signal),
        cmocka_unit_test(test_a_directory_that_cannot_be_used)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
