"""What the ledger, the kernel and Redis say, and whether it agrees."""

import collections
import glob
import mmap
import os
import random
import re
import struct
import subprocess
import threading
import time

from .clients import ONE_SEND, SMALL_RCVBUF

HEADER, ROW, READY = 4096, 512, 2
COUNTERS = ("egress", "ingress", "redirected", "delivered", "requests",
            "pulls", "pushes", "taken_back")

# A worker that is killed may have answered a moment before.

AROUND = 1.0


def rows(directory):
    """The counters of each key: tenant, repository, operation, route, network"""

    found = collections.defaultdict(collections.Counter)

    for path in glob.glob(os.path.join(directory, "egress-*.v1.ledger")):
        with open(path, "rb") as file:
            data = file.read()

        for at in range(HEADER, len(data) - ROW + 1, ROW):
            word, *counts = struct.unpack_from("<9Q", data, at)

            if word & 3 != READY or not any(counts):
                continue

            key, start = [], at + 85

            for size in data[at + 80:at + 85]:
                key.append(data[start:start + size].decode())
                start += size

            counts[0] -= counts[7]
            found[tuple(key)].update(dict(zip(COUNTERS, counts)))

    return found


def by_network(directory):
    found = collections.defaultdict(collections.Counter)

    for key, counts in rows(directory).items():
        found[key[4]].update(counts)

    return found


def handed(path):
    """What was handed to the kernel, by the port of the client."""

    with open(path, "rb") as file:
        return struct.unpack("<65536Q", mmap.mmap(file.fileno(), 0,
                                                  prot=mmap.PROT_READ))


class Report:
    """Lines "NAME<tab>VIOLATIONS" for the test, and some of them in full."""

    def check(self, name, violations):
        violations = list(violations)

        for violation in violations[:8]:
            print("#", violation, flush=True)

        print("%s\t%d" % (name, len(violations)), flush=True)

    def say(self, text):
        print("#", text, flush=True)


def describe(request, row, more=""):
    return ("%s %s %s %s: size %d got %d sent %d, whole %d left %d, %s %s"
            % (request.network, request.kind, request.tenant, request.path,
               request.size, request.got, request.sent, request.whole,
               request.left, dict(row), more))


def check(report, requests, options, kills):
    """Client bytes <= ledger <= handed to the kernel."""

    booked = by_network(options.ledger)
    kernel = handed(options.handed)

    def killed(request):
        return any(request.begin - AROUND < kill < request.end + AROUND
                   for kill in kills)

    downs = [r for r in requests if r.end and not r.upload]
    ups = [r for r in requests if r.end and r.upload]
    calm = [r for r in downs + ups if not killed(r)]

    report.say("%d requests, %d bytes got, %d whole, %d left early, %d while a "
               "worker was killed"
               % (len(downs + ups), sum(r.got for r in downs),
                  sum(r.whole for r in downs + ups),
                  sum(r.left for r in downs + ups),
                  len(downs + ups) - len(calm)))

    def lines(wrong, of):
        return (describe(r, booked[r.network]) for r in of if wrong(r))

    report.check("no client has a byte that the ledger has not", lines(
        lambda r: r.got > booked[r.network]["egress"],
        [r for r in calm if r.whole or r.kind != "h2"]))

    # HTTP/2 does not tell of a send that failed halfway

    report.check("but what was being sent when a worker was killed, or a "
                 "client of HTTP/2 had gone", lines(
        lambda r: r.got > booked[r.network]["egress"] + ONE_SEND, downs))

    report.check("of whole responses both have the same", lines(
        lambda r: r.whole and r.got != booked[r.network]["egress"], calm))

    report.check("each whole request is there once", lines(
        lambda r: r.whole and booked[r.network]["requests"] != 1, calm))

    report.check("and none more than once", lines(
        lambda r: booked[r.network]["requests"] > 1, downs + ups))

    report.check("of whole uploads both have the same", lines(
        lambda r: r.whole and booked[r.network]["ingress"] != r.sent,
        [r for r in ups if not killed(r)]))

    report.check("of no upload there is more than was sent", lines(
        lambda r: booked[r.network]["ingress"] > r.sent, ups))

    # of who has left, only what his kernel has taken may be too much; where a
    # response goes by way of the small disk, nginx may be the first to leave

    report.check("who has left pays for what he had taken", lines(
        lambda r: (r.left and r.small and r.kind != "h2"
                   and "/static/" in r.path
                   and r.size - r.got > 8 << 20
                   and booked[r.network]["egress"]
                   > r.got + 2 * SMALL_RCVBUF + 65536),
        [r for r in downs if not killed(r)]))

    check_handed(report, requests, booked, kernel)

    return booked


def check_handed(report, requests, booked, kernel):
    ports = collections.defaultdict(list)

    for request in requests:
        ports[request.port].append(request)

    def over():
        for port, group in ports.items():
            ledger = sum(booked[r.network]["egress"] for r in group)
            head = sum(r.head for r in group)

            if port and ledger + head > kernel[port]:
                yield ("port %d: %d in the ledger, %d of headers, %d handed: %s"
                       % (port, ledger, head, kernel[port],
                          describe(group[0], booked[group[0].network])))

    report.check("the ledger has no byte that the kernel was not given",
                 over())


class Monitor:
    """What gateways have sent to Redis, as it shows that to others."""

    def __init__(self, redis):
        self.redis = redis
        self.commands = []
        self.leave = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.leave:
            with subprocess.Popen(
                    ["redis-cli", "-p", str(self.redis.port), "MONITOR"],
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    stdin=subprocess.DEVNULL, text=True) as self.process:

                for line in self.process.stdout:
                    if "egress:{" in line and "evalsha" in line.lower():
                        self.commands.append(words(line))

            time.sleep(0.1)

    def stop(self):
        self.leave = True
        self.process.kill()
        self.thread.join(10)


def words(line):
    escapes = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b"}

    def unescape(match):
        text = match.group(1)
        return (chr(int(text[1:], 16)) if text[0] == "x" and len(text) == 3
                else escapes.get(text, text))

    return [re.sub(r"\\(x[0-9a-f]{2}|.)", unescape, word)
            for word in re.findall(r'"((?:[^"\\]|\\.)*)"', line)]


def in_redis(redis):
    """The same as rows(), and the sum of all months."""

    found = collections.defaultdict(collections.Counter)
    months = 0

    for key in redis.keys():
        tenant = re.search(r"\{(.*)\}", key).group(1)
        lines = redis.command("HGETALL", key).split("\n")
        pairs = zip(lines[::2], lines[1::2])

        if re.search(r":\d{4}-\d\d$", key):
            months += sum(int(value) for _, value in pairs)
            continue

        for field, value in pairs:
            _, route, network, operation, repository = field.split("|")
            counts = [int(n) for n in value.split()]
            counts[0] -= counts[7]
            found[tenant, repository, operation, route, network].update(
                dict(zip(COUNTERS, counts)))

    return found, months


def wait_for_redis(redis, ledger, seconds=30):
    """Until Redis has what the ledger has; what differs then.

    Bytes of a month never become less, so what was taken back after it was sent
    may still be there.
    """

    wanted = {key: dict(+counts) for key, counts in rows(ledger).items()}
    end = time.monotonic() + seconds

    while True:
        found, months = in_redis(redis)
        found = {key: dict(+counts) for key, counts in found.items()}

        differs = ["%s: %s in the ledger, %s in Redis"
                   % (key, wanted.get(key), found.get(key))
                   for key in set(wanted) | set(found)
                   if wanted.get(key) != found.get(key)]
        total = sum(counts.get("egress", 0) + counts.get("redirected", 0)
                    for counts in wanted.values())

        back = sum(counts.get("taken_back", 0) for counts in wanted.values())

        if not total <= months <= total + back:
            differs.append("%d in months, %d in the ledger" % (months, total))

        if not differs or time.monotonic() > end:
            return differs

        time.sleep(0.3)


def replay(report, redis, commands, seed):
    """All that was sent is sent again, out of order and more than once."""

    rng = random.Random(seed)
    chosen = [rng.choice(commands) for _ in range(min(400, len(commands)))]
    before = in_redis(redis)
    failed = [reply for reply in (redis.command(*command)
                                  for command in chosen)
              if reply != "0"]

    report.say("%d of %d commands were sent again" % (len(chosen),
                                                      len(commands)))
    report.check("what is sent again is no news", failed if commands
                 else ["nothing was seen"])
    report.check("and changes nothing",
                 [] if in_redis(redis) == before else ["it does"])
