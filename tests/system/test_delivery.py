"""The main job: submit, deliver, done; late orders; two subscriptions; the textbook's schedule."""

import json
import os
import subprocess
import time
import unittest

from harness import BIN, PATIENCE, HeraldTest, order, payment, wait_for

SUBSCRIPTIONS = """
subscriptions
    orders
        topic = "order.* payment.*"
        group = order-system
        policy = default
        compensation = reapply
    ledger
        topic = payment.succeeded
        group = ledger
        policy = "100ms"
        compensation = reapply
"""


class Delivery(HeraldTest):
    def test_an_order_and_its_payment_reach_the_order_database(self):
        self.herald.start()
        self.herald.submit([order(1), payment(1)])
        self.herald.wait_state("1-created", "DONE")
        self.herald.wait_state("1-payment", "DONE")
        self.assertEqual(self.herald.rows("select status from order_table where biz_id='1'"),
                         [("PAID",)])
        self.assertEqual(self.herald.rows("select biz_id, status from notify_log order by biz_id"),
                         [("1-created", "SUCCESS"), ("1-payment", "SUCCESS")])

    def test_a_payment_before_its_order_is_retried_on_the_textbook_schedule(self):
        self.herald.start()
        self.herald.submit([payment(2)])
        wait_for(lambda: len(self.herald.delivery("2-payment")["attempts"]) >= 2, "two attempts")
        self.herald.submit([order(2)])
        done = self.herald.wait_state("2-payment", "DONE")
        times = [attempt["at_unix_ms"] for attempt in done["attempts"]]
        steps = [(after - before) / 1000 for before, after in zip(times, times[1:])]
        # 1 s, then 2 s, then 4 s from the recorded failure: never earlier, later only by load.
        for step, least in zip(steps, (1, 2, 4)):
            self.assertGreaterEqual(step, least - 0.05)

    def test_an_order_after_the_schedule_is_used_up_is_done_by_compensation(self):
        self.herald.start()
        self.herald.submit([payment(3, policy="50ms,50ms")])
        wait_for(lambda: self.herald.delivery("3-payment")["custodian"] == "compensator",
                 "the compensator has it")
        self.herald.submit([order(3)])
        done = self.herald.wait_state("3-payment", "DONE", "CASE")
        if done["state"] == "CASE":  # a stuck machine: two seconds of tries went by
            case = self.herald.case_of("3-payment")
            self.herald.ctl("case", "replay", case["id"], "--by", "test", "--reason", "late")
            self.herald.wait_state("3-payment", "DONE")
        self.assertEqual(self.herald.rows("select status from order_table where biz_id='3'"),
                         [("PAID",)])

    def test_two_subscriptions_end_independently(self):
        with open(self.herald.data + "/producer.zpl", "w") as config:
            config.write(SUBSCRIPTIONS)
        self.herald.options["producer"] = ["--config", self.herald.data + "/producer.zpl"]
        self.herald.start()
        self.herald.start_receiver("ledger", "--answer", "reject", "--reason", "the ledger is closed")
        self.herald.submit([order(4), payment(4)])
        self.herald.wait_state("4-payment", "DONE", subscription="orders")
        self.herald.wait_state("4-payment", "CASE", subscription="ledger")
        self.assertEqual(self.herald.state("4-payment", "orders"), "DONE")

    def test_duplicates_are_answered_and_conflicts_refused(self):
        self.herald.start()
        first = self.herald.submit([order(5)], "--json").stdout
        again = self.herald.submit([order(5)] * 3, "--json").stdout
        self.assertEqual(json.loads(first.splitlines()[-1])["accepted"], 1)
        self.assertEqual(json.loads(again.splitlines()[-1])["duplicate"], 3)
        other = self.herald.submit([order(5, amount=1)], "--json", check=False)
        self.assertEqual(other.returncode, 1)
        self.assertEqual(json.loads(other.stdout.splitlines()[-1])["conflict"], 1)
        self.assertIn("order.created", other.stdout + other.stderr)
        self.herald.wait_state("5-created", "DONE")
        self.assertEqual(self.herald.rows("select amount from order_table where biz_id='5'"),
                         [(1000,)])

    def test_each_refused_line_is_told_by_its_field_and_limit(self):
        self.herald.start("producer")
        lines = [order(8), {**order(8), "biz_id": ""}, {**order(8), "biz_id": "b" * 65},
                 {**order(8), "biz_id": "b\n"}, {**order(8), "policy": "soon"},
                 {**order(8), "topic": "order..created"}, payment(8, topic="nobody")]
        done = self.herald.submit(lines, "--json", check=False)
        self.assertEqual(done.returncode, 1)
        *told, counts = map(json.loads, done.stdout.splitlines())
        self.assertEqual((counts["accepted"], counts["refused"]), (1, 6), done.stdout)
        told = {line["line"]: (line["field"], line["text"]) for line in told}
        self.assertEqual(told[2], ("biz_id", "0 bytes, must be 1 to 64"))
        self.assertEqual(told[3], ("biz_id", "65 bytes, at most 64"))
        self.assertEqual(told[4], ("biz_id", "must be UTF-8 without control characters"))
        self.assertEqual(told[5][0], "policy")
        self.assertIn('"soon" is neither a preset (default, ', told[5][1])
        self.assertEqual(told[6], ("topic", '"order..created" has an empty level'))
        self.assertEqual(told[7], ("topic", "no subscription matches this topic"))

    def test_a_deadline_that_passes_uses_up_the_schedule(self):
        self.herald.start()
        deadline = int(time.time() * 1000) + 1500
        self.herald.submit([payment(6, deadline=deadline)])
        found = self.herald.wait_state("6-payment", "CASE")
        self.assertLess(len(found["attempts"]), 3 + 4, "the schedule went on after the deadline")

    def test_a_watch_survives_a_restart_of_the_producer(self):
        self.herald.start("producer", "retry-scheduler", "compensator")
        self.herald.submit([order(7)])
        watch = self.herald.spawn_ctl("watch", "watch", "--timeout", "60s", "7-created")
        wait_for(lambda: self.herald.stats("producer").get("watches", 0) >= 1, "the watch is set")
        self.herald.kill("producer")
        self.herald.start("producer", "order-consumer")
        self.assertEqual(watch.wait(timeout=60), 0)

    def test_a_producer_looks_for_news_before_it_sleeps_as_long_as_it_is_set(self):
        # A sync aside is a wait too, and on a slow disk a long one.
        self.herald.environment["HERALD_JOURNAL_SYNC_THREAD"] = "false"
        self.herald.environment["HERALD_BUSY_POLL"] = "0"
        self.herald.start("producer")
        self.submit_one_by_one()
        self.assertEqual(self.herald.stats("producer")["busy_polls"], 0)
        self.herald.stop("producer")
        self.herald.environment["HERALD_BUSY_POLL"] = "1000"
        self.herald.start("producer")

        def has_polled():
            self.submit_one_by_one()
            return self.herald.stats("producer")["busy_polls"] > 10
        wait_for(has_polled, "news has come while it polled")

    def submit_one_by_one(self):
        done = subprocess.run(
            [os.path.join(BIN, "herald-bench"), "run", "--count", "300", "--window", "1",
             "--no-consumer", "--producer", f"ipc://{self.herald.data}/run/producer.front"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_state_of_an_unknown_biz_id_is_said_to_be_unknown(self):
        self.herald.start("producer")
        done = self.herald.ctl("query", "nobody", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nobody", done.stdout + done.stderr)
        ids = os.path.join(self.herald.data, "ids")
        with open(ids, "w") as file:
            file.write("7-created\n" + "b" * 65 + "\n\n8-created\n{}\n9-created\n")
        self.herald.start("order-consumer")
        self.herald.submit([order(n) for n in (7, 8, 9)])
        for command in ("watch", "query"):
            done = self.herald.ctl(command, "--file", ids, check=False)
            self.assertEqual(done.returncode, 65)
            self.assertIn("line 2: biz_id: must be UTF-8 of 1 to 64 bytes", done.stderr)
            self.assertIn("line 5: ", done.stderr)
            for n in (7, 8, 9):
                self.assertIn(f"{n}-created", done.stdout, "the others are asked for")
            said = self.herald.ctl_json(command, "--file", ids, check=False)
            self.assertEqual([line["line"] for line in said if "error" in line], [2, 5])
            self.assertEqual({line["biz_id"] for line in said if "error" not in line},
                             {"7-created", "8-created", "9-created"})
            [said] = self.herald.ctl_json(command, "nobody", check=False)
            self.assertEqual((said["biz_id"], said["found"]), ("nobody", False))

    def test_all_presets_are_told_as_json(self):
        told = self.herald.ctl_json("policy", "explain")
        self.assertIn(("default", [1000, 2000, 4000]),
                      [(policy["policy"], policy["delays_ms"]) for policy in told])


if __name__ == "__main__":
    unittest.main(verbosity=2)
