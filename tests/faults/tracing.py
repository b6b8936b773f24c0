"""A service under strace, which kills it or makes a call fail at a chosen system call.

What a push can try is a sample: it is drawn from the commit's hash, so that each commit tries other
points, and the same commit always the same. FAULT_POINTS=all tries every one, and FAULT_PART=i/n
with it those that are the i-th of n parts, so that all of them can be tried in pieces.
"""

import collections
import hashlib
import json
import os
import re
import signal
import subprocess
import time

from harness import BIN, Herald, order, payment, wait_for

SECONDS_EACH = float(os.environ.get("FAULT_SECONDS", "12"))  # of a sweep at a push, beside others
POINTS_EACH = 200  # at most, at a push
ALL_POINTS = os.environ.get("FAULT_POINTS") == "all"
PART, PARTS = map(int, os.environ.get("FAULT_PART", "1/1").split("/"))
FILE_CALLS = ("openat", "pread64", "pwrite64", "fdatasync", "fsync", "renameat2", "unlinkat",
              "unlink", "mkdirat", "ftruncate", "fallocate", "flock", "fstatfs", "getdents64",
              "newfstatat", "statx", "lseek", "close")
# LeakSanitizer traces the process itself, which it cannot beside strace.
NO_LEAKS = ("-E", f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0")
# The begin of a call in a trace of threads; what is "resumed" has begun before.
CALL = re.compile(r"^(\d+)\s+(\w+)\(")


def can_trace():
    """Is strace here, and does this machine let it trace?"""
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"],
                              capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def commit():
    """What the sample is drawn from; said by the tests, so that a failure can be repeated."""
    if "FAULT_SEED" in os.environ:
        return os.environ["FAULT_SEED"]
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True,
                          cwd=os.path.dirname(os.path.abspath(__file__)))
    return done.stdout.strip() or "no commit"


def sample(points, name):
    """All points in an order that the commit draws; the first of them are tried."""
    def place(point):
        # Of the point alone: a part is the same whatever else was counted in another run.
        return int(hashlib.sha256(f"{commit()} {name} {point}".encode()).hexdigest(), 16)
    points = sorted(points, key=place)
    if ALL_POINTS:
        return [point for point in points if place(point) % PARTS == PART % PARTS]
    return points[:POINTS_EACH]


class Traced:
    """One service, started under strace with any injection, and what it ended with."""

    def __init__(self, herald, name, options):
        self.herald, self.name = herald, name
        self.trace = os.path.join(herald.data, "log", "strace.log")
        program = os.path.join(BIN, "herald-" + name)
        self.strace = herald.spawn(name, [
            "strace", "-f", "-qq", *NO_LEAKS, "-o", self.trace, *options, program, "--data",
            herald.data, *herald.options[name]])
        self.pid = wait_for(self.child, "strace has started it")

    def child(self):
        """strace has other children too, with which it tries out what the kernel can do."""
        path = f"/proc/{self.strace.pid}/task/{self.strace.pid}/children"
        try:
            with open(path, encoding="ascii") as children:
                for child in children.read().split():
                    if os.path.basename(os.readlink(f"/proc/{child}/exe")) == "herald-" + self.name:
                        return int(child)
        except OSError:
            pass
        return self.strace.poll() is not None and -1

    def ended(self):
        return self.strace.poll() is not None

    def end(self, sig=signal.SIGKILL):
        """Its exit code, as subprocess gives it."""
        if not self.ended() and self.pid > 0:
            try:
                os.kill(self.pid, sig)
            except ProcessLookupError:
                pass
        code = self.strace.wait(timeout=60)
        self.herald.processes.pop(self.name, None)
        return code

    def text(self):
        with open(self.trace, errors="replace", encoding="utf-8") as file:
            return file.read()


class Work:
    """What is submitted while a service is in trouble, and what must have become of it."""

    def __init__(self, herald):
        self.herald = herald
        self.number = 0
        self.open = []  # lines without an answer
        self.record = os.path.join(herald.data, "accepted")

    def add(self):
        """An order that is done at once, a payment that is rejected, one that is early."""
        self.number += 1
        n = self.number
        self.open += [order(n), payment(n, amount=1, policy="20ms"),
                      payment(f"{n}-none", policy="20ms,20ms")]

    def begin(self):
        """Submit what is open, without waiting for it."""
        path = os.path.join(self.herald.data, "open.jsonl")
        with open(path, "w", encoding="ascii") as file:
            file.writelines(json.dumps(line) + "\n" for line in self.open)
        return self.herald.spawn_ctl("submitter", "submit", "--file", path, "--record", self.record,
                                     "--timeout", "5s")

    def end(self, submitter):
        """It may be killed: its record is synced, and the same lines again are safe."""
        submitter.kill()
        if submitter.wait() == 0:
            self.open = []
        self.herald.processes.pop("submitter")

    def settle(self):
        """All of it is accepted, and each came to the end that it must come to."""
        def accepted():
            return not self.open or self.herald.submit(
                self.open, "--record", self.record, "--timeout", "5s", check=False).returncode == 0
        wait_for(accepted, "everything is accepted")
        self.open = []
        self.herald.ctl("watch", "--file", self.record, "--timeout", "60s", check=False, timeout=90)
        with open(self.record, encoding="ascii") as record:
            accepted = {line.strip() for line in record}
        found = self.herald.ctl_json("query", "--file", self.record, timeout=90)
        states = {line["biz_id"]: [d["state"] for d in line["deliveries"]] for line in found}
        wrong = {biz: state for biz, state in states.items()
                 if state != (["DONE"] if biz.endswith("-created") else ["CASE"])}
        if set(states) != accepted or wrong:
            raise AssertionError(f"missing: {sorted(accepted - set(states))[:5]}, not at the end "
                                 f"that was expected: {dict(list(wrong.items())[:5])}")
        self.check_database(accepted)

    def check_database(self, accepted):
        rows = self.herald.rows("select biz_id, status from notify_log")
        applied = [biz for biz, status in rows if status == "SUCCESS"]
        due = {biz for biz in accepted if biz.endswith("-created")}
        if sorted(applied) != sorted(due):
            raise AssertionError(f"applied are not those accepted: {set(applied) ^ due}")


class Sweep:
    """One service, killed or failed at one point after the other, with the others running."""

    def __init__(self, name):
        self.name = name
        self.herald = Herald()
        # One lane, or most of a start would be the sockets of the others.
        for sender in ("producer", "retry-scheduler"):
            self.herald.options[sender] = ["--set", "lanes/count=2", "--set",
                                           "journal/segment=3MiB"]
        self.herald.options["compensator"] = ["--set", "try_delays=0s 20ms"]
        self.work = Work(self.herald)
        self.tried = self.reached = 0

    def begin(self):
        self.herald.start()
        wait_for(lambda: self.herald.stats("order-consumer")["senders_joined"] == 3, "all joined")
        self.work.add()
        self.work.settle()
        self.herald.stop(self.name)

    def calls(self):
        """How often each system call happens from a start to the end of one round of work, in the
        thread that makes it most often: strace's when=N counts in each thread by itself."""
        traced = Traced(self.herald, self.name, [])
        wait_for(lambda: self.herald.ping(self.name), f"{self.name} answers")
        self.work.add()
        self.work.settle()
        traced.end(signal.SIGTERM)
        counted = collections.Counter(
            match.groups() for match in map(CALL.match, traced.text().splitlines()) if match)
        found = {}
        for (_, call), count in counted.items():
            found[call] = max(count, found.get(call, 0))
        return found

    def attempt(self, options, patience=0.5):
        """One point; returns the exit code, or None when it outlived the round of work."""
        self.tried += 1
        traced = Traced(self.herald, self.name, options)
        self.work.add()
        submitter = self.work.begin()
        done = None
        while not traced.ended() and (done is None or time.monotonic() < done + patience):
            if done is None and submitter.poll() is not None:
                done = time.monotonic()
            time.sleep(0.01)
        self.work.end(submitter)
        alone = traced.ended()
        code = traced.end()
        return code if alone else None

    def recover(self):
        """Without faults: everything reaches its end, and the answers are what they must be."""
        self.herald.start(self.name)
        self.work.settle()
        self.herald.stop(self.name)

    def run(self, points, attempt):
        """Try points until the time is over and one was reached; check every few of them."""
        end = time.monotonic() + SECONDS_EACH
        for number, point in enumerate(points, 1):
            attempt(point)
            if number % 8 == 0:
                self.recover()
            if not ALL_POINTS and self.reached > 0 and time.monotonic() > end:
                break
        self.recover()

    def close(self):
        self.herald.close()
        for log in ("producer", "scheduler", "compensator"):
            done = subprocess.run([os.path.join(BIN, "herald-journal"), "verify",
                                   os.path.join(self.herald.data, "journal", log)],
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise AssertionError(done.stdout + done.stderr)
