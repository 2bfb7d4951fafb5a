/*
 * Copyright (C) ngx_http_registry_module authors
 */

/*
 * Counts what a process hands to the kernel for its clients, apart from what it
 * says itself; for LD_PRELOAD:
 *
 *     HANDED_FILE   65536 uint64_t, by the port of the client, shared by all
 *                   processes
 *     HANDED_PORTS  the ports whose clients count: "8000,8001"
 *
 * Bytes are counted before the kernel gets them, and what it did not take is
 * taken back: whoever is killed in between leaves too many, and never too few.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PORTS  65536


static _Atomic uint64_t  *handed;
static unsigned char      ours[PORTS];

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_send)(int, const void *, size_t, int);
static ssize_t (*real_sendfile)(int, int, off_t *, size_t);
static ssize_t (*real_sendfile64)(int, int, off64_t *, size_t);


static void *
next(const char *name)
{
    void  *function;

    function = dlsym(RTLD_NEXT, name);

    if (function == NULL) {
        abort();
    }

    return function;
}


__attribute__((constructor))
static void
start(void)
{
    int          fd;
    char        *end;
    void        *addr;
    const char  *ports, *file;

    real_write = next("write");
    real_writev = next("writev");
    real_send = next("send");
    real_sendfile = next("sendfile");
    real_sendfile64 = next("sendfile64");

    file = getenv("HANDED_FILE");
    ports = getenv("HANDED_PORTS");

    if (file == NULL || ports == NULL) {
        return;
    }

    fd = open(file, O_RDWR|O_CREAT|O_CLOEXEC, 0666);

    if (fd == -1 || ftruncate(fd, PORTS * sizeof(uint64_t)) == -1) {
        abort();
    }

    addr = mmap(NULL, PORTS * sizeof(uint64_t), PROT_READ|PROT_WRITE,
                MAP_SHARED, fd, 0);
    if (addr == MAP_FAILED) {
        abort();
    }

    (void) close(fd);

    for (; *ports; ports = *end ? end + 1 : end) {
        ours[strtoul(ports, &end, 10) % PORTS] = 1;
    }

    handed = addr;
}


/* The port of a client that counts, or 0. */

static unsigned
client(int fd)
{
    socklen_t           len;
    struct sockaddr_in  sin;

    len = sizeof(sin);

    if (handed == NULL || getsockname(fd, (struct sockaddr *) &sin, &len) == -1
        || sin.sin_family != AF_INET || !ours[ntohs(sin.sin_port)])
    {
        return 0;
    }

    len = sizeof(sin);

    if (getpeername(fd, (struct sockaddr *) &sin, &len) == -1) {
        return 0;
    }

    return ntohs(sin.sin_port);
}


static unsigned
begin(int fd, size_t n)
{
    unsigned  port = client(fd);

    if (port) {
        (void) atomic_fetch_add(&handed[port], n);
    }

    return port;
}


static ssize_t
end(unsigned port, size_t n, ssize_t taken)
{
    if (port) {
        (void) atomic_fetch_sub(&handed[port],
                                n - (taken > 0 ? (size_t) taken : 0));
    }

    return taken;
}


ssize_t
write(int fd, const void *buf, size_t n)
{
    unsigned  port = begin(fd, n);

    return end(port, n, real_write(fd, buf, n));
}


ssize_t
writev(int fd, const struct iovec *iov, int count)
{
    int       i;
    size_t    n;
    unsigned  port;

    for (i = 0, n = 0; i < count; i++) {
        n += iov[i].iov_len;
    }

    port = begin(fd, n);

    return end(port, n, real_writev(fd, iov, count));
}


ssize_t
send(int fd, const void *buf, size_t n, int flags)
{
    unsigned  port = begin(fd, n);

    return end(port, n, real_send(fd, buf, n, flags));
}


ssize_t
sendfile(int fd, int in, off_t *offset, size_t n)
{
    unsigned  port = begin(fd, n);

    return end(port, n, real_sendfile(fd, in, offset, n));
}


ssize_t
sendfile64(int fd, int in, off64_t *offset, size_t n)
{
    unsigned  port = begin(fd, n);

    return end(port, n, real_sendfile64(fd, in, offset, n));
}
