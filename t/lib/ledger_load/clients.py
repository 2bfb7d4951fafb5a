"""Clients of a gateway that count their own bytes.

Each request has a network of its own, by which its row is found in the ledger,
and is noted as a Request: what it should get, what it got, and when.
"""

import random
import socket
import ssl
import struct
import threading
import time

# What one call may hand to the kernel at once: sendfile_max_chunk, or all the
# buffers of a proxied response, and the payload of a frame.

ONE_SEND = 256 * 1024 + 64 * 1024

SMALL_RCVBUF = 65536


class Request:
    def __init__(self, number, kind, tenant, path, size):
        self.network = "n%d" % number
        self.kind = kind                # http tls h2
        self.tenant = tenant
        self.path = path
        self.size = size                # of the body that is to come
        self.got = 0
        self.sent = 0                   # of an upload
        self.head = 0                   # bytes of headers that came
        self.port = 0                   # ours
        self.small = False              # the kernel holds little for us
        self.upload = False
        self.whole = False              # it ended as it should
        self.left = False               # we went away
        self.begin = time.monotonic()
        self.end = None


class Gone(Exception):
    """The connection has ended, whoever it was."""


class Clients:
    def __init__(self, options, rng, deadline):
        self.options = options
        self.deadline = deadline
        self.lock = threading.Lock()
        self.requests = []
        self.contexts = {kind: tls_context(protocol) for kind, protocol in
                         (("tls", "http/1.1"), ("h2", "h2"))}
        self.weights = [1 if size > 10 << 20 else 4 if size > 1 << 20 else 12
                        for _, size in options.files]
        self.threads = [
            threading.Thread(target=self.run,
                             args=(random.Random(rng.random()),), daemon=True)
            for _ in range(options.clients)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def join(self):
        for thread in self.threads:
            thread.join(60)

    def run(self, rng):
        while time.monotonic() < self.deadline:
            try:
                kind = rng.choices(("http", "tls", "h2"), (6, 3, 2))[0]

                if kind == "h2":
                    self.http2(rng)
                else:
                    self.http1(rng, kind)

            except (OSError, Gone):
                time.sleep(0.02)

    def new(self, rng, kind, upload=False):
        path, size = rng.choices(self.options.files, self.weights)[0]
        tenant = rng.choice(sorted(self.options.keys))

        if upload:
            path, size = "/v2/%s/app/blobs/uploads/u-1" % tenant, 0

        with self.lock:
            request = Request(len(self.requests), kind, tenant,
                              path.replace("TENANT", tenant), size)
            self.requests.append(request)

        request.upload = upload

        return request

    def connect(self, rng, kind):
        sock = socket.socket()
        sock.settimeout(20)
        small = rng.random() < 0.5

        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_RCVBUF)

        sock.connect(("127.0.0.1", self.options.port if kind == "http"
                      else self.options.tls_port))
        port = sock.getsockname()[1]

        if kind != "http":
            sock = self.contexts[kind].wrap_socket(sock)

        return sock, port, small

    # HTTP/1.1

    def http1(self, rng, kind):
        sock, port, small = self.connect(rng, kind)

        try:
            for _ in range(rng.choice((1, 1, 2, 4))):
                upload = rng.random() < 0.3
                request = self.new(rng, kind, upload)
                request.port, request.small = port, small

                try:
                    if upload:
                        self.upload(rng, sock, request)
                    else:
                        self.download(rng, sock, request)
                finally:
                    request.end = time.monotonic()

                if request.left or not request.whole:
                    break
        finally:
            self.close(rng, sock)

    def close(self, rng, sock):
        if rng.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        sock.close()

    def headers(self, request, *more):
        lines = ["Host: gateway",
                 "Authorization: Bearer " + self.options.keys[request.tenant],
                 "X-Network: " + request.network, *more]

        return "".join(line + "\r\n" for line in lines)

    def answer(self, sock, request):
        """The status, the length, and what came of the body."""

        data = b""

        while b"\r\n\r\n" not in data:
            more = sock.recv(4096)

            if not more:
                raise Gone

            data += more

        head, body = data.split(b"\r\n\r\n", 1)
        request.head += len(head) + 4
        lines = head.decode("latin-1").split("\r\n")
        length = 0

        for line in lines[1:]:
            if line.lower().startswith("content-length:"):
                length = int(line.split(":")[1])

        return int(lines[0].split()[1]), length, body

    def download(self, rng, sock, request):
        method, more = "GET", []

        if rng.random() < 0.1:
            method = "HEAD"

        elif request.size > 1000 and rng.random() < 0.15:
            first = rng.randrange(request.size)
            last = rng.randrange(first, request.size)
            more.append("Range: bytes=%d-%d" % (first, last))

        elif rng.random() < 0.03:
            request.path += "0"         # there is no such thing

        stop = rng.randrange(request.size + 1) if rng.random() < 0.3 else None
        slow = rng.random() < 0.15

        sock.sendall(("%s %s HTTP/1.1\r\n%s\r\n"
                      % (method, request.path, self.headers(request, *more))
                      ).encode())

        status, length, body = self.answer(sock, request)

        if method == "HEAD":
            length = 0

        request.size = length
        request.got = len(body)

        while request.got < length:

            if stop is not None and request.got >= stop:
                request.left = True
                return

            if slow:
                time.sleep(0.01)

            data = sock.recv(65536 if not slow else 16384)

            if not data:
                raise Gone

            request.got += len(data)

            if time.monotonic() > self.deadline + 2:
                request.left = True
                return

        request.whole = True

    def upload(self, rng, sock, request):
        size = rng.choice((0, 1, 5000, 200000, 2000000))
        chunked = rng.random() < 0.5
        stop = rng.randrange(size + 1) if rng.random() < 0.2 else None
        how = ("Transfer-Encoding: chunked" if chunked
               else "Content-Length: %d" % size)

        sock.sendall(("PATCH %s HTTP/1.1\r\n%s\r\n"
                      % (request.path, self.headers(request, how))).encode())

        while request.sent < size:

            if stop is not None and request.sent >= stop:
                request.left = True
                return

            data = bytes(min(65536, size - request.sent))
            request.sent += len(data)   # some of it, if this fails

            if chunked:
                data = b"%x\r\n%s\r\n" % (len(data), data)

            sock.sendall(data)

        if chunked:
            sock.sendall(b"0\r\n\r\n")

        status, length, body = self.answer(sock, request)

        request.size = length
        request.got = len(body)

        while request.got < length:
            data = sock.recv(65536)

            if not data:
                raise Gone

            request.got += len(data)

        request.whole = status == 201

    # HTTP/2: streams of one connection, each a download

    def http2(self, rng):
        sock, port, small = self.connect(rng, "h2")
        streams = {}

        try:
            self.http2_open(rng, sock, port, small, streams)
            self.http2_read(rng, sock, streams)
        finally:
            for request, _ in streams.values():
                request.end = request.end or time.monotonic()

            self.close(rng, sock)

    def http2_open(self, rng, sock, port, small, streams):
        window = rng.choice((65535, 1 << 20, 1 << 24))
        out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        out += frame(4, 0, 0, struct.pack(">HI", 4, window))
        out += frame(8, 0, 0, struct.pack(">I", 1 << 30))

        for i in range(rng.choice((1, 3, 6))):
            request = self.new(rng, "h2")
            request.port, request.small = port, small
            stop = (rng.randrange(request.size + 1) if rng.random() < 0.25
                    else None)
            streams[2 * i + 1] = request, stop

            key = self.options.keys[request.tenant]
            out += frame(1, 5, 2 * i + 1, hpack(
                (":method", "GET"), (":scheme", "https"),
                (":path", request.path), (":authority", "gateway"),
                ("authorization", "Bearer " + key),
                ("x-network", request.network)))

        sock.sendall(out)

    def http2_read(self, rng, sock, streams):
        data = bytearray()
        open_streams = set(streams)

        while open_streams and time.monotonic() < self.deadline + 2:

            if rng.random() < 0.002:
                break

            more = sock.recv(65536)

            if not more:
                raise Gone

            data += more

            while len(data) >= 9:
                length = int.from_bytes(data[:3], "big")

                if len(data) < 9 + length:
                    break

                kind, flags = data[3], data[4]
                stream = int.from_bytes(data[5:9], "big") & 0x7fffffff
                payload = bytes(data[9:9 + length])
                del data[:9 + length]

                self.http2_frame(sock, streams, open_streams, kind, flags,
                                 stream, payload)

        for stream in open_streams:
            streams[stream][0].left = True

    def http2_frame(self, sock, streams, open_streams, kind, flags, stream,
                    payload):
        if kind == 4 and not flags & 1:
            sock.sendall(frame(4, 1, 0, b""))

        if kind == 7:
            return

        if stream not in open_streams:
            return

        request, stop = streams[stream]

        if kind == 0:
            request.got += len(payload)

            if payload and not flags & 1:
                sock.sendall(frame(8, 0, stream,
                                   struct.pack(">I", len(payload))))

        if kind == 3 or flags & 1 and kind in (0, 1):
            request.whole = kind != 3
            request.end = time.monotonic()
            open_streams.discard(stream)

        elif stop is not None and request.got > stop:
            sock.sendall(frame(3, 0, stream, struct.pack(">I", 8)))
            request.left = True
            request.end = time.monotonic()
            open_streams.discard(stream)


def tls_context(protocol):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([protocol])

    return context


def frame(kind, flags, stream, payload):
    return (len(payload).to_bytes(3, "big") + bytes((kind, flags))
            + stream.to_bytes(4, "big") + payload)


def hpack(*headers):
    """Literals that nobody indexes, of less than 254 bytes."""

    out = b""

    for header in headers:
        out += b"\0"

        for text in header:
            size = len(text)
            out += bytes((size,)) if size < 127 else bytes((127, size - 127))
            out += text.encode()

    return out
