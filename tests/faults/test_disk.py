"""A disk that is slow, stalls, does things in parts, or is not ours (P6, P9, P14, P15); and memory
that is refused (P13)."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from harness import BIN, SERVICES, HeraldTest, order, payment, wait_for
from tracing import SECONDS_EACH, Sweep, Work, can_trace, commit

SHIM = os.path.join(BIN, "../tests/faults/libfault_shim.so")
LOGS = ("producer", "retry-scheduler", "compensator")


def shimmed(**settings):
    """A prefix that starts a program with the shim in it."""
    return ["env", "LD_PRELOAD=" + os.path.realpath(SHIM),
            *(f"SHIM_{name.upper()}={value}" for name, value in settings.items())]


@unittest.skipUnless(os.path.exists(SHIM), "the shim is not built")
class SlowDisk(HeraldTest):
    def events(self, *words):
        """What the services have logged of these events."""
        return [line for name in SERVICES for line in self.herald.log_text(name).splitlines()
                if any(f"event={word}" in line for word in words)]

    def test_a_second_for_every_sync_makes_it_slow_and_nothing_else(self):
        for name in LOGS:
            self.herald.start(name, prefix=shimmed(sync_ms=1000), wait=False)
        self.herald.start("order-consumer")
        wait_for(lambda: self.herald.stats("order-consumer")["senders_joined"] == 3, "all joined")
        before = self.events("lost", "hung")
        for n in range(10):
            self.herald.submit([order(m) for m in range(n * 20, n * 20 + 20)], "--timeout", "30s")
            self.assertTrue(self.herald.ctl("ping", "producer", "--timeout", "6s"))
        self.herald.wait_state("199-created", "DONE")
        wait_for(lambda: self.herald.stats("producer")["done"] == 200, "all are done")
        self.assertEqual(self.herald.stats("producer")["moved"], 0, "a lease was taken for a loss")
        self.assertEqual(self.events("lost", "hung"), before, "heartbeats went on")

    def stall_for(self, seconds, lease):
        """3,000 orders are under way when the producer's sync stalls; all of them are applied."""
        stall = os.path.join(self.herald.data, "stall")
        self.herald.options["producer"] = ["--set", "subscriptions/orders/lease=" + lease]
        self.herald.start("producer", prefix=shimmed(stall=stall))
        self.herald.start("retry-scheduler", "compensator", "order-consumer")
        wait_for(lambda: self.herald.stats("order-consumer")["senders_joined"] == 3, "all joined")
        work = Work(self.herald)
        work.open = [order(n) for n in range(3000)]
        submitter = work.begin()
        wait_for(lambda: self.herald.stats("producer")["done"] > 100, "it has begun")
        with open(stall, "w", encoding="ascii"):
            pass
        time.sleep(seconds)  # the stall itself
        os.remove(stall)
        work.end(submitter)
        work.open = [order(n) for n in range(3000)]
        wait_for(lambda: self.herald.submit(work.open, check=False).returncode == 0, "accepted")
        wait_for(lambda: self.herald.rows("select count(*) from notify_log where status='SUCCESS'")
                 == [(3000,)], "each is applied, once")
        wait_for(lambda: self.herald.stats("producer")["open"] == 0, "and known to be done")

    def test_a_stall_longer_than_the_silence_that_is_a_loss_loses_nothing(self):
        """The receiver joins anew; what it had answered may be lost on the way, and is sent again."""
        self.stall_for(9, lease="1s")

    def test_a_stall_longer_than_a_lease_is_no_loss(self):
        """P14: a lease begins when the delivery has left, after its sync."""
        self.stall_for(5, lease="4s")
        self.assertEqual(self.herald.stats("producer")["moved"], 0, "a lease was taken for a loss")

    def test_reads_and_writes_that_do_a_part_of_their_work(self):
        """P9: what is short goes on, in each service, in the database too."""
        sweep = Sweep("producer")
        self.addCleanup(shutil.rmtree, sweep.herald.data, ignore_errors=True)
        self.addCleanup(sweep.close)
        chance = random.Random(commit())
        for turn in range(3):
            for name in SERVICES:
                sweep.herald.start(name, prefix=shimmed(short=chance.randrange(1, 1 << 60)))
            for _ in range(5):
                sweep.work.add()
                sweep.work.settle()
            for name in SERVICES:
                sweep.herald.kill(name, signal.SIGKILL if turn % 2 else signal.SIGTERM)


@unittest.skipUnless(os.path.exists(SHIM), "the shim is not built")
class RefusedMemory(unittest.TestCase):
    """P13: the n-th allocation of a real service is refused, once or from then on."""

    def allocations(self, sweep):
        """How many a service makes up to its first round of work."""
        path = os.path.join(sweep.herald.data, "allocations")
        sweep.herald.start(sweep.name, prefix=shimmed(malloc_count=path))
        sweep.work.add()
        sweep.work.settle()
        sweep.herald.stop(sweep.name)
        with open(path, encoding="ascii") as file:
            return int(file.read())

    def attempt(self, sweep, point):
        """Start it so, give it work; returns its exit code, or None when it went on."""
        kind, n = point
        sweep.tried += 1
        # glibc's nss, which libpgm calls in zmq_ctx_new, crashes where malloc refuses: no report.
        sanitizer = "ASAN_OPTIONS=" + os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0"
        process = sweep.herald.spawn(sweep.name, [
            *shimmed(**{kind: n}), sanitizer, os.path.join(BIN, "herald-" + sweep.name), "--data",
            sweep.herald.data, *sweep.herald.options[sweep.name]])
        sweep.work.add()
        submitter = sweep.work.begin()
        end = time.monotonic() + 0.7
        while process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        sweep.work.end(submitter)
        code = process.poll()
        sweep.herald.kill(sweep.name)
        return code

    def refused(self, name):
        sweep = Sweep(name)
        self.addCleanup(shutil.rmtree, sweep.herald.data, ignore_errors=True)
        self.addCleanup(sweep.close)
        sweep.begin()
        total = self.allocations(sweep)
        chance = random.Random(f"{commit()} {name} memory")
        # Half of them in the last third, which is the work and not the start.
        points = [(chance.choice(("malloc_at", "malloc_ever")),
                   chance.randrange(1 if chance.random() < 0.5 else total * 2 // 3, total + 1))
                  for _ in range(200)]
        ended = []

        def attempt(point):
            before = len(sweep.herald.log_text(name))
            code = self.attempt(sweep, point)
            log = sweep.herald.log_text(name)[before:]
            # Aborted, or refused with a reason; what goes on must be right, which is checked next.
            ends = [None, -signal.SIGABRT, 1, 73, 74, 75, 77, 78]
            aborts = re.search("check_failed|terminate called|Cannot allocate memory|out of memory", log)
            if aborts or "event=ready" not in log:
                # Not ours: glibc's nss under zmq_ctx_new, which does not look at what it gets, and
                # glibc's abort, whose steps behind the signal a second thread may come to.
                ends += [-signal.SIGSEGV, 127]
            self.assertIn(code, ends, f"{point}: {log[-800:]}")
            ended.append(code)
            sweep.reached += code is not None
        sweep.run(points, attempt)
        print(f"{name}: memory refused at {sweep.tried} of its {total} first allocations, "
              f"{len([code for code in ended if code is None])} went on, drawn from "
              f"{commit()[:12]}", flush=True)
        self.assertTrue(any(code is not None for code in ended))

    def test_producer(self):
        self.refused("producer")

    def test_retry_scheduler(self):
        self.refused("retry-scheduler")

    def test_compensator(self):
        self.refused("compensator")

    def test_order_consumer(self):
        self.refused("order-consumer")


class NotOurs(HeraldTest):
    """P15: a directory that is a link, somebody else's, or read only: one clear line, and the end."""

    def refusal(self, name="producer"):
        process = self.herald.spawn(name, [os.path.join(BIN, "herald-" + name), "--data",
                                           self.herald.data])
        code = process.wait(timeout=60)
        self.herald.processes.pop(name)
        return code, self.herald.log_text(name).splitlines()[-1]

    def test_a_log_directory_that_is_a_link_is_refused(self):
        os.makedirs(os.path.join(self.herald.data, "journal"))
        os.makedirs(os.path.join(self.herald.data, "elsewhere"))
        os.symlink("../elsewhere", os.path.join(self.herald.data, "journal/producer"))
        code, line = self.refusal()
        self.assertIn(code, (74, 77), line)
        self.assertIn("journal/producer", line)
        self.assertEqual(os.listdir(os.path.join(self.herald.data, "elsewhere")), [])

    def test_a_file_where_the_directory_should_be_is_refused(self):
        with open(os.path.join(self.herald.data, "journal"), "w", encoding="ascii"):
            pass
        code, line = self.refusal()
        self.assertIn(code, (74, 77), line)
        self.assertIn("journal", line)

    @unittest.skipUnless(os.geteuid() == 0, "only root may give a directory away")
    def test_a_directory_of_another_user_is_refused(self):
        self.herald.start("producer")
        self.herald.stop("producer")
        log = os.path.join(self.herald.data, "journal/producer")
        os.chown(log, 12345, 12345)
        code, line = self.refusal()
        self.assertEqual(code, 77, line)
        self.assertIn("journal/producer", line)
        os.chown(log, 0, 0)
        self.herald.start("producer")

    @unittest.skipUnless(os.geteuid() == 0, "only root may mount")
    def test_a_read_only_disk_is_refused_and_serves_again_later(self):
        self.herald.start()
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        for name in SERVICES:
            self.herald.stop(name)
        journal = os.path.join(self.herald.data, "journal")
        try:
            subprocess.run(["mount", "--bind", journal, journal], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            self.skipTest(f"nothing can be mounted here: {error}")
        try:
            subprocess.run(["mount", "-o", "remount,bind,ro", journal], check=True)
            for name in LOGS:
                code, line = self.refusal(name)
                self.assertIn(code, (74, 75, 77), line)
                self.assertIn("ead-only", line)
        finally:
            subprocess.run(["umount", journal], check=True)
        self.herald.start()
        self.assertEqual(self.herald.state("1-created"), "DONE")


@unittest.skipUnless(can_trace(), "strace is missing or may not trace here")
class FailedSync(HeraldTest):
    def test_a_failed_sync_ends_the_service_and_acknowledges_nothing(self):
        """P6, and I7: exit 75; what was acknowledged before is there, and stays."""
        for name in LOGS:
            with self.subTest(service=name):
                sweep = Sweep(name)
                self.addCleanup(shutil.rmtree, sweep.herald.data, ignore_errors=True)
                sweep.begin()
                code = sweep.attempt(["-e", "trace=fdatasync", "-e",
                                      "inject=fdatasync:error=EIO:when=4+"], patience=20)
                self.assertEqual(code, 75, sweep.herald.log_text(name)[-1000:])
                self.assertIn("cannot sync", sweep.herald.log_text(name))
                sweep.recover()
                sweep.close()

    def test_eio_at_a_restart_is_never_the_end_of_the_log(self):
        """P7."""
        sweep = Sweep("producer")
        self.addCleanup(shutil.rmtree, sweep.herald.data, ignore_errors=True)
        sweep.begin()
        for n in range(1, 60):
            traced = sweep.attempt(["-e", "trace=pread64", "-e",
                                    f"inject=pread64:error=EIO:when={n}+"])
            if traced is None:
                break
            self.assertIn(traced, (74, 75, 127), sweep.herald.log_text("producer")[-500:])
        self.assertGreater(n, 3)
        sweep.recover()
        sweep.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
