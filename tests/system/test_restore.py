"""A journal that goes while it is in use, and an order database older than its journal."""

import ctypes
import json
import os
import re
import shutil
import subprocess
import unittest

from harness import BIN, HeraldTest, order, payment, wait_for

PATIENT = 60
DIRECTORIES = {"producer": "producer", "retry-scheduler": "scheduler",
               "compensator": "compensator"}


def exchange(one, other):
    """Of two paths, at once: a service that looks between two renames finds nothing there."""
    libc = ctypes.CDLL(None, use_errno=True)
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE: renameat2(2)
    if libc.renameat2(here, os.fsencode(one), here, os.fsencode(other), swap) != 0:
        raise OSError(ctypes.get_errno(), f"cannot exchange {one} and {other}")


class InUse(HeraldTest):
    def ended(self, name):
        """The exit code of a service that ends by itself, and its last words."""
        process = self.herald.processes.pop(name)
        code = process.wait(timeout=PATIENT)
        return code, self.herald.log_text(name)[-2000:]

    def work(self):
        """All three logs have records, and have read each other's."""
        self.herald.start()
        self.herald.submit([order(1), payment(2, policy="10ms")])
        self.herald.wait_state("1-created", "DONE")
        self.herald.case_of("2-payment")

    def in_use(self, name):
        return os.path.join(self.herald.data, "journal", DIRECTORIES[name])

    def refuses_new_work(self):
        done = self.herald.submit([order(9)], "--timeout", "2s", check=False)
        self.assertNotIn(done.returncode, (0, 64), done.stdout + done.stderr)
        self.assertNotIn("ACCEPTED", done.stdout)

    def test_a_log_that_is_moved_away_ends_its_owner_before_it_accepts_more(self):
        self.work()
        log = self.in_use("producer")
        os.rename(log, log + ".away")
        self.refuses_new_work()
        code, text = self.ended("producer")
        self.assertEqual(code, 74, text)
        self.assertIn("was removed while it was in use", text)
        for reader in ("retry-scheduler", "compensator"):
            code, text = self.ended(reader)
            self.assertEqual(code, 74, text)
            self.assertIn(log, text)
        os.rename(log + ".away", log)
        self.herald.start("producer", "retry-scheduler", "compensator")
        self.assertEqual(self.herald.state("1-created"), "DONE")
        self.assertEqual(self.herald.state("2-payment"), "CASE")
        self.herald.submit([order(9)])
        self.herald.wait_state("9-created", "DONE")

    def test_a_log_that_is_replaced_by_a_copy_ends_its_owner(self):
        self.work()
        log = self.in_use("producer")
        shutil.copytree(log, log + ".copy")
        exchange(log, log + ".copy")
        self.refuses_new_work()
        code, text = self.ended("producer")
        self.assertEqual(code, 74, text)
        self.assertIn("replaced by another directory while it was in use", text)

    def test_a_log_that_is_deleted_is_noticed_and_not_begun_anew(self):
        self.work()
        log = self.in_use("producer")
        shutil.rmtree(log)
        self.refuses_new_work()
        code, text = self.ended("producer")
        self.assertEqual(code, 74, text)
        process = self.herald.spawn("producer", [os.path.join(BIN, "herald-producer"), "--data",
                                                 self.herald.data])
        self.assertEqual(process.wait(timeout=PATIENT), 74)
        self.assertIn("another log has seen", self.herald.log_text("producer"))
        self.herald.processes.pop("producer")

    def test_a_segment_that_is_deleted_is_noticed_before_more_is_accepted(self):
        self.work()
        log = self.in_use("producer")
        for file in os.listdir(log):
            if file.endswith(".seg"):
                os.unlink(os.path.join(log, file))
        self.refuses_new_work()
        code, text = self.ended("producer")
        self.assertEqual(code, 74, text)

    def test_the_other_services_notice_it_of_their_own_logs_too(self):
        for name in ("retry-scheduler", "compensator"):
            with self.subTest(log=name):
                self.herald.close()
                self.herald.start()
                log = self.in_use(name)
                os.rename(log, log + ".away")
                code, text = self.ended(name)  # also where it has nothing to write
                self.assertEqual(code, 74, text)
                self.assertIn("while it was in use", text)
                self.herald.close()
                os.rename(log + ".away", log)
                self.herald.start()


class Salvage(HeraldTest):
    """Damage in the producer's log, as OPERATIONS has it mended."""

    ORDERS = 1500
    WAITING = 100

    def journal(self, *arguments):
        return subprocess.run([os.path.join(BIN, "herald-journal"), *arguments],
                              capture_output=True, text=True)

    def damage(self, log, kind):
        """One byte of the newest record of this kind, whose body nothing else in the log has."""
        shown = self.journal("print", "--json", "--bodies", "--kind", kind, log)
        body = bytes.fromhex(json.loads(shown.stdout.splitlines()[-1])["body"])
        segment = os.path.join(log, "0000000000000001.seg")
        with open(segment, "r+b") as file:
            content = file.read()
            self.assertEqual(content.count(body), 1)
            file.seek(content.index(body) + len(body) // 2)
            file.write(bytes([body[len(body) // 2] ^ 1]))

    def states(self, last):
        """What each is said to be; UNKNOWN where no log has it."""
        names = "".join(f"{n}-created\n" for n in range(last))
        said = self.herald.ctl_json("query", "--file", "-", text=names, check=False)
        self.assertEqual(len(said), last)
        return [(one.get("deliveries") or [{"state": "UNKNOWN"}])[0]["state"] for one in said]

    def all_done(self, last):
        wait_for(lambda: set(self.states(last)) == {"DONE"}, "all are done")

    def mend(self, kind):
        """Damage the newest record of a kind, put what is sound in its place; how many are LOST."""
        for name in DIRECTORIES:
            self.herald.stop(name)
        log = os.path.join(self.herald.data, "journal", "producer")
        self.damage(log, kind)
        self.assertEqual(self.journal("verify", log).returncode, 1)
        salvaged = os.path.join(self.herald.data, "journal.salvaged")
        done = self.journal("salvage", "--into", salvaged, log)
        ranges = re.findall(r"LOST positions (\d+) to (\d+)", done.stdout)
        self.assertTrue(ranges, done.stdout + done.stderr)
        shutil.move(log, log + ".damaged")
        shutil.move(os.path.join(salvaged, "producer"), log)
        self.herald.start(*DIRECTORIES)
        return sum(int(b) - int(a) + 1 for a, b in ranges)

    def test_a_lost_notification_that_is_tried_again_becomes_a_case_that_a_person_ends(self):
        self.herald.start(*DIRECTORIES)
        self.herald.start_receiver("order-system", "--answer", "retry")
        self.herald.submit([{**order(1), "policy": "1s"}])
        wait_for(lambda: self.herald.delivery("1-created")["custodian"] == "retry-scheduler",
                 "it is handed on")
        self.herald.kill("receiver")
        self.mend("notification")
        self.herald.start_receiver("order-system", "--answer", "retry", key="another")
        found = self.herald.case_of("?")
        self.assertIn("a salvage lost the notification", found["reason"])
        self.assertIn("kind=notification_missing", self.herald.log_text("retry-scheduler"))
        said = ["--by", "ann", "--reason", "submitted again"]
        denied = self.herald.ctl("case", "replay", found["id"], *said, check=False)
        self.assertIn("DENIED", denied.stdout + denied.stderr)
        self.herald.ctl("case", "resolve", found["id"], "--unfenced", *said)
        self.assertEqual(self.herald.ctl_json("cases"), [])
        wait_for(lambda: self.herald.stats("producer")["open"] == 0, "nothing is open for ever")
        self.assertEqual(self.herald.log_text("retry-scheduler").count("event=alarm"), 1)

    def test_a_salvaged_checkpoint_hides_nothing(self):
        self.herald.options["producer"] = ["--set", "journal/checkpoint=1000"]
        self.herald.start()
        self.herald.submit([order(n) for n in range(self.ORDERS)])
        self.all_done(self.ORDERS)
        self.herald.stop("order-consumer")
        last = self.ORDERS + self.WAITING
        self.herald.submit([order(n) for n in range(self.ORDERS, last)])
        lost = self.mend("index")
        states = self.states(last)
        self.assertLessEqual(states[:self.ORDERS].count("UNKNOWN"), lost)
        # A DONE that was in the damaged block may be of many: they are open again, and no others.
        again = states[:self.ORDERS].count("PENDING")
        self.assertEqual(states[:self.ORDERS].count("DONE"),
                         self.ORDERS - again - states[:self.ORDERS].count("UNKNOWN"))
        self.assertLessEqual(again, self.herald.stats("producer")["open"] - self.WAITING)
        self.assertEqual(states[self.ORDERS:], ["PENDING"] * self.WAITING)
        self.herald.submit([order(n) for n in range(last)])  # as their providers would
        self.herald.start("order-consumer")
        self.all_done(last)
        self.assertEqual(self.herald.rows("select count(*) from notify_log"), [(last,)])


class OlderLog(HeraldTest):
    """An older copy of the producer's log alone, though nobody had a reason to speak of the newer."""

    def put_back_older(self, more, end):
        log = os.path.join(self.herald.data, "journal", "producer")
        self.herald.start()
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        self.herald.close()
        shutil.copytree(log, log + ".older")
        self.herald.start()
        self.herald.submit([order(n) for n in range(2, 2 + more)])
        wait_for(lambda: self.herald.stats("producer")["open"] == 0, "all is done")
        end()
        shutil.rmtree(log)
        os.rename(log + ".older", log)
        process = self.herald.spawn("producer", [os.path.join(BIN, "herald-producer"), "--data",
                                                 self.herald.data])
        self.assertEqual(process.wait(timeout=PATIENT), 74, self.herald.log_text("producer")[-600:])
        self.assertIn("another log that has read it", self.herald.log_text("producer"))
        self.herald.processes.pop("producer")

    def test_it_is_refused_after_a_clean_end(self):
        self.put_back_older(1, self.herald.close)

    def kill_all(self):
        def noted(log):
            said = subprocess.run([os.path.join(BIN, "herald-journal"), "print", "--json",
                                   os.path.join(self.herald.data, "journal", log)],
                                  capture_output=True, text=True, check=True).stdout
            return re.search(r'"producer":\d{4}', said)
        wait_for(lambda: noted("scheduler") or noted("compensator"), "somebody has noted how far")
        for name in list(self.herald.processes):
            self.herald.kill(name)

    def test_it_is_refused_after_a_kill(self):
        self.put_back_older(2000, self.kill_all)


class OlderDatabase(HeraldTest):
    def test_an_older_order_database_alone_has_lost_effects_and_gets_them_back_from_nobody(self):
        """What OPERATIONS, "Restore", says of it."""
        database = os.path.join(self.herald.data, "orders.db")
        backup = os.path.join(self.herald.data, "backup")
        self.herald.start()
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        self.herald.stop("order-consumer")
        os.mkdir(backup)
        for file in os.listdir(self.herald.data):
            if file.startswith("orders.db"):
                shutil.copy2(os.path.join(self.herald.data, file), backup)
        self.herald.start("order-consumer")
        self.herald.submit([order(2)])
        self.herald.wait_state("2-created", "DONE")
        self.herald.stop("order-consumer")
        for file in os.listdir(self.herald.data):
            if file.startswith("orders.db"):
                os.unlink(os.path.join(self.herald.data, file))
        for file in os.listdir(backup):
            shutil.copy2(os.path.join(backup, file), self.herald.data)

        # Its identity is that of the backup, so that nobody can tell: it joins and serves.
        self.assertTrue(os.path.exists(database))
        self.herald.start("order-consumer")
        self.herald.submit([order(3)])
        self.herald.wait_state("3-created", "DONE")
        keys = "select biz_id from notify_log order by biz_id"
        self.assertEqual(self.herald.rows(keys), [("1-created",), ("3-created",)])
        # The journal counts it as DONE: submitted again it is a duplicate, and is not sent.
        self.assertEqual(self.herald.state("2-created"), "DONE")
        self.herald.submit([order(2)])
        self.herald.submit([order(4)])
        self.herald.wait_state("4-created", "DONE")
        self.assertEqual(self.herald.rows(keys), [("1-created",), ("3-created",), ("4-created",)])

        # With a new identity, as the procedure wants it, it is refused until a person accepts it.
        self.herald.stop("order-consumer")
        self.herald.spawn("renewed", [os.path.join(BIN, "herald-order-consumer"), "--data",
                                      self.herald.data, "--renew-identity"])
        wait_for(lambda: "second_database" in self.herald.log_text("producer"), "an alarm")
        self.herald.submit([order(5)])
        self.assertEqual(self.herald.state("5-created"), "PENDING")
        identity = self.herald.rows("select lower(hex(identity)) from database_identity")[0][0]
        [known] = self.herald.ctl_json("group", "order-system")
        self.assertEqual((known["status"], known["group"]), ("OK", "order-system"))
        self.assertNotEqual(known["identity"], identity)
        [known] = self.herald.ctl_json("group", "order-system", "--set-identity", identity, "--by",
                                       "ann", "--reason", "restored")
        self.assertEqual(known["identity"], identity)
        self.assertEqual((known["can_fence"], known["can_undo"]), (True, True))
        self.herald.wait_state("5-created", "DONE")


if __name__ == "__main__":
    unittest.main()
