/*
 * Copyright (C) ngx_http_registry_module authors
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reg_ledger_directory.h"
#include "reg_time.h"

#define REG_DAY_SECONDS  86400

#define REG_LEDGER_PREFIX  "egress-"
#define REG_LEDGER_SUFFIX  ".ledger"
#define REG_LEDGER_MAKING  ".new"

/* "1 0123456789abcdef 2026-01-31\n" */

#define REG_LEDGER_INSTANCE_FILE  (2 + REG_LEDGER_INSTANCE_LEN + 1            \
                                   + REG_LEDGER_DAY_LEN + 1)


static int reg_ledger_lock_open(const char *path, const char *directory);
static int reg_ledger_name_parse(const char *name, int64_t *day,
    unsigned *version);
static int reg_ledger_number(const char **p, unsigned *n);
static int reg_ledger_is_making(const char *name);
static int reg_ledger_by_name(const void *one, const void *two);
static reg_rc_t reg_ledger_instance_read(const char *path, char *instance,
    int64_t *day, reg_error_t *error);
static reg_rc_t reg_ledger_instance_write(const char *path,
    const char *instance, int64_t day, reg_error_t *error);
static reg_rc_t reg_ledger_instance_make(char *instance);


reg_rc_t
reg_ledger_lock(int *lock, const char *directory, reg_error_t *error)
{
    int   fd, rc;
    char  path[REG_LEDGER_PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/lock", directory)
        >= (int) sizeof(path))
    {
        reg_error_set(error, "the name of the directory is too long");
        return REG_INVALID;
    }

    fd = reg_ledger_lock_open(path, directory);
    if (fd == -1) {
        reg_error_set(error, "\"%s\" cannot be opened: %s; the directory has "
                      "to be there, and belong to who counts in it", path,
                      strerror(errno));
        return REG_INVALID;
    }

    do {
        rc = flock(fd, LOCK_EX);
    } while (rc == -1 && errno == EINTR);

    if (rc == -1) {
        reg_error_set(error, "\"%s\" cannot be locked: %s", path,
                      strerror(errno));
        (void) close(fd);
        return REG_ERROR;
    }

    *lock = fd;

    return REG_OK;
}


/*
 * Who counts in the directory has to open the lock, too, if root came first: a
 * new one belongs to whom the directory does, where root may say so.
 */

static int
reg_ledger_lock_open(const char *path, const char *directory)
{
    int          fd;
    struct stat  st;

    fd = open(path, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW, 0640);

    if (fd == -1) {
        return errno == EEXIST ? open(path, O_RDWR|O_CLOEXEC|O_NOFOLLOW) : -1;
    }

    if (geteuid() == 0 && stat(directory, &st) == 0) {
        (void) !fchown(fd, st.st_uid, st.st_gid);
    }

    return fd;
}


void
reg_ledger_unlock(int lock)
{
    (void) close(lock);
}


reg_rc_t
reg_ledger_path(char *path, const char *directory, int64_t day, unsigned n)
{
    int   len;
    char  date[REG_LEDGER_DAY_LEN + 1], which[16];

    reg_ledger_day_format(date, day);

    which[0] = '\0';

    if (n > 1) {
        (void) snprintf(which, sizeof(which), "-%u", n);
    }

    len = snprintf(path, REG_LEDGER_PATH_MAX, "%s/" REG_LEDGER_PREFIX
                   "%s%s.v%u" REG_LEDGER_SUFFIX, directory, date, which,
                   REG_LEDGER_VERSION);

    return len < REG_LEDGER_PATH_MAX ? REG_OK : REG_INVALID;
}


reg_rc_t
reg_ledger_path_new(char *temporary, const char *path)
{
    int  len;

    len = snprintf(temporary, REG_LEDGER_PATH_MAX, "%s" REG_LEDGER_MAKING,
                   path);

    return len < REG_LEDGER_PATH_MAX ? REG_OK : REG_INVALID;
}


/* So that the name is there after a power failure, too, if that may be. */

void
reg_ledger_sync_directory(const char *directory)
{
    int  fd;

    fd = open(directory, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd != -1) {
        (void) fsync(fd);
        (void) close(fd);
    }
}


reg_rc_t
reg_ledger_list(const char *directory, int64_t first, int64_t last,
    reg_ledger_file_pt handler, void *data, reg_error_t *error)
{
    DIR            *dir;
    char            path[REG_LEDGER_PATH_MAX], **names, **more;
    size_t          i, n, size;
    int64_t         day;
    unsigned        version;
    reg_rc_t        rc;
    struct dirent  *entry;

    dir = opendir(directory);
    if (dir == NULL) {
        reg_error_set(error, "the directory \"%s\" cannot be read: %s",
                      directory, strerror(errno));
        return errno == ENOENT ? REG_NOTFOUND : REG_ERROR;
    }

    names = NULL;
    n = 0;
    size = 0;
    rc = REG_OK;

    while ((entry = readdir(dir)) != NULL) {

        if (!reg_ledger_name_parse(entry->d_name, &day, &version)
            || day < first || day > last)
        {
            continue;
        }

        if (n == size) {
            size = size ? 2 * size : 64;
            more = realloc(names, size * sizeof(char *));

            if (more == NULL) {
                rc = REG_NOMEM;
                break;
            }

            names = more;
        }

        names[n] = strdup(entry->d_name);

        if (names[n] == NULL) {
            rc = REG_NOMEM;
            break;
        }

        n++;
    }

    (void) closedir(dir);

    if (n) {
        qsort(names, n, sizeof(char *), reg_ledger_by_name);
    }

    for (i = 0; i < n; i++) {

        if (rc == REG_OK) {

            if (snprintf(path, sizeof(path), "%s/%s", directory, names[i])
                >= (int) sizeof(path))
            {
                reg_error_set(error, "the name of the directory is too long");
                rc = REG_INVALID;

            } else {
                (void) reg_ledger_name_parse(names[i], &day, &version);
                rc = handler(data, path, day);
            }
        }

        free(names[i]);
    }

    free(names);

    return rc;
}


size_t
reg_ledger_expire(const char *directory, int64_t first)
{
    DIR            *dir;
    int             lock;
    size_t          n;
    int64_t         day;
    unsigned        version;
    struct dirent  *entry;

    /* nobody is making a file then */

    if (reg_ledger_lock(&lock, directory, NULL) != REG_OK) {
        return 0;
    }

    n = 0;
    dir = opendir(directory);

    while (dir && (entry = readdir(dir)) != NULL) {

        if (reg_ledger_name_parse(entry->d_name, &day, &version)) {

            if (version == REG_LEDGER_VERSION && day < first
                && unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            {
                n++;
            }

        } else if (reg_ledger_is_making(entry->d_name)) {
            (void) unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }

    if (dir) {
        (void) closedir(dir);
    }

    reg_ledger_unlock(lock);

    return n;
}


void
reg_ledger_day_format(char buf[REG_LEDGER_DAY_LEN + 1], int64_t day)
{
    char  time[REG_TIME_LEN + 1];

    reg_time_format(time, day * REG_DAY_SECONDS);

    memcpy(buf, time, REG_LEDGER_DAY_LEN);
    buf[REG_LEDGER_DAY_LEN] = '\0';
}


reg_rc_t
reg_ledger_day_parse(int64_t *day, reg_str_t text)
{
    int64_t        seconds;
    unsigned char  time[REG_TIME_LEN];

    if (text.len != REG_LEDGER_DAY_LEN) {
        return REG_INVALID;
    }

    memcpy(time, text.data, REG_LEDGER_DAY_LEN);
    memcpy(time + REG_LEDGER_DAY_LEN, "T00:00:00Z",
           REG_TIME_LEN - REG_LEDGER_DAY_LEN);

    if (reg_time_parse(&seconds, (reg_str_t) { REG_TIME_LEN, time }, NULL)
        != REG_OK)
    {
        return REG_INVALID;
    }

    *day = seconds / REG_DAY_SECONDS;

    return REG_OK;
}


/* "egress-2026-01-31.v1.ledger", "egress-2026-01-31-2.v1.ledger" */

static int
reg_ledger_name_parse(const char *name, int64_t *day, unsigned *version)
{
    unsigned     n;
    const char  *p;

    if (strncmp(name, REG_LEDGER_PREFIX, sizeof(REG_LEDGER_PREFIX) - 1) != 0) {
        return 0;
    }

    p = name + sizeof(REG_LEDGER_PREFIX) - 1;

    if (strlen(p) < REG_LEDGER_DAY_LEN
        || reg_ledger_day_parse(day, (reg_str_t) { REG_LEDGER_DAY_LEN,
                                                   (unsigned char *) p })
           != REG_OK)
    {
        return 0;
    }

    p += REG_LEDGER_DAY_LEN;

    if (*p == '-') {
        p++;

        if (!reg_ledger_number(&p, &n)) {
            return 0;
        }
    }

    if (p[0] != '.' || p[1] != 'v') {
        return 0;
    }

    p += 2;

    return reg_ledger_number(&p, version) && strcmp(p, REG_LEDGER_SUFFIX) == 0;
}


static int
reg_ledger_number(const char **p, unsigned *n)
{
    unsigned     digits;

    *n = 0;

    for (digits = 0; **p >= '0' && **p <= '9'; digits++, (*p)++) {

        if (digits == 9) {
            return 0;
        }

        *n = *n * 10 + (unsigned) (**p - '0');
    }

    return digits != 0;
}


static int
reg_ledger_is_making(const char *name)
{
    char      copy[NAME_MAX + 1];
    size_t    len;
    int64_t   day;
    unsigned  version;

    len = strlen(name);

    if (len < sizeof(REG_LEDGER_MAKING) || len >= sizeof(copy)) {
        return 0;
    }

    len -= sizeof(REG_LEDGER_MAKING) - 1;

    memcpy(copy, name, len);
    copy[len] = '\0';

    return strcmp(name + len, REG_LEDGER_MAKING) == 0
           && reg_ledger_name_parse(copy, &day, &version);
}


static int
reg_ledger_by_name(const void *one, const void *two)
{
    return strcmp(*(char *const *) one, *(char *const *) two);
}


reg_rc_t
reg_ledger_instance_for(char instance[REG_LEDGER_INSTANCE_LEN + 1],
    const char *directory, int64_t day, unsigned fresh, reg_error_t *error)
{
    char      path[REG_LEDGER_PATH_MAX];
    int64_t   latest;
    reg_rc_t  rc;

    if (fresh) {
        return reg_ledger_instance_make(instance);
    }

    if (snprintf(path, sizeof(path), "%s/instance", directory)
        >= (int) sizeof(path))
    {
        reg_error_set(error, "the name of the directory is too long");
        return REG_INVALID;
    }

    rc = reg_ledger_instance_read(path, instance, &latest, error);

    if (rc == REG_NOTFOUND || (rc == REG_OK && day <= latest)) {
        rc = reg_ledger_instance_make(instance);
    }

    if (rc != REG_OK) {
        return rc;
    }

    /* before there is such a file: a name too many does no harm */

    return reg_ledger_instance_write(path, instance, day, error);
}


int
reg_ledger_instance_valid(reg_str_t text)
{
    size_t  i;

    if (text.len != REG_LEDGER_INSTANCE_LEN) {
        return 0;
    }

    for (i = 0; i < text.len; i++) {
        if ((text.data[i] < '0' || text.data[i] > '9')
            && (text.data[i] < 'a' || text.data[i] > 'f'))
        {
            return 0;
        }
    }

    return 1;
}


static reg_rc_t
reg_ledger_instance_read(const char *path, char *instance, int64_t *day,
    reg_error_t *error)
{
    int        fd;
    char       buf[REG_LEDGER_INSTANCE_FILE + 1];
    ssize_t    n;
    reg_str_t  text, date;

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK);
    if (fd == -1) {
        reg_error_set(error, "\"%s\" cannot be opened: %s", path,
                      strerror(errno));
        return errno == ENOENT ? REG_NOTFOUND : REG_ERROR;
    }

    n = read(fd, buf, sizeof(buf));

    (void) close(fd);

    text.data = (unsigned char *) buf + 2;
    text.len = REG_LEDGER_INSTANCE_LEN;

    date.data = text.data + text.len + 1;
    date.len = REG_LEDGER_DAY_LEN;

    if (n != REG_LEDGER_INSTANCE_FILE || memcmp(buf, "1 ", 2) != 0
        || !reg_ledger_instance_valid(text) || date.data[-1] != ' '
        || reg_ledger_day_parse(day, date) != REG_OK)
    {
        reg_error_set(error, "\"%.180s\" is not what was written there",
                      path);
        return REG_INVALID;
    }

    memcpy(instance, text.data, text.len);
    instance[text.len] = '\0';

    return REG_OK;
}


static reg_rc_t
reg_ledger_instance_write(const char *path, const char *instance, int64_t day,
    reg_error_t *error)
{
    int   fd, len, ok;
    char  date[REG_LEDGER_DAY_LEN + 1];
    char  buf[REG_LEDGER_INSTANCE_FILE + 1], temporary[REG_LEDGER_PATH_MAX];

    if (reg_ledger_path_new(temporary, path) != REG_OK) {
        reg_error_set(error, "the name of the directory is too long");
        return REG_INVALID;
    }

    reg_ledger_day_format(date, day);

    len = snprintf(buf, sizeof(buf), "1 %s %s\n", instance, date);

    (void) unlink(temporary);

    fd = open(temporary, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW, 0640);

    ok = (fd != -1 && write(fd, buf, (size_t) len) == len && fsync(fd) == 0
          && rename(temporary, path) == 0);

    if (!ok) {
        reg_error_set(error, "\"%s\" cannot be written: %s", path,
                      strerror(errno));
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return ok ? REG_OK : REG_ERROR;
}


static reg_rc_t
reg_ledger_instance_make(char *instance)
{
    size_t         i;
    unsigned char  random[REG_LEDGER_INSTANCE_LEN / 2];

    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        return REG_ERROR;
    }

    for (i = 0; i < sizeof(random); i++) {
        (void) snprintf(instance + 2 * i, 3, "%02x", random[i]);
    }

    return REG_OK;
}
