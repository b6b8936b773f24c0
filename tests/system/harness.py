"""A Herald of its own for one test: real processes, a temporary directory, ipc sockets.

Every process that is started here is stopped here, by its pid. Nothing sleeps for a fixed time:
`wait_for` polls a condition until a deadline, which is generous because machines get stuck.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

BIN = os.environ.get("HERALD_BIN", os.path.join(os.path.dirname(__file__), "../../build/release/bin"))
PATIENCE = float(os.environ.get("HERALD_TEST_PATIENCE", "60"))
# What AddressSanitizer, LeakSanitizer, ThreadSanitizer and UBSan say, in a build that has them.
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")
SERVICES = ("producer", "retry-scheduler", "compensator", "order-consumer")


def wait_for(condition, what, seconds=PATIENCE):
    """Poll until condition() is true and return its value; fail with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.02)


class Herald:
    """The services on one data directory."""

    def __init__(self, directory=None):
        self.data = directory or tempfile.mkdtemp(prefix="herald-")
        self.processes = {}
        self.environment = {}  # more of it, for every process
        self.options = {name: [] for name in SERVICES}
        os.makedirs(os.path.join(self.data, "log"), exist_ok=True)

    def log_path(self, name):
        return os.path.join(self.data, "log", name + ".log")

    def log_text(self, name):
        with open(self.log_path(name), errors="replace") as log:
            return log.read()

    def sanitizer_reports(self):
        """What sanitizers had to say, of any process that was started here: {name: text}."""
        found = {}
        for file in sorted(os.listdir(os.path.join(self.data, "log"))):
            text = self.log_text(file[:-len(".log")])
            start = SANITIZER.search(text)
            if start:
                found[file] = text[max(0, start.start() - 200):start.start() + 4000]
        return found

    def spawn(self, key, arguments, **kwargs):
        """Start any process under a name of its own; it is stopped with the rest."""
        log = open(self.log_path(key), "ab")
        kwargs.setdefault("stdout", log)
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stderr=log,
                                   env={**os.environ, "HERALD_DATA": self.data,
                                        **self.environment}, **kwargs)
        log.close()
        self.processes[key] = process
        return process

    def start(self, *names, prefix=(), wait=True):
        for name in names or SERVICES:
            program = os.path.join(BIN, "herald-" + name)
            process = self.spawn(name, [*prefix, program, "--data", self.data, *self.options[name]])
            if wait:
                wait_for(lambda: self.ping(name) or process.poll() is not None, f"{name} answers")
                if process.poll() is not None:
                    raise AssertionError(f"{name} ended with {process.returncode}:\n"
                                         + self.log_text(name)[-2000:])
        return self

    def ping(self, name):
        return self.ctl("ping", name, "--timeout", "1s", check=False).returncode == 0

    def kill(self, name, sig=signal.SIGKILL):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGCONT)
        process.send_signal(sig)
        process.communicate(timeout=PATIENCE)
        return process.returncode

    def stop(self, name):
        return self.kill(name, signal.SIGTERM)

    def close(self):
        for name in ("order-consumer", "compensator", "retry-scheduler", "producer"):
            process = self.processes.get(name)
            if process is not None:
                try:
                    self.kill(name, signal.SIGTERM)
                except subprocess.TimeoutExpired:
                    process.kill()
        for process in self.processes.values():
            process.kill()
            process.communicate()
        self.processes.clear()

    def ctl(self, *arguments, check=True, text=None, timeout=PATIENCE):
        done = subprocess.run([os.path.join(BIN, "heraldctl"), *map(str, arguments)],
                              input=text, capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, "HERALD_DATA": self.data,
                                        **self.environment})
        if SANITIZER.search(done.stderr):
            raise AssertionError(f"heraldctl {' '.join(map(str, arguments))}:\n{done.stderr}")
        if check and done.returncode != 0:
            raise AssertionError(f"heraldctl {' '.join(map(str, arguments))} ended with "
                                 f"{done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def ctl_json(self, *arguments, **kwargs):
        done = self.ctl(*arguments, "--json", **kwargs)
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def submit(self, lines, *options, check=True):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        return self.ctl("submit", "--file", "-", *options, text=text, check=check)

    def spawn_ctl(self, key, *arguments, **kwargs):
        return self.spawn(key, [os.path.join(BIN, "heraldctl"), *map(str, arguments)], **kwargs)

    def start_receiver(self, group, *options, key="receiver"):
        """`heraldctl receive`: a receiver of any group, with the answer that the test wants."""
        out = open(os.path.join(self.data, key + ".jsonl"), "ab")
        process = self.spawn_ctl(key, "receive", "--group", group, *options, stdout=out)
        out.close()
        return process

    def stats(self, service):
        return self.ctl_json("stats", service)[0]["stats"]

    def query(self, biz_id):
        return self.ctl_json("query", biz_id, check=False)[0]

    def delivery(self, biz_id, subscription="orders"):
        for delivery in self.query(biz_id).get("deliveries", []):
            if delivery["subscription"] == subscription:
                return delivery
        return {"state": "NONE", "attempts": [], "custodian": "", "turn": 0}

    def state(self, biz_id, subscription="orders"):
        return self.delivery(biz_id, subscription)["state"]

    def wait_state(self, biz_id, *states, subscription="orders", seconds=PATIENCE):
        wait_for(lambda: self.state(biz_id, subscription) in states,
                 f"{biz_id} is {' or '.join(states)}", seconds)
        return self.delivery(biz_id, subscription)

    def case_of(self, biz_id, subscription="orders"):
        def found():
            return [case for case in self.ctl_json("cases")
                    if case["biz_id"] == biz_id and case["subscription"] == subscription]
        return wait_for(found, f"{biz_id} has a case")[0]

    def rows(self, sql, *values):
        base = sqlite3.connect(f"file:{self.data}/orders.db?mode=ro", uri=True, timeout=10)
        try:
            return base.execute(sql, values).fetchall()
        finally:
            base.close()


def order(number, amount=1000, currency="usd"):
    return {"topic": "order.created", "biz_id": f"{number}-created", "version": 1,
            "payload": {"order_id": str(number), "amount": amount, "currency": currency}}


def payment(number, amount=1000, currency="usd", **more):
    return {"topic": "payment.succeeded", "biz_id": f"{number}-payment", "version": 2,
            "payload": {"order_id": str(number), "amount": amount, "currency": currency}, **more}


class HeraldTest(unittest.TestCase):
    """A test with a Herald; the directory goes when the test has passed."""

    def setUp(self):
        self.herald = Herald()
        self.addCleanup(self.clean)

    def clean(self):
        self.herald.close()
        outcome = getattr(self._outcome, "result", None)
        failed = outcome and any(test is self for test, _ in outcome.failures + outcome.errors)
        if failed:
            for name in SERVICES:
                if os.path.exists(self.herald.log_path(name)):
                    print(f"--- {name}\n" + self.herald.log_text(name)[-1500:], flush=True)
        reports = self.herald.sanitizer_reports()
        shutil.rmtree(self.herald.data, ignore_errors=True)
        self.assertEqual(reports, {}, "\n".join(reports.values()))
