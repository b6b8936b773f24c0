"""Command lines: help and versions, what makes no sense, and what people read of each command."""

import json
import os
import signal
import subprocess
import tempfile
import unittest

from harness import BIN, PATIENCE, HeraldTest, order, payment, wait_for

USAGE, NO_ANSWER, SETTINGS = 64, 69, 78
WHO = ("--by", "ann", "--reason", "it is wrong")
COMMANDS = ("submit", "order", "query", "watch", "cancel", "cases", "case", "ping", "stats", "group",
            "policy", "receive", "keygen", "reload")
BENCHES = ("run", "retain", "suite", "hostile", "ceiling")


def run(program, *arguments, text=""):
    return subprocess.run([os.path.join(BIN, program), *arguments], input=text, text=True,
                          capture_output=True, timeout=PATIENCE)


class CommandLines(unittest.TestCase):
    def refused(self, program, *arguments, says):
        done = run(program, *arguments)
        self.assertEqual(done.returncode, USAGE, f"{program} {arguments}: {done.stderr}")
        self.assertEqual(done.stdout, "")
        self.assertIn(says, done.stderr)

    def test_every_command_of_heraldctl_explains_itself_with_an_example_and_its_exit_codes(self):
        overview = run("heraldctl", "--help")
        self.assertEqual(overview.returncode, 0)
        for command in COMMANDS:
            self.assertIn(f"heraldctl {command}", overview.stdout)
            done = run("heraldctl", command, "--help")
            self.assertEqual(done.returncode, 0, command)
            self.assertIn("Exit codes", done.stdout, command)
            self.assertIn(f"  heraldctl {command}", done.stdout, command)
            self.assertIn("--help", done.stdout, command)

    def test_the_services_and_the_bare_pipeline_keep_getpid_and_heraldctl_does_not(self):
        keepers = ("producer", "retry-scheduler", "compensator", "order-consumer", "bench")
        for name in [f"herald-{keeper}" for keeper in keepers] + ["heraldctl"]:
            done = subprocess.run(["nm", "-D", "--defined-only", os.path.join(BIN, name)],
                                  text=True, capture_output=True, timeout=PATIENCE)
            self.assertEqual(done.returncode, 0, done.stderr)
            defined = [line.split()[-1] for line in done.stdout.splitlines()]
            keeps = name.removeprefix("herald-") in keepers
            self.assertEqual("getpid" in defined, keeps, name)

    def test_what_makes_no_sense_to_heraldctl_is_named(self):
        for arguments, says in (
                ((), "a command is needed"),
                (("fly",), "fly: no such command"),
                (("query", "1", "--fly"), "--fly"),
                (("query", "1", "--timeout"), "--timeout"),
                (("query", "1", "--json", "--json"), "--json is given twice"),
                (("query", "1", "--group", "g"), "query takes no --group"),
                (("order", "1"), "order needs more"),
                (("ping", "producer", "more"), "more: one word too many"),
                (("query", "1", "--timeout", "soon"), "--timeout"),
                (("ping", "producer", "--wait", "soon"), "--wait"),
                (("ping", "postman"), "postman"),
                (("stats", "postman"), "postman"),
                (("order", "1", "1.234", "eur"), "1.234"),
                (("order", "", "1.23", "eur"), "biz_id"),
                (("order", "1", "1.23", "eur", "--biz-id", "x" * 65), "65 bytes"),
                (("policy", "guess"), "guess: must be explain"),
                (("policy", "explain", "sometimes"), "sometimes"),
                (("submit",), "--file is needed"),
                (("submit", "--file", "-", "--window", "many"), "--window"),
                (("receive",), "--group is needed"),
                (("receive", "--group", "g", "--answer", "maybe"), "--answer maybe"),
                (("receive", "--group", "g", "--reason", "x" * 257), "257 bytes"),
                (("receive", "--group", "g", "--count", "few"), "--count"),
                (("case", "show", "one"), "one"),
                (("case", "bury", "1"), "bury"),
                (("case", "replay", "1"), "--by"),
                (("group", "g", "--set-identity", "xyz"), "identity")):
            with self.subTest(arguments=arguments):
                self.refused("heraldctl", *arguments, says=says)

    def test_want_of_descriptors_is_no_fault_of_the_command_line(self):
        with tempfile.TemporaryDirectory() as empty:  # where nobody is
            for arguments in (("receive", "--group", "orders", "--answer", "done"),
                              ("query", "1-created"), ("ping", "producer"), ("cases",)):
                with self.subTest(arguments=arguments):
                    done = subprocess.run(
                        ["bash", "-c", 'ulimit -n 9 && exec "$@"', "-",
                         os.path.join(BIN, "heraldctl"), *arguments, "--data", empty],
                        text=True, capture_output=True, timeout=PATIENCE)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn("descriptors are needed", done.stderr)
                    self.assertNotIn("--help", done.stderr)

    def test_every_service_explains_its_settings_and_refuses_what_is_no_option(self):
        for service in ("producer", "retry-scheduler", "compensator", "order-consumer"):
            done = run("herald-" + service, "--help")
            self.assertEqual(done.returncode, 0, service)
            self.assertIn("default:", done.stdout)
            codes = " ".join(done.stdout.split("Exit codes: ")[1].split())
            self.assertIn("73 another process holds the log or the SQLite database;", codes)
            self.refused("herald-" + service, "--fly", says="--fly")
            done = run("herald-" + service, "--set", "no/such=1")
            self.assertEqual(done.returncode, SETTINGS, done.stderr)
            self.assertIn("no/such", done.stderr)

    def test_keys_that_are_missing_are_a_matter_of_settings_and_no_answer(self):
        for arguments in (("ping", "producer"), ("query", "1-created"), ("stats",),
                          ("receive", "--group", "g")):
            with self.subTest(arguments=arguments):
                done = run("heraldctl", *arguments, "--keys", "/nowhere")
                self.assertEqual(done.returncode, SETTINGS, done.stderr)
                self.assertIn("/nowhere/secret.key", done.stderr)
        self.assertIn("78 a file of keys", run("heraldctl", "ping", "--help").stdout)

    def test_the_bench_explains_itself_and_names_what_makes_no_sense(self):
        overview = run("herald-bench", "--help")
        self.assertEqual(overview.returncode, 0)
        self.assertEqual(run("herald-bench", "fly").returncode, USAGE)
        for bench in BENCHES:
            self.assertIn(f"  {bench} ", overview.stdout)
            done = run("herald-bench", bench, "--help")
            self.assertEqual(done.returncode, 0, bench)
            self.assertIn("--directory", done.stdout, bench)
            self.refused("herald-bench", bench, "--fly", says="--fly")
            self.refused("herald-bench", bench, "--directory", says="needs a value")
            self.refused("herald-bench", bench, "--directory", "/nowhere", "--fly", says="--fly")
        self.refused("herald-bench", "run", "--count", "-5", says="no number")
        self.refused("herald-bench", "suite", "--only", "full,fast", says="full,fast")
        self.refused("herald-bench", "ceiling", "--batch", "1024", "--payload", "65536",
                     says="batch times payload")

    def test_policies_are_explained_to_people_and_programs(self):
        presets = [json.loads(line) for line in
                   run("heraldctl", "policy", "explain", "--json").stdout.splitlines()]
        self.assertIn("default", [preset["policy"] for preset in presets])
        [one] = [json.loads(line) for line in
                 run("heraldctl", "policy", "explain", "1s,2s", "--json").stdout.splitlines()]
        self.assertEqual((one["attempts"], one["delays_ms"]), (3, [1000, 2000]))
        self.assertIn("3 attempts", run("heraldctl", "policy", "explain", "1s,2s").stdout)


class WhatPeopleRead(HeraldTest):
    def ctl_fails(self, code, *arguments):
        done = self.herald.ctl(*arguments, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_nobody_there_is_said_and_nothing_is_known(self):
        for arguments in (("ping", "producer"), ("stats", "producer"), ("query", "1-created"),
                          ("cancel", "1-created", *WHO), ("cases",), ("case", "show", "1"),
                          ("group", "orders"), ("order", "1", "1.00", "eur"), ("reload", "producer")):
            with self.subTest(arguments=arguments):
                done = self.ctl_fails(NO_ANSWER, *arguments, "--timeout", "50ms")
                self.assertNotEqual(done.stderr, "")

    def test_an_order_is_accepted_once_and_anything_else_of_its_id_is_a_conflict(self):
        self.herald.start("producer")
        self.assertIn("ACCEPTED", self.herald.ctl("order", "1", "9.90", "eur").stdout)
        self.assertIn("DUPLICATE", self.herald.ctl("order", "1", "9.90", "eur").stdout)
        self.assertIn("CONFLICT", self.ctl_fails(1, "order", "1", "8.90", "eur").stderr)
        [again] = self.herald.ctl_json("order", "1", "9.90", "eur")
        self.assertEqual(again["status"], "DUPLICATE")
        [pong] = self.herald.ctl_json("ping", "producer")
        self.assertEqual(pong["service"], "producer")
        self.assertIn("producer answers after", self.herald.ctl("ping", "producer").stdout)

    def test_a_submit_names_each_line_that_is_refused(self):
        self.herald.start("producer")
        lines = [json.dumps(order(1)), json.dumps(order(1, amount=5)), json.dumps(order(1)),
                 json.dumps({**order(2), "topic": "no topic"})]
        done = self.herald.ctl("submit", "--file", "-", text="\n".join(lines) + "\n", check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("4 lines: 1 accepted, 1 duplicate, 1 conflict, 1 refused", done.stdout)
        self.assertIn("line 2: biz_id", done.stderr)
        self.assertIn("line 4: topic", done.stderr)

    def test_cancel_says_what_became_of_each_delivery(self):
        self.herald.start("producer", "retry-scheduler", "compensator")
        self.herald.submit([order(1)])
        first = self.herald.ctl("cancel", "1-created", *WHO).stdout
        self.assertIn("SUBSCRIPTION", first)
        self.assertIn("orders", first)
        self.herald.wait_state("1-created", "CANCELLED")
        [again] = self.herald.ctl_json("cancel", "1-created", *WHO, check=False)
        self.assertEqual((again["biz_id"], again["state"]), ("1-created", "CANCELLED"))
        self.ctl_fails(1, "cancel", "nobody-knows", *WHO)
        self.ctl_fails(USAGE, "cancel", "1-created")

    def test_cases_are_a_table_and_a_case_is_a_page(self):
        self.herald.start()
        self.assertEqual(self.herald.ctl_json("cases"), [])
        self.herald.submit([order(3)])
        self.herald.wait_state("3-created", "DONE")
        self.herald.submit([payment(3, amount=999)])
        case = self.herald.case_of("3-payment")
        table = self.herald.ctl("cases").stdout
        self.assertIn("3-payment", table)
        page = self.herald.ctl("case", "show", case["id"]).stdout
        for part in ("case ", "biz_id        3-payment", "under way", "payload", "amount"):
            self.assertIn(part, page)
        [shown] = self.herald.ctl_json("case", "show", case["id"])
        self.assertEqual(shown["biz_id"], "3-payment")
        self.assertTrue(shown["attempts"])
        self.ctl_fails(1, "case", "show", 999999)

    def test_watch_is_a_table_or_a_line_an_end_and_ends_with_the_last(self):
        self.herald.start()
        self.herald.submit([order(5), order(6)])
        done = self.herald.ctl("watch", "5-created", "6-created", "--timeout", "30s")
        self.assertIn("5-created", done.stdout)
        [one] = self.herald.ctl_json("watch", "5-created", "--timeout", "30s")
        self.assertEqual(one["biz_id"], "5-created")

    def test_a_receiver_that_is_interrupted_leaves_and_says_how_much_it_got(self):
        self.herald.options["producer"] = ["--set", "subscriptions/all/group=any", "--set",
                                           "subscriptions/all/topic=any.*"]
        self.herald.start("producer", "retry-scheduler", "compensator")
        receiver = self.herald.start_receiver("any", "--print", key="receiver")
        self.herald.submit([{"topic": "any.thing", "biz_id": "a-1", "payload": "x"}])
        self.herald.wait_state("a-1", "DONE", subscription="all")
        receiver.send_signal(signal.SIGINT)
        self.assertEqual(receiver.wait(PATIENCE), 0)
        self.assertIn("received 1", self.herald.log_text("receiver"))
        wait_for(lambda: self.herald.stats("producer")["consumers"] == 0, "it has left")


if __name__ == "__main__":
    unittest.main()
