"""The examples, which know nothing but docs/PROTOCOL.md, against the real services."""

import os
import sqlite3
import subprocess
import unittest

import interop
from harness import BIN, HeraldTest, wait_for
from test_curve import Sealed

SENDERS = ("producer", "retry-scheduler", "compensator")


class ExamplesTest(HeraldTest):
    def setUp(self):
        interop.python()  # skips where the examples cannot run
        super().setUp()
        self.herald.start(*SENDERS)
        self.front = f"ipc://{self.herald.data}/run/producer.front"
        self.base = os.path.join(self.herald.data, "receiver.db")

    def receive(self):
        self.herald.spawn("receiver", interop.command("receiver.py", self.front, "order-system",
                                                      self.base))

    def provide(self, *arguments):
        return interop.run("provider.py", self.front, *arguments)

    def submit(self, biz_id, payload="{}"):
        done = self.provide("submit", "order.created", biz_id, payload)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout.split()[0]

    def ends(self, biz_id, state):
        done = self.provide("watch", biz_id)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn(f"{biz_id} orders {state}", done.stdout)

    def kept(self):
        """What the receiver's database holds; its file is there before its table is."""
        base = sqlite3.connect(self.base, timeout=10)
        try:
            if not base.execute("SELECT 1 FROM sqlite_master WHERE name = 'notify'").fetchone():
                return {}
            return dict(base.execute("SELECT biz_id, kind FROM notify").fetchall())
        finally:
            base.close()

    def test_a_notification_is_accepted_applied_and_told(self):
        self.receive()
        self.assertEqual("ACCEPTED", self.submit("a"))
        self.assertEqual("DUPLICATE", self.submit("a"))
        self.ends("a", "DONE")
        self.assertEqual("OK orders=DONE\n", self.provide("query", "a").stdout)
        self.assertEqual({"a": "effect"}, self.kept())

    def test_a_retry_comes_again_from_the_scheduler(self):
        self.receive()
        self.submit("a", '{"retry": 2}')
        self.ends("a", "DONE")
        attempts = [(one["outcome"], one["custodian"])
                    for one in self.herald.delivery("a")["attempts"]]
        self.assertEqual(["RETRY", "RETRY", "DONE"], [outcome for outcome, _ in attempts])
        self.assertEqual(attempts[-1][1], "retry-scheduler")

    def test_a_rejected_one_becomes_a_case_and_can_be_undone(self):
        self.receive()
        self.submit("a", '{"reject": "no such order"}')
        self.ends("a", "CASE")
        case = self.herald.case_of("a")
        self.assertIn("no such order", case["reason"])
        self.herald.ctl("case", "undo", case["id"], "--by", "ada", "--reason", "refunded")
        self.herald.wait_state("a", "UNDONE")
        self.assertEqual({"a": "fence"}, self.kept())

    def test_a_thousand_in_a_row_reach_a_receiver_that_is_killed_between(self):
        self.herald.submit([{"topic": "order.created", "biz_id": f"n-{i}", "payload": {"n": i}}
                            for i in range(1000)])
        self.receive()
        wait_for(lambda: os.path.exists(self.base) and len(self.kept()) > 20, "some are applied")
        self.herald.kill("receiver")
        self.receive()
        wait_for(lambda: len(self.kept()) == 1000, "all are applied")
        self.ends("n-999", "DONE")

    def test_the_outbox_survives_a_crash_on_either_side_of_the_commit(self):
        done = subprocess.run([os.path.join(interop.EXAMPLES, "outbox/demo.sh"), self.front],
                              capture_output=True, text=True, timeout=120,
                              env={**os.environ, "PYTHON": interop.python()})
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertIn("OK orders=PENDING", done.stdout)
        self.assertEqual(1, self.herald.stats("producer")["accepted"])
        self.assertEqual(1, self.herald.stats("producer")["duplicates"])

    def test_a_frame_that_is_no_message_is_refused_and_the_next_one_served(self):
        probe = ("import sys, zmq, msgpack\n"
                 "front = zmq.Context().socket(zmq.DEALER)\n"
                 "front.connect(sys.argv[1])\n"
                 "for frame in (b'', b'\\xdd\\xff\\xff\\xff\\xff', msgpack.packb([2, 6, 5, []]),\n"
                 "              msgpack.packb([1, 77, 6]), msgpack.packb([1, 4, 7, None, 0, 0])):\n"
                 "    front.send(frame)\n"
                 "    assert front.poll(20000)\n"
                 "    print(msgpack.unpackb(front.recv())[1:4])\n")
        done = subprocess.run([interop.python(), "-c", probe, self.front], capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(["[1, 0, 4]", "[1, 0, 4]", "[1, 5, 8]", "[1, 6, 8]",
                          "[5, 7, 'producer']"], done.stdout.splitlines())


class SealedExamplesTest(Sealed):
    """The same two with keys: they know the producer's address and key, and have their own."""

    def test_a_provider_and_a_receiver_with_keys(self):
        interop.python()
        self.herald.start(*SENDERS)
        base = os.path.join(self.herald.data, "receiver.db")
        place = self.at["producer"]
        self.herald.environment["HERALD_KEYS"] = os.path.join(self.keys, "consume")
        self.herald.spawn("receiver", interop.command("receiver.py", place, "order-system", base))
        self.herald.environment["HERALD_KEYS"] = os.path.join(self.keys, "operate")
        environment = {**os.environ, "HERALD_KEYS": os.path.join(self.keys, "submit")}

        def provide(*arguments):
            return interop.run("provider.py", place, *arguments, env=environment)
        done = provide("submit", "order.created", "a", '{"retry": 1}')
        self.assertIn("ACCEPTED", done.stdout, done.stderr)
        self.assertIn("a orders DONE", provide("watch", "a").stdout)
        self.assertIn("ACCEPTED", provide("submit", "order.created", "b", '{"reject": "no"}').stdout)
        self.assertIn("b orders CASE", provide("watch", "b").stdout)


if __name__ == "__main__":
    if not os.path.exists(os.path.join(BIN, "herald-producer")):
        raise SystemExit(f"no services in {BIN}; set HERALD_BIN")
    unittest.main()
