"""Wall clocks that step, restarts under another clock, and a service that is process 1 (P17, P18)."""

import glob
import os
import signal
import subprocess
import time
import unittest

from harness import SERVICES, HeraldTest, order, payment, wait_for

FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
STEPS = ("+1h", "-1h", "+3650d", "-3650d", "@1970-01-02 00:00:00")


def fake(step):
    """A prefix: the wall clock goes on from another time; the monotonic one is as it is. Not by the
    program faketime, which would stand between us and the service."""
    return ["env", "LD_PRELOAD=" + FAKETIME[0], "FAKETIME=" + step, "DONT_FAKE_MONOTONIC=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1"]


def can_unshare():
    try:
        return subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"],
                              capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


class Clock(HeraldTest):
    @unittest.skipUnless(FAKETIME, "faketime is missing")
    def test_everything_is_killed_and_starts_under_another_clock(self):
        """Back: nothing waits longer than its schedule says. Forward: nothing is forgotten, no
        flood. What is a duplicate or a conflict does not depend on any clock."""
        number = 0
        self.herald.start()
        for step in STEPS:
            with self.subTest(clock=step):
                number += 1
                self.herald.submit([order(f"a{number}"), payment(number, policy="3s,3s,3s,3s,3s")])
                self.herald.wait_state(f"a{number}-created", "DONE")
                wait_for(lambda: self.herald.delivery(f"{number}-payment")["custodian"]
                         == "retry-scheduler", "its payment waits at the scheduler")
                for name in SERVICES:
                    self.herald.kill(name)
                self.herald.start(prefix=fake(step))
                self.herald.submit([order(number)])
                began = time.monotonic()
                done = self.herald.wait_state(f"{number}-payment", "DONE")
                self.assertLess(time.monotonic() - began, 3 + 10, "it waited for the wall clock")
                self.assertLessEqual(len(done["attempts"]), 6)
                again = self.herald.submit([order(f"a{number}")], "--json")
                self.assertIn('"duplicate":1', again.stdout)
                other = self.herald.submit([order(f"a{number}", amount=2)], "--json", check=False)
                self.assertIn('"conflict":1', other.stdout)
                for name in SERVICES:
                    self.herald.stop(name)
                self.herald.start()
        rows = self.herald.rows("select count(*) from notify_log where status = 'SUCCESS'")
        self.assertEqual(rows, [(3 * len(STEPS),)])

    @unittest.skipUnless(can_unshare(), "no process namespaces here")
    def test_each_service_as_process_1(self):
        """SIGTERM drains and ends with 0, as in a container; SIGKILL in mid-work loses nothing."""
        inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
        for turn, sig in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)):
            self.herald.start(prefix=inside)
            submitter = self.herald.spawn_ctl("submitter", "submit", "--file", self.orders(turn),
                                              "--record", self.herald.data + "/accepted",
                                              "--timeout", "60s")
            if sig == signal.SIGTERM:
                self.assertEqual(submitter.wait(timeout=60), 0)
            else:
                wait_for(lambda: self.herald.stats("producer")["accepted"] > 500, "in mid-work")
            for name in SERVICES:
                outer = self.herald.processes.pop(name)
                with open(f"/proc/{outer.pid}/task/{outer.pid}/children", encoding="ascii") as file:
                    inner = int(file.read().split()[0])
                os.kill(inner, sig)
                code = outer.wait(timeout=60)
                if sig == signal.SIGTERM:
                    self.assertEqual(code, 0, self.herald.log_text(name)[-500:])
            submitter.kill()
            submitter.wait()
        self.herald.start()
        for turn in range(3):
            self.herald.ctl("submit", "--file", self.orders(turn), timeout=120)
        wait_for(lambda: self.herald.rows("select count(*) from notify_log where status='SUCCESS'")
                 == [(9000,)], "each applied, once")

    def orders(self, turn):
        path = os.path.join(self.herald.data, f"orders-{turn}")
        with open(path, "w", encoding="ascii") as file:
            for n in range(turn * 3000, turn * 3000 + 3000):
                file.write('{"topic":"order.created","biz_id":"%d-created","version":1,"payload":'
                           '{"order_id":"%d","amount":5,"currency":"usd"}}\n' % (n, n))
        return path


if __name__ == "__main__":
    unittest.main(verbosity=2)
