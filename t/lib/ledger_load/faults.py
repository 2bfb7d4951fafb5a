"""What goes wrong meanwhile, at random."""

import os
import signal
import subprocess
import threading
import time


class Faults:
    def __init__(self, options, rng, deadline):
        self.options = options
        self.rng = rng
        self.deadline = deadline
        self.kills = []                 # times at which workers were killed
        self.done = {}                  # how often, by name
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()

    def join(self):
        self.thread.join(120)

    def run(self):
        names = list(self.options.faults)

        while names and time.monotonic() < self.deadline:
            time.sleep(self.rng.uniform(0.2, 0.8))

            # each of them once, then any

            left = [name for name in names if name not in self.done]
            name = self.rng.choice(left or names)

            if name == "upgrade" and self.upgrading():
                continue

            self.done[name] = self.done.get(name, 0) + 1

            try:
                getattr(self, name)()
            except (ProcessLookupError, FileNotFoundError, ValueError):
                pass                    # a master or worker that just left

    def master(self):
        with open(self.options.pid_file) as file:
            return int(file.read())

    def workers(self):
        master = self.master()

        with open("/proc/%d/task/%d/children" % (master, master)) as file:
            return [int(pid) for pid in file.read().split()
                    if not is_master(int(pid))]

    def kill(self):
        os.kill(self.rng.choice(self.workers()), signal.SIGKILL)
        self.kills.append(time.monotonic())

    def reload(self):
        os.kill(self.master(), signal.SIGHUP)

    def upgrade(self):
        old = self.master()
        os.kill(old, signal.SIGUSR2)

        for _ in range(100):
            time.sleep(0.05)

            try:
                new = self.master()
            except (FileNotFoundError, ValueError):
                continue

            if new != old and self.workers():
                break
        else:
            raise RuntimeError("the new binary did not start")

        os.kill(old, signal.SIGQUIT)

    def upgrading(self):
        return os.path.exists(self.options.pid_file + ".oldbin")

    def redis(self):
        how = self.rng.choice(("kill", "stop", "forget"))

        if how == "forget":
            self.options.redis.forget()

        elif how == "stop":
            self.options.redis.signal(signal.SIGSTOP)
            time.sleep(self.rng.uniform(0.1, 1.0))
            self.options.redis.signal(signal.SIGCONT)

        else:
            self.options.redis.signal(signal.SIGKILL)
            time.sleep(self.rng.uniform(0.1, 1.5))
            self.options.redis.start()

    def disk(self):
        path = os.path.join(self.options.disk, "full")

        with open(path, "wb", buffering=0) as file:
            size = 1 << 20

            while size:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2

            time.sleep(self.rng.uniform(0.2, 1.5))

        os.unlink(path)


def is_master(pid):
    with open("/proc/%d/cmdline" % pid) as file:
        return "master" in file.read()


class Redis:
    """A redis-server that is killed, and keeps what it had."""

    def __init__(self, port, pid, directory):
        self.port = port
        self.pid = pid                  # of who has started it first
        self.directory = directory
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port),
             "--save", "", "--appendonly", "yes", "--dir", self.directory],
            stdout=subprocess.DEVNULL)
        self.pid = self.process.pid

        for _ in range(200):
            if self.command("PING") == "PONG":
                return
            time.sleep(0.05)

        raise RuntimeError("redis-server did not start")

    def signal(self, number):
        os.kill(self.pid, number)

        if number != signal.SIGKILL:
            return

        if self.process:
            self.process.wait()

        while self.command("PING") == "PONG":
            time.sleep(0.01)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def command(self, *words):
        result = subprocess.run(["redis-cli", "-p", str(self.port), *words],
                                capture_output=True, text=True)

        return result.stdout.strip()

    def keys(self):
        return self.command("KEYS", "registry:egress:*").split()

    def forget(self):
        for key in self.keys():
            self.command("DEL", key)
