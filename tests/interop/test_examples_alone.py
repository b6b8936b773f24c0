"""The examples against a Herald of a hundred lines that is written from docs/PROTOCOL.md too."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

import interop

try:
    from fake_herald import FakeHerald
except ImportError:
    FakeHerald = None


def rows(path, sql):
    base = sqlite3.connect(path, timeout=10)
    try:
        return base.execute(sql).fetchall()
    finally:
        base.close()


@unittest.skipIf(FakeHerald is None, "this python has no pyzmq or no msgpack")
class AloneTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="herald-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.herald = FakeHerald(self.directory)
        self.herald.start()
        self.addCleanup(self.herald.stop)

    def path(self, name):
        return os.path.join(self.directory, name)

    def receive(self):
        process = subprocess.Popen(interop.command("receiver.py", self.herald.front_at, "group",
                                                   self.path("receiver.db")))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 30  # until it is with both senders
        while self.herald.heard.count(2) < 2:
            self.assertLess(time.monotonic(), deadline, "the receiver says HELLO")
            time.sleep(0.02)

    def provide(self, *arguments):
        return interop.run("provider.py", self.herald.front_at, *arguments)

    def submit(self, biz_id, payload):
        done = self.provide("submit", "order.created", biz_id, payload)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout.split()[0]

    def ends(self, biz_id, state):
        done = self.provide("watch", biz_id)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn(f"{biz_id} orders {state}", done.stdout)

    def test_a_notification_is_accepted_once_and_applied_once(self):
        self.receive()
        self.assertEqual("ACCEPTED", self.submit("a", "hello"))
        self.assertEqual("DUPLICATE", self.submit("a", "hello"))
        self.ends("a", "DONE")
        self.assertIn("orders=DONE", self.provide("query", "a").stdout)
        self.assertEqual([("a", "effect")], rows(self.path("receiver.db"), "SELECT * FROM notify"))

    def test_the_receiver_answers_retry_reject_and_undo(self):
        self.receive()
        self.submit("again", '{"retry": 2}')
        self.submit("never", '{"reject": "no such order"}')
        self.ends("again", "DONE")
        self.ends("never", "UNDONE")
        self.assertEqual(3, self.herald.known["again"][2])
        self.assertEqual([("again", "effect"), ("never", "fence")],
                         rows(self.path("receiver.db"), "SELECT * FROM notify ORDER BY biz_id"))

    def test_the_receiver_hands_back_what_is_another_groups(self):
        self.receive()
        self.herald.foreign = 1
        self.submit("a", '{"retry": 1}')  # RETRY would say that it was worked on
        self.ends("a", "DONE")
        self.assertEqual(0, self.herald.foreign)
        self.assertEqual(2, self.herald.known["a"][2])
        self.assertEqual(3, self.herald.heard.count(25))

    def test_a_conflict_and_an_unknown_key_are_told_apart(self):
        self.submit("a", "hello")
        conflict = self.provide("submit", "order.created", "a", "other")
        self.assertEqual((1, "CONFLICT"), (conflict.returncode, conflict.stdout.split()[0]))
        unknown = self.provide("query", "b")
        self.assertEqual((1, "NOT_FOUND\n"), (unknown.returncode, unknown.stdout))
        unknown = self.provide("watch", "b")
        self.assertEqual((1, "NOT_FOUND\n"), (unknown.returncode, unknown.stdout))

    def test_a_submit_without_an_answer_is_sent_again(self):
        self.herald.quiet = 1
        self.assertEqual("ACCEPTED", self.submit("a", "hello"))
        self.assertEqual(2, self.herald.heard.count(6))

    def test_the_outbox_survives_a_crash_on_either_side_of_the_commit(self):
        environment = {**os.environ, "PYTHON": interop.python()}
        done = subprocess.run([os.path.join(interop.EXAMPLES, "outbox/demo.sh"),
                               self.herald.front_at],
                              capture_output=True, text=True, timeout=60, env=environment)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertIn("payments: 0; outbox (biz_id, position): []", done.stdout)
        self.assertEqual(2, self.herald.heard.count(6))  # the second one is the DUPLICATE
        self.assertEqual(1, len(self.herald.known))

    def test_the_relay_marks_what_is_accepted_and_keeps_the_rest(self):
        base = self.path("shop.db")
        for number in range(3):
            paid = interop.run("outbox/pay.py", base, f"pay-{number}", "1", "5")
            self.assertEqual(0, paid.returncode, paid.stderr)
        self.herald.busy = 1
        self.herald.known["pay-2"] = [["payment.succeeded", "pay-2", b"other", 2], 1, 1]
        done = interop.run("outbox/relay.py", base, self.herald.front_at, "--once")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual([("pay-0", 0), ("pay-1", 0), ("pay-2", 1)],
                         rows(base, "SELECT biz_id, position IS NULL FROM outbox ORDER BY id"))
        [(refused,)] = rows(base, "SELECT refused FROM outbox WHERE biz_id = 'pay-2'")
        self.assertIn("used before", refused)


if __name__ == "__main__":
    unittest.main()
