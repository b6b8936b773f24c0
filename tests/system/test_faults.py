"""Receivers and services that die, hang or go away."""

import json
import os
import random
import signal
import subprocess
import threading
import unittest

from harness import HeraldTest, order, payment, wait_for


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
    def check_promises(self, accepted, count_effects=True):
        """0 lost, 0 applied twice, 0 both applied and fenced."""
        rows = self.herald.rows("select biz_id, status, count(*) from notify_log group by biz_id, status")
        done = {biz for biz, status, _ in rows if status == "SUCCESS"}
        fenced = {biz for biz, status, _ in rows if status == "FENCED"}
        self.assertEqual(accepted - done - fenced, set(), "lost")
        self.assertEqual(done & fenced, set(), "both applied and fenced")
        twice = self.herald.rows("select biz_id from notify_log group by biz_id having count(*) > 1")
        self.assertEqual(twice, [], "applied twice")

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
        self.herald.processes["sink-3"].send_signal(signal.SIGSTOP)
        self.herald.submit([order(n) for n in range(2000)])
        ids = [f"{n}-created" for n in range(2000)]
        with open(self.herald.data + "/ids", "w") as file:
            file.write("\n".join(ids) + "\n")
        self.herald.ctl("watch", "--timeout", "60s", "--file", self.herald.data + "/ids")

    def kill_under_load(self, victim, count=20000):
        self.herald.start()
        orders = self.herald.data + "/orders.jsonl"
        record = self.herald.data + "/accepted"
        with open(orders, "w") as file:
            for n in range(count):
                file.write(json.dumps(order(n)) + "\n")
        stop = threading.Event()

        def killer():
            chance = random.Random(victim)
            while not stop.wait(0.3 + chance.random()):
                self.herald.kill(victim)
                self.herald.start(victim, wait=False)

        thread = threading.Thread(target=killer)
        thread.start()
        try:
            for _ in range(60):  # unknown is an answer too: the same file again settles it
                done = self.herald.ctl("submit", "--file", orders, "--record", record, check=False,
                                       timeout=120)
                if done.returncode == 0:
                    break
        finally:
            stop.set()
            thread.join()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        wait_for(lambda: self.herald.ping(victim), f"{victim} answers")
        accepted = accepted_of(record)
        self.assertEqual(len(accepted), count)
        self.herald.ctl("watch", "--timeout", "120s", "--file", orders, timeout=150)
        self.check_promises(accepted)

    def test_producer_killed_while_20000_pass(self):
        self.kill_under_load("producer")

    def test_order_consumer_killed_while_20000_pass(self):
        self.kill_under_load("order-consumer")

    def test_retry_scheduler_killed_while_20000_pass(self):
        self.kill_under_load("retry-scheduler")

    def test_compensator_killed_while_20000_pass(self):
        self.kill_under_load("compensator")

    def test_a_second_service_on_the_same_log_says_who_holds_it(self):
        self.herald.start("producer")
        holder = self.herald.processes["producer"].pid
        other = self.herald.spawn("second", [os.path.join(os.environ["HERALD_BIN"], "herald-producer"),
                                             "--data", self.herald.data])
        self.assertNotEqual(other.wait(timeout=60), 0)
        self.assertIn(str(holder), self.herald.log_text("second"))
        self.assertTrue(self.herald.ping("producer"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
