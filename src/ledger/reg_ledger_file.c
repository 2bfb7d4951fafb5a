/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Files of days: opened, checked and made.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reg_ledger_directory.h"
#include "reg_ledger_format.h"

/* Of one day; each after the first stands beside one that cannot be used. */

#define REG_LEDGER_FILES_MAX  9

#define REG_LEDGER_MODE       0640


static reg_rc_t reg_ledger_open_locked(reg_ledger_t **ledger,
    const char *directory, int64_t day, size_t size, reg_error_t *error);
static reg_rc_t reg_ledger_create(const char *directory, const char *path,
    int64_t day, size_t size, unsigned fresh, reg_error_t *error);
static reg_rc_t reg_ledger_fill(int fd, int64_t day, size_t size,
    const char *instance);
static reg_rc_t reg_ledger_map(reg_ledger_t **ledger, const char *path,
    unsigned writable, reg_error_t *error);
static reg_rc_t reg_ledger_attach(reg_ledger_t *ledger, void *addr,
    size_t size, reg_error_t *error);
static void reg_ledger_about(reg_error_t *error, const char *path);


reg_rc_t
reg_ledger_open(reg_ledger_t **ledger, const char *directory, int64_t day,
    size_t size, reg_error_t *error)
{
    int       lock;
    reg_rc_t  rc;

    if (size < REG_LEDGER_SIZE_MIN || size > REG_LEDGER_SIZE_MAX) {
        reg_error_set(error, "a ledger of %llu bytes is too small or too large",
                      (unsigned long long) size);
        return REG_INVALID;
    }

    /* one makes the file, and the others find it */

    rc = reg_ledger_lock(&lock, directory, error);

    if (rc != REG_OK) {
        return rc;
    }

    rc = reg_ledger_open_locked(ledger, directory, day, size, error);

    reg_ledger_unlock(lock);

    return rc;
}


static reg_rc_t
reg_ledger_open_locked(reg_ledger_t **ledger, const char *directory,
    int64_t day, size_t size, reg_error_t *error)
{
    char         path[REG_LEDGER_PATH_MAX];
    reg_rc_t     rc;
    unsigned     n;
    reg_error_t  what, refused;

    refused.text[0] = '\0';
    rc = REG_INVALID;

    for (n = 1; n <= REG_LEDGER_FILES_MAX; n++) {

        rc = reg_ledger_path(path, directory, day, n);

        if (rc != REG_OK) {
            reg_error_set(error, "the name of the directory is too long");
            return rc;
        }

        rc = reg_ledger_map(ledger, path, 1, &what);

        if (rc == REG_NOTFOUND) {
            rc = reg_ledger_create(directory, path, day, size, n > 1, &what);

            if (rc == REG_OK) {
                rc = reg_ledger_map(ledger, path, 1, &what);
            }

            if (rc == REG_INVALID) {

                /* it is about the directory */

                refused = what;
                break;
            }
        }

        if (rc == REG_OK && reg_ledger_day(*ledger) != day) {
            reg_error_set(&what, "\"%s\" is the file of another day", path);
            reg_ledger_close(*ledger);
            rc = REG_INVALID;
        }

        if (rc == REG_OK) {
            break;
        }

        refused = what;

        if (rc != REG_INVALID && rc != REG_NEWER) {
            break;
        }
    }

    reg_error_set(error, "%s", refused.text);

    return rc == REG_NEWER ? REG_INVALID : rc;
}


reg_rc_t
reg_ledger_open_file(reg_ledger_t **ledger, const char *path,
    reg_error_t *error)
{
    reg_rc_t     rc;
    reg_error_t  row;

    rc = reg_ledger_map(ledger, path, 0, error);

    if (rc != REG_OK) {
        return rc;
    }

    rc = reg_ledger_check_rows(*ledger, &row);

    if (rc != REG_OK) {
        reg_error_set(error, "%s", row.text);
        reg_ledger_about(error, path);
        reg_ledger_close(*ledger);
    }

    return rc;
}


reg_rc_t
reg_ledger_open_to_send(reg_ledger_t **ledger, const char *path,
    reg_error_t *error)
{
    return reg_ledger_map(ledger, path, 1, error);
}


reg_rc_t
reg_ledger_open_memory(reg_ledger_t **ledger, const void *addr, size_t size,
    reg_error_t *error)
{
    reg_rc_t       rc;
    reg_ledger_t  *l;

    l = calloc(1, sizeof(reg_ledger_t));
    if (l == NULL) {
        return REG_NOMEM;
    }

    rc = reg_ledger_attach(l, (void *) addr, size, error);

    if (rc == REG_OK) {
        rc = reg_ledger_check_rows(l, error);
    }

    if (rc != REG_OK) {
        free(l);
        return rc;
    }

    *ledger = l;

    return REG_OK;
}


void
reg_ledger_close(reg_ledger_t *ledger)
{
    if (ledger->mapped) {
        (void) munmap(ledger->header, ledger->size);
    }

    free(ledger);
}


/*
 * Under another name at first, so that nobody finds a file that is not whole.
 * Once the disk has given all of it, writing to it cannot fail: it would be a
 * signal.
 */

static reg_rc_t
reg_ledger_create(const char *directory, const char *path, int64_t day,
    size_t size, unsigned fresh, reg_error_t *error)
{
    int       fd, err;
    char      temporary[REG_LEDGER_PATH_MAX];
    char      instance[REG_LEDGER_INSTANCE_LEN + 1];
    reg_rc_t  rc;

    rc = reg_ledger_instance_for(instance, directory, day, fresh, error);

    if (rc != REG_OK) {
        return rc;
    }

    rc = reg_ledger_path_new(temporary, path);

    if (rc != REG_OK) {
        reg_error_set(error, "the name of the directory is too long");
        return rc;
    }

    /* whoever else has the lock would be making it: this one was left */

    (void) unlink(temporary);

    fd = open(temporary, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW,
              REG_LEDGER_MODE);
    if (fd == -1) {
        reg_error_set(error, "\"%s\" cannot be made: %s", temporary,
                      strerror(errno));
        return REG_ERROR;
    }

    err = posix_fallocate(fd, 0, (off_t) size);

    if (err == 0
        && (reg_ledger_fill(fd, day, size, instance) != REG_OK
            || fsync(fd) == -1 || rename(temporary, path) == -1))
    {
        err = errno;
    }

    (void) close(fd);

    if (err) {
        reg_error_set(error, "\"%s\" of %llu bytes cannot be made: %s", path,
                      (unsigned long long) size, strerror(err));
        (void) unlink(temporary);
        return REG_ERROR;
    }

    reg_ledger_sync_directory(directory);

    return REG_OK;
}


static reg_rc_t
reg_ledger_fill(int fd, int64_t day, size_t size, const char *instance)
{
    void                 *addr;
    reg_rc_t              rc;
    reg_ledger_t          ledger;
    reg_ledger_header_t  *header;

    addr = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    if (addr == MAP_FAILED) {
        return REG_ERROR;
    }

    header = addr;
    header->magic = REG_LEDGER_MAGIC;
    header->version = REG_LEDGER_VERSION;
    header->row_size = sizeof(reg_ledger_row_t);
    header->nrows = (size - REG_LEDGER_HEADER) / sizeof(reg_ledger_row_t);
    header->size = size;
    header->day = day;

    memcpy(header->instance, instance, REG_LEDGER_INSTANCE_LEN);

    rc = REG_ERROR;

    if (getrandom(header->secret, REG_SIPHASH_KEY_LEN, 0)
        == REG_SIPHASH_KEY_LEN)
    {
        header->checksum = reg_ledger_checksum(header);

        rc = reg_ledger_attach(&ledger, addr, size, NULL);

        if (rc == REG_OK) {
            reg_ledger_init_other(&ledger);
        }
    }

    (void) munmap(addr, size);

    return rc;
}


static reg_rc_t
reg_ledger_map(reg_ledger_t **ledger, const char *path, unsigned writable,
    reg_error_t *error)
{
    int            fd, err;
    void          *addr;
    reg_rc_t       rc;
    struct stat    st;
    reg_ledger_t  *l;

    fd = open(path, (writable ? O_RDWR : O_RDONLY)|O_CLOEXEC|O_NOFOLLOW
                    |O_NONBLOCK);
    if (fd == -1) {
        err = errno;

        reg_error_set(error, "\"%s\" cannot be opened: %s", path,
                      strerror(err));

        return err == ENOENT ? REG_NOTFOUND
               : err == ELOOP ? REG_INVALID
               : err == EMFILE || err == ENFILE ? REG_NOMEM : REG_ERROR;
    }

    addr = MAP_FAILED;
    l = NULL;

    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)
        || st.st_size < REG_LEDGER_HEADER)
    {
        reg_error_set(error, "\"%s\" is no ledger file, or it was cut", path);
        rc = REG_INVALID;
        goto done;
    }

    addr = mmap(NULL, (size_t) st.st_size,
                writable ? PROT_READ|PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    l = calloc(1, sizeof(reg_ledger_t));

    if (addr == MAP_FAILED || l == NULL) {
        reg_error_set(error, "\"%s\" cannot be mapped: %s", path,
                      strerror(errno));
        rc = REG_NOMEM;
        goto done;
    }

    rc = reg_ledger_attach(l, addr, (size_t) st.st_size, error);

    if (rc != REG_OK) {
        reg_ledger_about(error, path);
        goto done;
    }

    l->mapped = 1;
    *ledger = l;

done:

    (void) close(fd);

    if (rc != REG_OK) {

        if (addr != MAP_FAILED) {
            (void) munmap(addr, (size_t) st.st_size);
        }

        free(l);
    }

    return rc;
}


static reg_rc_t
reg_ledger_attach(reg_ledger_t *ledger, void *addr, size_t size,
    reg_error_t *error)
{
    reg_str_t             instance;
    reg_ledger_header_t  *header;

    header = addr;

    if (size < REG_LEDGER_HEADER
        || (uintptr_t) addr % _Alignof(reg_ledger_header_t) != 0
        || header->magic != REG_LEDGER_MAGIC)
    {
        reg_error_set(error, "it is no ledger file");
        return REG_INVALID;
    }

    if (header->version > REG_LEDGER_VERSION) {
        reg_error_set(error, "it is a ledger of version %u, and the latest "
                      "that is known here is %u", (unsigned) header->version,
                      REG_LEDGER_VERSION);
        return REG_NEWER;
    }

    if (header->version != REG_LEDGER_VERSION
        || header->checksum != reg_ledger_checksum(header)
        || header->row_size != sizeof(reg_ledger_row_t))
    {
        reg_error_set(error, "its header is damaged");
        return REG_INVALID;
    }

    if (header->size != size
        || header->nrows
           != (size - REG_LEDGER_HEADER) / sizeof(reg_ledger_row_t)
        || header->nrows <= REG_LEDGER_WINDOW)
    {
        reg_error_set(error, "it should be of %llu bytes, and is of %llu",
                      (unsigned long long) header->size,
                      (unsigned long long) size);
        return REG_INVALID;
    }

    instance.data = (unsigned char *) header->instance;
    instance.len = REG_LEDGER_INSTANCE_LEN;

    if (!reg_ledger_instance_valid(instance) || header->day < 0
        || header->day > REG_LEDGER_DAY_MAX)
    {
        reg_error_set(error, "its header says what cannot be");
        return REG_INVALID;
    }

    memset(ledger, 0, sizeof(reg_ledger_t));

    ledger->header = header;
    ledger->rows = (reg_ledger_row_t *) ((char *) addr + REG_LEDGER_HEADER);
    ledger->nrows = (size_t) header->nrows;
    ledger->size = size;

    memcpy(ledger->instance, header->instance, REG_LEDGER_INSTANCE_LEN);

    return REG_OK;
}


static void
reg_ledger_about(reg_error_t *error, const char *path)
{
    reg_error_t  what;

    if (error) {
        what = *error;
        reg_error_set(error, "\"%.150s\" is left alone: %.80s", path,
                      what.text);
    }
}
