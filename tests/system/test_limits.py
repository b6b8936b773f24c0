"""Full disks, wrong databases, old backups, newer formats, wrong settings: refused or survived."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import BIN, PATIENCE, SERVICES, Herald, HeraldTest, order, payment, wait_for

LOGS = ("producer", "retry-scheduler", "compensator")
DELAYS = {"alipay": 240, "wechatpay": 15, "rocketmq": 10, "standard-webhooks": 5}


def tree_of(directory):
    """Every file below with a checksum of its bytes."""
    found = {}
    for place, _, files in os.walk(directory):
        for file in files:
            path = os.path.join(place, file)
            with open(path, "rb") as content:
                found[os.path.relpath(path, directory)] = hashlib.sha256(content.read()).hexdigest()
    return found


class SmallDisk(HeraldTest):
    """A data directory on a tmpfs of its own."""

    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="herald-")
        self.addCleanup(os.rmdir, self.place)
        try:
            self.mount("size=40m")
        except (OSError, subprocess.CalledProcessError) as error:
            self.skipTest(f"a small file system cannot be mounted here (root may): {error}")
        self.addCleanup(subprocess.run, ["umount", self.place], check=True)
        self.herald = Herald(self.place)
        self.addCleanup(self.clean)
        for name in LOGS:
            self.herald.options[name] = ["--set", "journal/segment=3MiB"]

    def mount(self, options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", self.place], check=True,
                       capture_output=True)

    def fill(self):
        """Take all that is free, as any other program on this disk might."""
        path = os.path.join(self.place, "ballast")
        chunk = bytes(65536)
        with open(path, "wb", buffering=0) as ballast:
            try:
                while ballast.write(chunk) == len(chunk):
                    pass
            except OSError:
                pass  # full
        return path

    def refused_as_busy(self, done):
        """A submit whose last answer is still on its way at the time limit is unknown, not busy."""
        self.assertIn(done.returncode, (0, 69), done.stderr)
        return re.search(r" [1-9]\d* busy", done.stdout) is not None

    def submit_until_busy(self):
        """Orders with long payloads, ten at a time; returns the biz_ids that were accepted."""
        accepted = []
        for start in range(0, 100000, 100):
            lines = [order(n) for n in range(start, start + 100)]
            for line in lines:
                line["payload"]["remark"] = "x" * 8000
            record = os.path.join(self.place, "accepted")
            done = self.herald.submit(lines, "--record", record, "--timeout", "2s", check=False)
            with open(record) as file:
                accepted = file.read().split()
            if self.refused_as_busy(done):
                return accepted
        raise AssertionError("never busy")

    def test_a_full_disk_refuses_new_work_and_finishes_what_was_accepted(self):
        self.herald.start(*LOGS)
        accepted = self.submit_until_busy()
        self.assertGreater(len(accepted), 100)
        self.herald.submit([order("late")], "--timeout", "1s", check=False)
        self.assertFalse(self.herald.query("late-created")["found"])
        self.assertGreater(self.herald.stats("producer")["busy"], 0)

        # The order database lives elsewhere, as it would: this disk has no room for it either.
        with tempfile.TemporaryDirectory(prefix="herald-db-") as elsewhere:
            database = os.path.join(elsewhere, "orders.db")
            self.herald.options["order-consumer"] = ["--set", "database/path=" + database]
            self.herald.start("order-consumer")
            ids = os.path.join(self.place, "accepted")
            self.herald.ctl("watch", "--timeout", "60s", "--file", ids, timeout=90)
            self.mount("remount,size=80m")
            wait_for(lambda: self.herald.submit([order("late")], "--timeout", "1s",
                                                check=False).returncode == 0,
                     "it accepts again by itself")
            self.herald.wait_state("late-created", "DONE")
            self.herald.stop("order-consumer")

    def test_a_disk_that_others_fill_up_stops_nothing_for_good(self):
        self.herald.start()
        self.herald.submit([order(n) for n in range(50)])
        self.herald.wait_state("49-created", "DONE")
        pids = {name: self.herald.processes[name].pid for name in SERVICES}
        ballast = self.fill()
        # How many are accepted depends on what was written ahead by then: none, or some thousand.
        handle, record = tempfile.mkstemp(prefix="herald-accepted-")
        os.close(handle)
        self.addCleanup(os.remove, record)
        done = None
        for n in range(50, 20000, 500):
            done = self.herald.submit([order(m) for m in range(n, n + 500)], "--timeout", "1s",
                                      "--record", record, check=False)
            if self.refused_as_busy(done):
                break
        else:
            self.fail("never busy")
        os.remove(ballast)
        wait_for(lambda: self.herald.submit([order("late")], "--timeout", "1s",
                                            check=False).returncode == 0, "accepts again by itself")
        self.herald.wait_state("late-created", "DONE")
        self.herald.ctl("watch", "--timeout", f"{PATIENCE:.0f}s", "--file", record, timeout=2 * PATIENCE)
        self.assertEqual(pids, {name: self.herald.processes[name].pid for name in SERVICES})
        for name in SERVICES:
            self.assertIsNone(self.herald.processes[name].poll(), name)

    def test_room_lasts_for_the_longest_way_of_everything_that_was_accepted(self):
        """Nobody helps: all attempts, all tries, a case each, and no service ends."""
        def lasting(n):
            return {"topic": "lasting.long", "biz_id": f"{n}", "version": 1,
                    "payload": {"remark": "x" * 200}}

        delays = ",".join(["50ms"] * 15)  # as many as the longest preset has
        self.herald.options["producer"] += [
            "--set", "subscriptions/lasting/topic=lasting.*",
            "--set", "subscriptions/lasting/group=stubborn",
            "--set", "subscriptions/lasting/policy=" + delays]
        self.herald.start(*LOGS)
        pids = {name: self.herald.processes[name].pid for name in LOGS}
        record = os.path.join(self.place, "accepted")
        for start in range(0, 100000, 200):
            done = self.herald.submit([lasting(n) for n in range(start, start + 200)],
                                      "--record", record, "--timeout", "2s", check=False)
            if self.refused_as_busy(done):
                break
        else:
            self.fail("never busy")
        with open(record) as file:
            accepted = file.read().split()
        self.assertGreater(len(accepted), 200)
        count = self.herald.stats("producer")["accepted"]  # those without an answer, too
        self.assertGreaterEqual(count, len(accepted))
        # Whatever is free now is what was kept. A reason is as long as it may be.
        self.herald.start_receiver("stubborn", "--answer", "retry", "--reason", "no " * 80)
        wait_for(lambda: self.herald.stats("compensator")["cases_open"] == count,
                 "each has a case", 4 * PATIENCE)
        space = os.statvfs(self.place)
        self.assertGreater(space.f_bavail * space.f_frsize, 1 << 20, "what is kept was enough")
        self.assertEqual(pids, {name: self.herald.processes[name].pid for name in LOGS})

        # A replay is new work. A case can be resolved, always.
        case = self.herald.case_of(accepted[0], "lasting")["id"]
        decide = ["--by", "ann", "--reason", "mended"]
        refused = self.herald.ctl("case", "replay", case, *decide, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("disk", refused.stdout + refused.stderr)
        self.herald.ctl("case", "resolve", case, "--unfenced", *decide)
        self.herald.wait_state(accepted[0], "RESOLVED", subscription="lasting")

        # With room again all of them are replayed, and new work is taken, without a restart.
        self.mount("remount,size=400m")
        wait_for(lambda: self.herald.submit([lasting("late")], "--timeout", "1s",
                                            check=False).returncode == 0, "accepts again by itself")
        self.herald.stop("receiver")
        self.herald.start_receiver("stubborn", "--answer", "done")
        for biz_id in accepted[1:20]:
            case = self.herald.case_of(biz_id, "lasting")["id"]
            wait_for(lambda: self.herald.ctl("case", "replay", case, *decide,
                                             check=False).returncode == 0, "it is replayed")
        for biz_id in accepted[1:20]:
            self.herald.wait_state(biz_id, "DONE", subscription="lasting")
        self.assertEqual(pids, {name: self.herald.processes[name].pid for name in LOGS})


class Refused(HeraldTest):
    def end_of(self, name, *options):
        """Start a service that is to refuse; returns its exit code and what it said."""
        log = self.herald.log_path(name)
        before = os.path.getsize(log) if os.path.exists(log) else 0
        process = self.herald.spawn(name, [os.path.join(BIN, "herald-" + name), "--data",
                                           self.herald.data, *self.herald.options[name], *options])
        code = process.wait(timeout=60)
        self.herald.processes.pop(name)
        with open(log, errors="replace") as file:
            file.seek(before)
            return code, file.read()

    def test_a_second_database_in_one_group_is_refused_and_the_first_goes_on(self):
        self.herald.start()
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        other = os.path.join(self.herald.data, "other.db")
        self.herald.spawn("second", [os.path.join(BIN, "herald-order-consumer"), "--data",
                                     self.herald.data, "--set", "database/path=" + other,
                                     "--set", "name=second", "--set",
                                     f"front/bind=ipc://{self.herald.data}/run/second.front"])
        wait_for(lambda: "second_database" in self.herald.log_text("producer"), "an alarm line")
        wait_for(lambda: "second database" in self.herald.log_text("second"), "it is told why")
        self.herald.submit([order(n) for n in range(2, 200)])
        for n in (2, 100, 199):
            self.herald.wait_state(f"{n}-created", "DONE")
        self.assertEqual(self.herald.rows("select count(*) from notify_log"), [(199,)])
        shown = subprocess.run(["sqlite3", "-readonly", other, "select count(*) from notify_log"],
                               capture_output=True, text=True)
        if shown.returncode == 0:
            self.assertEqual(shown.stdout.strip(), "0")

    def test_an_old_backup_of_the_producers_log_is_refused_untouched(self):
        self.herald.start()
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        self.herald.stop("producer")
        log = os.path.join(self.herald.data, "journal/producer")
        backup = os.path.join(self.herald.data, "backup")
        shutil.copytree(log, backup)
        self.herald.start("producer")
        # The compensator and the scheduler take part, so that their logs have seen what followed.
        self.herald.submit([payment(n, policy="10ms") for n in range(2, 5)])
        for n in range(2, 5):
            self.herald.case_of(f"{n}-payment")
        for name in ("order-consumer", "producer", "retry-scheduler", "compensator"):
            self.herald.stop(name)
        shutil.rmtree(log)
        shutil.copytree(backup, log)
        before = tree_of(log)
        code, text = self.end_of("producer")
        self.assertEqual(code, 74, text)
        self.assertIn(log, text)
        self.assertRegex(text, "backup|salvage|herald-journal")
        after = tree_of(log)
        after.pop("lock", None)
        before.pop("lock", None)
        self.assertEqual(after, before)

    def test_a_log_of_a_newer_format_is_refused_untouched(self):
        self.herald.start(*LOGS)
        self.herald.submit([order(1)])
        for name in LOGS:
            self.herald.stop(name)
        for name, directory in zip(LOGS, ("producer", "scheduler", "compensator")):
            with self.subTest(log=name):
                log = os.path.join(self.herald.data, "journal", directory)
                for file in os.listdir(log):
                    if file.endswith(".seg"):
                        with open(os.path.join(log, file), "r+b") as segment:
                            segment.seek(8)  # the major version, two bytes
                            newer = int.from_bytes(segment.read(2), "little") + 1
                            segment.seek(8)
                            segment.write(newer.to_bytes(2, "little"))
                before = tree_of(log)
                code, text = self.end_of(name)
                self.assertIn(code, (74, 78), text)
                self.assertRegex(text, f"format version {newer}; this program reads up to")
                after = tree_of(log)
                before.pop("lock", None)
                after.pop("lock", None)
                self.assertEqual(after, before)

    def test_wrong_settings_name_file_line_and_range(self):
        path = os.path.join(self.herald.data, "wrong.zpl")
        wrong = {
            "journal\n    sgment = 4MiB\n": "journal/sgment",
            "# a remark\n\njournal\n    segment = 1KiB\n": "to 1073741824",
            "log\n    level = loud\n": "debug",
            "front\n    bnd = \"ipc:///tmp/x\"\n": "front/bnd",
        }
        for name in SERVICES:
            for text, said in wrong.items():
                if name == "order-consumer" and "journal" in text and "sgment" not in text:
                    continue  # has no journal
                with self.subTest(service=name, said=said):
                    with open(path, "w") as config:
                        config.write(text)
                    code, shown = self.end_of(name, "--config", path)
                    self.assertEqual(code, 78, shown)
                    self.assertIn(path, shown)
                    self.assertRegex(shown, rf"wrong\.zpl:{text.count(chr(10))}\b")
                    self.assertIn(said, shown)
        self.assertFalse(os.path.exists(os.path.join(self.herald.data, "journal")))

    def test_the_sender_has_places_for_what_all_lanes_together_may_leave_unanswered(self):
        for name, most in (("producer", 4096), ("retry-scheduler", 1024)):
            self.herald.options[name] = ["--set", "lanes/count=64", "--set", f"lanes/window={most}"]
            self.herald.start(name)
            self.herald.stop(name)
            code, text = self.end_of(name, "--set", f"lanes/window={most + 1}")
            self.assertEqual(code, 78, text)
            self.assertIn(f"must be a number from 1 to {most}", text)

    def test_an_unknown_option_is_a_usage_error(self):
        for name in SERVICES:
            code, text = self.end_of(name, "--frobnicate")
            self.assertEqual(code, 64, text)


class Retained(HeraldTest):
    """Of notifications as many are kept as journal/retained_max says."""

    def test_the_log_says_when_submits_become_busy_and_when_that_is_over(self):
        producer = self.herald.options["producer"]
        producer += ["--set", "journal/retained_max=1000", "--set", "journal/segment=3MiB",
                     "--set", "journal/retention=1s"]
        self.herald.start(*LOGS)
        self.assertIn("level=warn service=producer event=segment_large may_hold=24576 "
                      "should_hold=100 ", self.herald.log_text("producer"))
        lines = [order(n) for n in range(1001)]
        for line in lines:
            line["payload"]["remark"] = "x" * 8000
        done = self.herald.submit(lines, "--timeout", "2s", check=False)
        self.assertEqual(done.returncode, 69, done.stdout + done.stderr)
        stats = self.herald.stats("producer")
        self.assertEqual((stats["accepted"], stats["retained"], stats["retained_max"]),
                         (1000, 1000, 1000))
        self.assertGreater(stats["busy_retained"], 0)
        self.assertEqual(self.herald.log_text("producer").count("kind=retained_full"), 1)
        self.assertNotIn("event=accepting_again", self.herald.log_text("producer"))

        self.herald.start("order-consumer")
        wait_for(lambda: "event=accepting_again" in self.herald.log_text("producer"),
                 "what has ended goes")
        self.herald.submit([order("late")])

    def test_a_segment_that_holds_little_of_what_is_kept_is_not_warned_of(self):
        self.herald.start("producer")
        self.assertNotIn("segment_large", self.herald.log_text("producer"))


class Presets(HeraldTest):
    def test_each_preset_plans_its_first_retry_when_the_textbook_says(self):
        self.herald.start()
        for number, (preset, seconds) in enumerate(DELAYS.items()):
            self.herald.submit([payment(number, policy=preset)])
            biz_id = f"{number}-payment"

            def planned():
                found = self.herald.delivery(biz_id)
                return found if found["attempts"] and found["custodian"] == "retry-scheduler" \
                    and found["due_unix_ms"] else None
            with self.subTest(preset=preset):
                found = wait_for(planned, f"{preset} is planned")
                # A delay runs from the recorded failure; who waits for it is not this test.
                failed = found["attempts"][0]["at_unix_ms"]
                self.assertEqual(found["due_unix_ms"] - failed, seconds * 1000)


class Version(unittest.TestCase):
    def test_every_program_says_the_same_version(self):
        said = {}
        for program in ("heraldctl", "herald-journal", "herald-bench",
                        *("herald-" + name for name in SERVICES)):
            done = subprocess.run([os.path.join(BIN, program), "--version"], capture_output=True,
                                  text=True, timeout=PATIENCE)
            self.assertEqual((done.returncode, done.stderr), (0, ""), program)
            said[program] = done.stdout
        versions = {line.removeprefix(program + " ") for program, line in said.items()}
        self.assertEqual(len(versions), 1, said)
        self.assertRegex(versions.pop(), r"\A\d+\.\d+\.\d+\n\Z")


if __name__ == "__main__":
    unittest.main(verbosity=2)
