"""kill -9 of real processes at random moments, under load: 0 lost, 0 twice, 0 both applied and
fenced. KILLS=n for more than a push's 200; FAULT_SEED for the kills of another commit."""

import json
import os
import random
import signal
import sqlite3
import threading
import time
import unittest

from harness import BIN, SERVICES, HeraldTest, order, payment, wait_for
from tracing import commit

KILLS = int(os.environ.get("KILLS", "200"))
CHUNK = 500  # orders in one submission
RATE = 2500  # orders a second at most: the load is there for the kills, not the other way round


class Load(threading.Thread):
    """Submits orders and odd payments, without a pause, until it is told to stop; what has no
    answer is submitted again. The record is the submitter's own, and synced."""

    def __init__(self, herald):
        super().__init__()
        self.herald = herald
        self.record = os.path.join(herald.data, "accepted")
        self.stopping = False
        self.number = 0
        self.conflicts = ""

    def lines(self):
        for _ in range(CHUNK):
            self.number += 1
            yield order(self.number)
            if self.number % 50 == 0:  # rejected: goes to the compensator, and to a person
                yield payment(self.number, amount=1, policy="20ms")
            if self.number % 50 == 25:  # too early: goes to the scheduler
                yield payment(self.number + 1, policy="50ms,100ms,200ms,400ms,1s")

    def run(self):
        path = os.path.join(self.herald.data, "orders.jsonl")
        while not self.stopping:
            began = time.monotonic()
            with open(path, "w", encoding="ascii") as file:
                file.writelines(json.dumps(line) + "\n" for line in self.lines())
            done = None
            while done is None or done.returncode not in (0, 1):
                done = self.herald.ctl("submit", "--file", path, "--record", self.record,
                                       "--timeout", "5s", check=False, timeout=300)
            if done.returncode == 1:  # refused or a conflict: never of these
                self.conflicts += done.stdout + done.stderr
            time.sleep(max(0.0, CHUNK / RATE - (time.monotonic() - began)))


class Kills(HeraldTest):
    def setUp(self):
        super().setUp()
        self.chance = random.Random(f"{commit()} kills")
        for name in ("producer", "retry-scheduler", "compensator"):
            self.herald.options[name] = ["--set", "journal/segment=4MiB", "--set",
                                         "journal/checkpoint=5000"]
        self.herald.options["compensator"] += ["--set", "try_delays=0s 20ms"]
        self.down = {}  # service -> when it is started again

    def count_effects(self):
        base = sqlite3.connect(self.herald.data + "/orders.db", timeout=10)
        base.executescript("""
            create table effect (biz_id text not null, status text not null);
            create trigger effect_first after insert on notify_log when new.status <> 'FAILURE'
                begin insert into effect values (new.biz_id, new.status); end;
            create trigger effect_later after update on notify_log
                when new.status <> 'FAILURE' and new.status <> old.status
                begin insert into effect values (new.biz_id, new.status); end;""")
        base.close()

    def start(self, name):
        self.herald.spawn(name, [os.path.join(BIN, "herald-" + name), "--data", self.herald.data,
                                 *self.herald.options[name]])

    def kill_some(self):
        """One, or now and then all; each comes back after its own while, also in mid-recovery."""
        victims = SERVICES if self.chance.random() < 0.1 else [self.chance.choice(SERVICES)]
        killed = 0
        for name in victims:
            process = self.herald.processes.get(name)
            if process is None:
                continue
            self.assertIsNone(process.poll(), f"{name} ended by itself with {process.returncode}:\n"
                              + self.herald.log_text(name)[-2000:])
            process.send_signal(signal.SIGKILL)
            process.wait()
            del self.herald.processes[name]
            self.down[name] = time.monotonic() + self.chance.choice((0, 0, 0.02, 0.3))
            killed += 1
        return killed

    def start_again(self):
        for name, when in list(self.down.items()):
            if time.monotonic() >= when:
                del self.down[name]
                self.start(name)

    def check(self, record):
        """The submitter's record against the answers of Herald and against the database."""
        self.herald.ctl("watch", "--timeout", "120s", "--file", record, check=False, timeout=150)
        with open(record, encoding="ascii") as file:
            accepted = {line.strip() for line in file}
        found = {line["biz_id"]: [d["state"] for d in line["deliveries"]]
                 for line in self.herald.ctl_json("query", "--file", record, timeout=150)}
        self.assertEqual(set(found), accepted, "lost")
        orders = {biz: s for biz, s in found.items() if biz.endswith("-created") and s != ["DONE"]}
        self.assertEqual(orders, {})
        self.assertEqual({b: s for b, s in found.items() if s not in (["DONE"], ["CASE"])}, {})
        self.assertEqual(self.herald.rows("select biz_id from effect group by biz_id"
                                          " having count(*) > 1"), [], "applied twice, or fenced")
        applied = {biz for biz, in self.herald.rows("select biz_id from notify_log"
                                                    " where status = 'SUCCESS'")}
        self.assertEqual(applied, {biz for biz, states in found.items() if states == ["DONE"]})
        return len(accepted)

    def test_killed_at_random_under_load(self):
        self.herald.start()
        self.count_effects()
        load = Load(self.herald)
        load.start()
        killed = 0
        try:
            while killed < KILLS:
                time.sleep(self.chance.expovariate(12))
                killed += self.kill_some()
                self.start_again()
        finally:
            load.stopping = True
            for name in list(self.down):
                self.start(name)
            load.join()
        for name in SERVICES:
            wait_for(lambda: self.herald.ping(name), f"{name} answers")
        accepted = self.check(load.record)
        self.assertEqual(load.conflicts, "")
        print(f"{killed} kills, drawn from {commit()[:12]}: 0 of {accepted} accepted lost, 0 applied "
              "twice, 0 applied and fenced", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
