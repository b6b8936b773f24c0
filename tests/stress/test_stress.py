"""The real services and many threads of clients and receivers, built with ThreadSanitizer, with and
without CURVE. What it reports fails the test, whatever the programs say."""

import os
import subprocess
import unittest

from harness import BIN, SERVICES, HeraldTest, order, wait_for
from seal import Seal

PROGRAM = os.path.join(BIN, "../tests/stress/stress_threads")
COUNT = int(os.environ.get("STRESS_COUNT", "1000"))  # of each submitter
os.environ["TSAN_OPTIONS"] = "exitcode=66:second_deadlock_stack=1:suppressions=" + os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "tsan.supp")
SINK = """
subscriptions
    orders
        topic = "order.*"
        group = order-system
        policy = default
        compensation = reapply
    sink
        topic = stress
        group = sink
        policy = "100ms,100ms,100ms"
        compensation = reapply
"""


class Stress(HeraldTest):
    def run_threads(self, *options, sealed=False):
        config = os.path.join(self.herald.data, "producer.zpl")
        with open(config, "w", encoding="ascii") as file:
            file.write(SINK)
        self.herald.options["producer"] = ["--config", config, *options]
        for name in ("retry-scheduler", "compensator"):
            self.herald.options[name] = list(options)
        seal = Seal(self.herald) if sealed else None
        front = seal.at["producer"] if seal else f"ipc://{self.herald.data}/run/producer.front"
        self.herald.start()
        program = self.herald.spawn("threads", [
            PROGRAM, front, "sink", "stress", "4", "4", str(COUNT), *([seal.keys] if seal else [])])
        self.herald.submit([order(n) for n in range(1000)], "--timeout", "60s")
        for name in SERVICES if seal else ():
            self.herald.ctl("reload", name)  # the list of keys changes hands under load
        self.assertEqual(program.wait(timeout=500), 0, self.herald.log_text("threads")[-3000:])
        print(self.herald.log_text("threads").strip(), flush=True)
        wait_for(lambda: self.herald.rows("select count(*) from notify_log") == [(1000,)], "orders")
        if seal:
            self.assertGreater(self.herald.stats("producer")["curve_admitted"], 8)
        for name in SERVICES:
            self.assertEqual(self.herald.stop(name), 0, self.herald.log_text(name)[-3000:])

    def test_threads_of_clients_and_receivers(self):
        self.run_threads("--set", "journal/segment=4MiB")

    def test_the_same_while_the_journal_syncs_on_a_thread_of_its_own(self):
        self.run_threads("--set", "journal/segment=4MiB", "--set", "journal/sync_thread=true",
                         "--set", "journal/checkpoint=2000")

    def test_the_same_with_keys_over_tcp(self):
        self.run_threads("--set", "journal/segment=4MiB", sealed=True)


@unittest.skipUnless(os.path.exists(PROGRAM), "stress_threads is not built")
class Tools(HeraldTest):
    def test_a_race_would_be_seen(self):
        """The build has ThreadSanitizer: what is run here is not just any build."""
        done = subprocess.run(["nm", "-D", os.path.join(BIN, "herald-producer")],
                              capture_output=True, text=True)
        self.assertIn("__tsan_init", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
