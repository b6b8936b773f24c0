"""--check-config refuses what a start refuses, with the same words and code, and leaves nothing."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import BIN, PATIENCE, SERVICES, HeraldTest, order

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
LOGS = ("producer", "retry-scheduler", "compensator")
DENIED, SETTINGS = 77, 78
# What only a start goes through beyond the tables: (services, settings, exit code, what is said).
BAD = (
    (("producer",), {"subscriptions/a/topic": "order.*"}, SETTINGS,
     "subscriptions/a: topic and group"),
    (("producer",), {"subscriptions/orders/policy": "now and then"}, SETTINGS,
     "subscriptions/orders: policy:"),
    (("producer",), {"subscriptions/orders/topic": "order..paid"}, SETTINGS, "empty level"),
    (("producer",), {"subscriptions/orders/group": "g" * 65}, SETTINGS, "1 to 64 bytes"),
    (("producer",), {"scheduler/front": "nonsense"}, SETTINGS, "scheduler/front"),
    (("producer",), {"compensator/front": "tcp://" + "h" * 260 + ":1"}, SETTINGS, "256 bytes"),
    (("compensator",), {"try_delays": "1s soon"}, SETTINGS, "try_delays"),
    (("compensator",), {"wake/producer": "tcp://127.0.0.1"}, SETTINGS,
     "the wake endpoint of the producer"),
    (("retry-scheduler", "producer"), {"lanes/bind": "ipc:///tmp/lane"}, SETTINGS, "lanes/bind"),
    (("retry-scheduler", "producer"), {"lanes/bind": "tcp://*:17301", "insecure": "true"}, SETTINGS,
     "lanes cannot share"),
    (LOGS, {"alarm/command": "x " * 33}, SETTINGS, "alarm/command: has at most 32 words"),
    (LOGS, {"wake/bind": "udp://127.0.0.1:7103"}, SETTINGS, "wake/bind"),
    (SERVICES, {"front/bind": "tcp://127.0.0.1:70000"}, SETTINGS, "front/bind"),
    (SERVICES, {"front/bind": "ipc://" + "p" * 108}, SETTINGS, "107 bytes"),
    (SERVICES, {"front/bind": "tcp://0.0.0.0:7199"}, DENIED, "curve/directory"),
    (SERVICES, {"curve/directory": "/nowhere"}, SETTINGS, "/nowhere"),
    (("order-consumer",), {"group": ""}, SETTINGS, "group"),
    (("order-consumer",), {"name": "a\tb"}, SETTINGS, "name"),
    (("order-consumer",), {"producer": "nonsense"}, SETTINGS, "producer"),
    (("order-consumer",), {"database/url": "nonsense"}, SETTINGS, "database/url"),
    (("order-consumer",), {"database/url": "dbname=herald", "database/password_file": "/nowhere"},
     SETTINGS, "database/password_file"),
)
# Where a script, a container or a program takes a name from the environment, or says one.
NAME = re.compile(r"""(?<![-A-Za-z_])(?:\$\{?|ENV |^\s*|[ (`;"])"""
                  r"""(HERALD_[A-Z_]+)(?![A-Z_/*a-z(])""", re.M)


def run(service, *arguments, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HERALD_")}
    return subprocess.run([os.path.join(BIN, "herald-" + service), *arguments], text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=PATIENCE,
                          env={**clean, **environment})


def sets(settings):
    return [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]


def variables(service):
    """The settings of a service as they are called in the environment; NAME stands for any name."""
    text = run(service, "--help").stdout.split("\n\nSettings", 1)[1]
    paths = re.findall(r"(?m)^  ([a-z][a-z_/*]*)$", text)
    return {"HERALD_" + path.replace("*", "NAME").replace("/", "_").upper() for path in paths}


def names_of_the_tree():
    found = set()
    for part in ("deploy", "tests", "tools", "examples"):
        for place, _, files in os.walk(os.path.join(ROOT, part)):
            for name in files:
                if name.endswith((".sh", ".py", ".yml", ".bash")) or name == "Dockerfile":
                    with open(os.path.join(place, name), encoding="utf-8") as file:
                        found |= set(NAME.findall(file.read()))
    for name in glob.glob(os.path.join(ROOT, "docker-compose*.yml")):
        with open(name, encoding="utf-8") as file:
            found |= set(NAME.findall(file.read()))
    return {name for name in found if not name.startswith("HERALD_CLIENT_")}  # C, in a script


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="herald-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.data = os.path.join(self.directory, "data")

    def both(self, service, *arguments, **environment):
        """A check and a start that both refuse: (exit code, what the check said)."""
        check = run(service, "--data", self.data, *arguments, "--check-config", **environment)
        start = run(service, "--data", self.data, *arguments, **environment)
        said = check.stderr.removeprefix(f"herald-{service}: ").rstrip("\n")
        self.assertEqual(check.stdout, "")
        self.assertEqual(check.returncode, start.returncode, start.stderr)
        last = start.stderr.splitlines()[-1].replace('\\"', '"')
        self.assertIn("level=fatal", last)
        self.assertIn(said, last)
        self.assertEqual(os.listdir(self.directory), [], "neither leaves anything")
        return check.returncode, said

    def test_what_a_start_refuses_is_refused_with_the_same_words_and_code(self):
        for services, settings, code, says in BAD:
            for service in services:
                with self.subTest(service=service, settings=settings):
                    found = self.both(service, *sets(settings))
                    self.assertEqual(found[0], code, found[1])
                    self.assertIn(says, found[1])

    def test_an_alarm_program_that_is_not_there_is_refused_by_the_check(self):
        for service in LOGS:
            done = run(service, "--data", self.data, "--set", "alarm/command=/nowhere/at/all now",
                       "--check-config")
            self.assertEqual((done.returncode, done.stdout), (SETTINGS, ""), service)
            self.assertIn("alarm/command: /nowhere/at/all is no program", done.stderr)

    def test_the_data_directory_counts(self):
        for length, says in ((100, "107 bytes"), (4090, "data directory")):
            self.data = os.path.join(self.directory, "d" * length)
            code, said = self.both("producer")
            self.assertEqual(code, SETTINGS)
            self.assertIn(says, said)

    def test_what_is_in_order_passes_and_nothing_is_made(self):
        for service in SERVICES:
            done = run(service, "--data", self.data, "--check-config")
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (0, "the settings are in order\n", ""), service)
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_name_of_the_environment_that_is_nobodys_is_told_and_ignored(self):
        wrong = {"HERALD_" + "JOURNAL_RETENTON": "1d"}
        for service in SERVICES:
            done = run(service, "--check-config", "--data", self.data, **wrong)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            for part in ("warning", *wrong, "no service has such a setting"):
                self.assertIn(part, done.stderr)
            done = run(service, "--data", self.data, "--set", "front/bind=nonsense", **wrong)
            first = done.stderr.splitlines()[0]
            for part in ("level=warn", "event=unknown_variable", *wrong):
                self.assertIn(part, first)
        done = run("producer", "--set", "no/such=1", **wrong)  # it may be the reason
        self.assertEqual(done.returncode, SETTINGS)
        self.assertIn(*wrong, done.stderr)

    def test_a_name_that_another_part_of_herald_knows_is_not_told(self):
        own = {service: variables(service) for service in SERVICES}
        known = names_of_the_tree() | set().union(*own.values())
        self.assertIn("HERALD_TAG", known)
        self.assertIn("HERALD_SUBSCRIPTIONS_NAME_TOPIC", known)
        for service in SERVICES:
            # Values of its own settings would have to make sense.
            others = {name: "x" for name in known - own[service]
                      if service != "producer" or "SUBSCRIPTIONS" not in name}
            done = run(service, "--data", self.data, "--check-config", **others)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class CheckBesideTest(HeraldTest):
    def test_a_start_tells_that_the_alarm_program_is_not_there_and_serves(self):
        for service in LOGS:
            self.herald.options[service] += ["--set", "alarm/command=/nowhere/at/all now"]
        self.herald.start()
        for service in LOGS:
            log = self.herald.log_text(service)
            self.assertEqual(log.count("event=alarm_program_missing"), 1, log)
            self.assertIn("/nowhere/at/all is no program", log)
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")

    def test_a_check_beside_the_running_service_binds_and_locks_nothing(self):
        self.herald.start()
        for service in SERVICES:
            done = run(service, "--data", self.herald.data, "--check-config")
            self.assertEqual((done.returncode, done.stderr), (0, ""), service)
            self.assertTrue(self.herald.ping(service), service)


if __name__ == "__main__":
    unittest.main(verbosity=2)
