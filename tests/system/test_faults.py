"""Receivers and services that die, hang or go away."""

import concurrent.futures
import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import time
import unittest

from harness import BIN, SERVICES, HeraldTest, order, payment, wait_for


def can_trace():
    """Is strace here, and does this machine let it trace?"""
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"],
                              capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def all_traced(pid):
    """Has a tracer taken every thread of the process?"""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status") as status:
            if "TracerPid:\t0\n" in status.read():
                return False
    return True


def accepted_of(path):
    """What the submitter itself recorded, synced, as accepted."""
    with open(path) as record:
        return {line.strip() for line in record if line.endswith("\n")}


class Faults(HeraldTest):
    def count_effects(self):
        """From now on every change of an order is on record, in the database itself."""
        base = sqlite3.connect(self.herald.data + "/orders.db", timeout=10)
        base.executescript("""
            create table effect (biz_id text not null, status text not null);
            create trigger effect_new after insert on order_table
                begin insert into effect values (new.biz_id, new.status); end;
            create trigger effect_changed after update on order_table
                begin insert into effect values (new.biz_id, new.status); end;""")
        base.close()

    def check_promises(self, accepted):
        """0 lost, 0 applied twice, 0 both applied and fenced."""
        rows = self.herald.rows("select biz_id, status from notify_log")
        done = [biz for biz, status in rows if status == "SUCCESS"]
        fenced = {biz for biz, status in rows if status == "FENCED"}
        self.assertEqual(accepted - set(done) - fenced, set(), "lost")
        self.assertEqual(set(done) & fenced, set(), "both applied and fenced")
        self.assertEqual(len(done), len(set(done)), "applied twice")

    def check_effects(self, accepted):
        """Each order was changed once by what was done for it, and not at all by anything else."""
        effects = self.herald.rows("select biz_id, count(*) from effect group by biz_id")
        self.assertEqual([(order_id, n) for order_id, n in effects if n != 1], [], "applied twice")
        self.assertEqual({order_id + "-created" for order_id, _ in effects}, accepted)

    def check_answers(self, accepted, record):
        """What Herald says of each that the submitter has on record."""
        found = self.herald.ctl_json("query", "--file", record, timeout=120)
        states = {line["biz_id"]: [d["state"] for d in line["deliveries"]] for line in found}
        self.assertEqual(set(states), accepted)
        self.assertEqual({biz: state for biz, state in states.items() if state != ["DONE"]}, {})

    def settled(self, count):
        return self.herald.rows("select count(*) from notify_log where status='SUCCESS'")[0][0] >= count

    def test_a_receiver_that_is_down_gets_all_when_it_is_back(self):
        self.herald.start()
        self.herald.stop("order-consumer")
        self.herald.submit([order(n) for n in range(200)])
        self.assertEqual(self.herald.state("0-created"), "PENDING")
        self.herald.start("order-consumer")
        wait_for(lambda: self.settled(200), "all 200 applied")
        wait_for(lambda: self.herald.state("199-created") == "DONE", "199 is done")

    @unittest.skipUnless(can_trace(), "strace is missing or may not trace here")
    def test_a_receiver_killed_between_commit_and_outcome_applies_once(self):
        self.herald.options["producer"] = ["--set", "subscriptions/orders/lease=1s"]
        self.herald.options["order-consumer"] = ["--set", "name=shop"]
        self.herald.start()
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        # From here the next fdatasync is a commit's: die when it has returned, before anything is said.
        consumer = self.herald.processes["order-consumer"]
        self.herald.spawn("strace", ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(consumer.pid),
                                     "-e", "inject=fdatasync:signal=SIGKILL:when=1"])
        wait_for(lambda: all_traced(consumer.pid), "strace has the consumer's threads")
        self.herald.submit([order(2)])
        wait_for(lambda: consumer.poll() is not None, "the consumer is killed at its commit")
        self.assertEqual(consumer.returncode, -signal.SIGKILL)
        self.herald.processes.pop("order-consumer")
        self.assertTrue(self.settled(2), "the effect is committed")
        self.assertEqual(self.herald.state("2-created"), "PENDING", "nothing was said of it")
        self.herald.start("order-consumer")
        done = self.herald.wait_state("2-created", "DONE")
        self.assertIn("DUPLICATE", done["attempts"][-1].values())
        self.check_promises({"1-created", "2-created"})

    def test_one_hung_receiver_beside_seven_good_ones(self):
        with open(self.herald.data + "/producer.zpl", "w") as config:
            config.write("subscriptions\n    orders\n        topic = \"order.*\"\n"
                         "        group = sink\n        policy = default\n"
                         "        compensation = reapply\n        lease = 2s\n")
        self.herald.options["producer"] = ["--config", self.herald.data + "/producer.zpl"]
        self.herald.start("producer", "retry-scheduler", "compensator")
        for number in range(8):
            self.herald.start_receiver("sink", "--name", f"sink-{number}", key=f"sink-{number}")
        wait_for(lambda: self.herald.stats("producer")["consumers"] == 8, "all eight have a lane")
        wait_for(lambda: self.herald.stats("retry-scheduler")["consumers"] == 8, "there too")
        sinks = [self.herald.processes[f"sink-{number}"] for number in range(8)]
        for sink in sinks:  # or the good ones may have all of it before the hung one's turn
            sink.send_signal(signal.SIGSTOP)
        self.herald.submit([order(n) for n in range(10000)])  # more than seven windows hold
        wait_for(lambda: self.herald.stats("producer")["outstanding"] > 7 * 1024, "each has some")
        for sink in sinks[:3] + sinks[4:]:
            sink.send_signal(signal.SIGCONT)
        wait_for(lambda: self.herald.stats("producer")["done"] > 5000, "the others go on")
        ids = [f"{n}-created" for n in range(10000)]
        with open(self.herald.data + "/ids", "w") as file:
            file.write("\n".join(ids) + "\n")
        self.herald.ctl("watch", "--timeout", "60s", "--file", self.herald.data + "/ids", timeout=90)
        self.assertGreater(self.herald.stats("producer")["moved"], 0, "the hung one had some")

    def test_a_submitter_waits_for_a_producer_that_hangs(self):
        self.herald.start("producer")
        lines = [order(n) for n in range(2001)]
        for line in lines[1:]:
            line["payload"]["remark"] = "x" * 8000
        first, *rest = (json.dumps(line).encode() + b"\n" for line in lines)
        rest = b"".join(rest)
        pipe = os.path.join(self.herald.data, "lines")
        os.mkfifo(pipe)
        submit = self.herald.spawn_ctl("submit", "submit", "--file", pipe, "--timeout", "60s")
        with open(pipe, "wb", buffering=0) as file:
            file.write(first)
            wait_for(lambda: self.herald.stats("producer")["accepted"] == 1, "it is connected")
            self.herald.processes["producer"].send_signal(signal.SIGSTOP)
            os.set_blocking(file.fileno(), False)
            sent = 0
            while sent < len(rest) and select.select([], [file], [], 2)[1]:
                sent += file.write(rest[sent:sent + 65536])  # a pipe's own size: small frames
            self.assertLess(sent, len(rest), "it took more than it may have under way")
            self.assertGreater(sent, 1000000, "it took what it may have under way")
            self.assertIsNone(submit.poll(), self.herald.log_text("submit"))
            self.herald.processes["producer"].send_signal(signal.SIGCONT)
            os.set_blocking(file.fileno(), True)
            while sent < len(rest):
                sent += file.write(rest[sent:])
        self.assertEqual(submit.wait(60), 0, self.herald.log_text("submit"))
        self.assertEqual(self.herald.stats("producer")["accepted"], 2001)

    def kill_after(self, seconds, victims):
        """Kill all of them at once, then start them; returns how many orders were applied by then."""
        time.sleep(seconds)
        for victim in victims:
            self.herald.processes[victim].send_signal(signal.SIGKILL)
        applied = self.herald.rows("select count(*) from notify_log where status='SUCCESS'")[0][0]
        for victim in victims:
            self.herald.kill(victim)
            self.herald.start(victim, wait=False)
        return applied

    def submit_until_known(self, orders, record):
        """Unknown is an answer too: the same lines again settle it."""
        for _ in range(60):
            done = self.herald.ctl("submit", "--file", orders, "--record", record, check=False,
                                   timeout=120)
            if done.returncode == 0:
                return
        self.fail(done.stdout + done.stderr)

    def kill_under_load(self, *victims, count=20000, kills=8):
        self.herald.start()
        self.count_effects()
        orders = self.herald.data + "/orders.jsonl"
        record = self.herald.data + "/accepted"
        chance = random.Random(str(victims))
        applied = []
        part = count // kills
        for first in range(0, count, part):
            with open(orders, "w") as file:
                for n in range(first, first + part):
                    file.write(json.dumps(order(n)) + "\n")
            # Each kill at another moment of a part's way; the part before may still be under way.
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                kill = pool.submit(self.kill_after, 0.15 * chance.random(), victims)
                self.submit_until_known(orders, record)
                applied.append(kill.result(timeout=60))
            wait_for(lambda: self.settled(applied[-1] + 1) or applied[-1] == first + part,
                     "it goes on after the kill")
        self.assertGreaterEqual(len({n for n in applied if 0 < n < count}), 3,
                                f"killed too late or too early: {applied}")
        for victim in victims:
            wait_for(lambda: self.herald.ping(victim), f"{victim} answers")
        accepted = accepted_of(record)
        self.assertEqual(len(accepted), count)
        self.herald.ctl("watch", "--timeout", "120s", "--file", record, timeout=150)
        self.check_promises(accepted)
        self.check_effects(accepted)
        self.check_answers(accepted, record)

    def test_producer_killed_while_20000_pass(self):
        self.kill_under_load("producer")

    def test_order_consumer_killed_while_20000_pass(self):
        self.kill_under_load("order-consumer")

    def test_retry_scheduler_killed_while_20000_pass(self):
        self.kill_under_load("retry-scheduler")

    def test_compensator_killed_while_20000_pass(self):
        self.kill_under_load("compensator")

    def test_all_four_killed_at_once_while_20000_pass(self):
        self.kill_under_load(*SERVICES)

    def test_a_second_service_on_the_same_log_says_who_holds_it(self):
        self.herald.start("producer")
        holder = self.herald.processes["producer"].pid
        other = self.herald.spawn("second", [os.path.join(BIN, "herald-producer"),
                                             "--data", self.herald.data])
        self.assertNotEqual(other.wait(timeout=60), 0)
        self.assertIn(str(holder), self.herald.log_text("second"))
        self.assertTrue(self.herald.ping("producer"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
