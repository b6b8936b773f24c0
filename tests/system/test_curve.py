"""CURVE on real sockets: the whole journey, who is refused, rotation, replays, files of keys."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import unittest

from harness import BIN, SERVICES, HeraldTest, order, payment, wait_for
from seal import Seal

LOGS = ("producer", "retry-scheduler", "compensator")
HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = {"secret": "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
           "public": "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"}


def with_zmq():
    """An interpreter with pyzmq: Debian's package serves its own only."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([candidate, "-c", "import zmq"], capture_output=True).returncode == 0:
            return candidate
    raise unittest.SkipTest("no python3 here has pyzmq (python3-zmq)")


class Sealed(HeraldTest):
    """Four services over TCP with CURVE; heraldctl has the operator's key."""

    def setUp(self):
        super().setUp()
        self.herald.options["compensator"] = ["--set", "try_delays=0s"]
        seal = Seal(self.herald)
        self.keys, self.at, self.settings = seal.keys, seal.at, seal.settings

    def over_tcp(self, holder, *arguments, **kwargs):
        """heraldctl as that holder, which knows the producer's address only."""
        return self.herald.ctl(*arguments, "--producer", self.at["producer"],
                               "--keys", os.path.join(self.keys, holder), **kwargs)

    def public_key(self, holder, server="producer"):
        with open(os.path.join(self.keys, holder, "servers.zpl")) as file:
            return re.search(rf'(?m)^{server}\n +key = "(.{{40}})"', file.read())[1]

    def lines_of(self, service, event):
        return re.findall(rf"^.*event={event} .*$", self.herald.log_text(service), re.M)


class Journey(Sealed):
    def test_orders_retries_cases_and_decisions_go_over_tcp_with_keys(self):
        self.herald.start()
        lines = "".join(json.dumps(order(n)) + "\n" for n in range(300))
        done = self.over_tcp("submit", "submit", "--file", "-", text=lines)
        self.assertIn("300 accepted", done.stdout)
        self.over_tcp("submit", "watch", "299-created", "--timeout", "60s")
        wait_for(lambda: self.herald.rows("select count(*) from notify_log") == [(300,)],
                 "all are applied")

        # A payment of an unknown order is retried, then a case, which the operator resolves.
        self.herald.submit([payment("nobody", policy="10ms")])
        self.herald.wait_state("nobody-payment", "CASE")
        found = self.over_tcp("operate", "cases", "--json").stdout
        number = re.search(r'"id": ?"?(\d+)', found)[1]
        self.over_tcp("operate", "case", "resolve", number, "--by", "ann", "--reason", "known")
        self.herald.wait_state("nobody-payment", "RESOLVED")
        self.assertIn("user=operate", self.herald.log_text("compensator"))

        # It goes on after each of them was killed.
        for name in SERVICES:
            self.herald.kill(name)
            self.herald.start(name)
        self.herald.submit([order("after")])
        self.herald.wait_state("after-created", "DONE")
        for name in SERVICES:
            stats = self.herald.stats(name)
            self.assertGreater(stats["curve_admitted"], 0, name)
            self.assertEqual(stats["curve_refused"], 0, name)

    def test_a_receiver_needs_the_producers_address_and_key_and_its_own_key(self):
        self.herald.start(*LOGS)
        self.herald.submit([payment("nobody", policy="10ms")])
        self.herald.environment["HERALD_KEYS"] = os.path.join(self.keys, "consume")
        self.assertEqual(os.listdir(os.path.join(self.keys, "consume")).sort(),
                         ["secret.key", "servers.zpl"].sort())
        self.herald.start_receiver("order-system", "--answer", "retry", "--producer",
                                   self.at["producer"])
        self.herald.environment["HERALD_KEYS"] = os.path.join(self.keys, "operate")
        # Two attempts and the compensator's jobs, from all three.
        wait_for(lambda: self.herald.state("nobody-payment") == "CASE", "it was told by all")
        tellers = {one["custodian"] for one in self.herald.delivery("nobody-payment")["attempts"]}
        self.assertLessEqual({"producer", "retry-scheduler"}, tellers)


class Refused(Sealed):
    def peer(self, service, mechanism, keys="", server_key=None, count=1):
        done = subprocess.run([with_zmq(), os.path.join(HERE, "curve_peer.py"), self.at[service],
                               mechanism, keys and os.path.join(self.keys, keys),
                               server_key or self.public_key("operate", service), str(count)],
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout)

    def test_who_has_no_allowed_key_reaches_nothing_is_counted_and_told_once(self):
        with_zmq()
        self.herald.start()
        self.assertEqual(self.peer("producer", "curve", "submit"), 1, "an allowed one is answered")
        wrong = self.public_key("operate", "compensator")
        for service in SERVICES:
            before = self.herald.stats(service)
            with self.subTest(service=service):
                self.assertEqual(self.peer(service, "null", count=20), 0)
                self.assertEqual(self.peer(service, "plain", count=20), 0)
                self.assertEqual(self.peer(service, "curve", count=20), 0)  # another key each time
                if service != "compensator":
                    self.assertEqual(self.peer(service, "curve", "operate", wrong, 20), 0)
                after = self.herald.stats(service)
                self.assertGreaterEqual(after["curve_refused"] - before["curve_refused"], 20)
                self.assertGreaterEqual(after["curve_failed"] - before["curve_failed"], 40)
                self.assertEqual(after["frames_refused"], before["frames_refused"])
        # One key again and again: a line, and a count.
        os.makedirs(os.path.join(self.keys, "stranger"))
        with open(os.path.join(self.keys, "stranger/secret.key"), "w") as file:
            file.write(subprocess.run([with_zmq(), "-c", "import zmq, sys; "
                                       "sys.stdout.write(zmq.curve_keypair()[1].decode())"],
                                      capture_output=True, text=True).stdout)
        lines = len(self.lines_of("producer", "refused"))
        self.assertEqual(self.peer("producer", "curve", "stranger", count=200), 0)
        self.assertEqual(len(self.lines_of("producer", "refused")), lines + 1)
        self.assertLess(lines, 70)
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")

    def test_lanes_outcomes_and_wakes_admit_by_their_domain(self):
        with_zmq()
        self.herald.start(*LOGS)
        key = self.public_key("operate", "producer")
        for place, holders in {"outcome": ("submit", "operate", "producer"),
                               "wake": ("submit", "operate", "consume", "order-consumer")}.items():
            for holder in holders:
                with self.subTest(socket=place, holder=holder):
                    before = self.herald.stats("producer")["curve_refused"]
                    self.assertEqual(self.peer(place, "curve", holder, key), 0)
                    wait_for(lambda: self.herald.stats("producer")["curve_refused"] > before,
                             "it is counted")

    def test_each_role_does_what_it_is_for_and_nothing_else(self):
        self.herald.start()
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        may = {  # command: who may
            ("query", "1-created"): {"submit", "operate"},
            ("submit", "--file", "-"): {"submit", "operate"},
            ("cancel", "1-created", "--by", "a", "--reason", "b"): {"submit", "operate"},
            ("stats", "producer"): {"operate"},
            ("group", "order-system"): {"operate"},
            ("reload", "producer"): {"operate"},
            ("cases",): {"operate"},
            ("stats", "retry-scheduler"): {"operate"},
            ("ping", "producer"): {"submit", "consume", "operate", "retry-scheduler"},
        }
        for command, roles in may.items():
            for holder in ("submit", "consume", "operate", "retry-scheduler"):
                with self.subTest(command=command[0], holder=holder):
                    done = self.over_tcp(holder, *command, "--timeout", "2s", check=False,
                                         text=json.dumps(order(2)) + "\n")
                    said = done.stdout + done.stderr
                    if holder in roles:
                        self.assertNotRegex(said, "DENIED|no connection")
                    else:
                        self.assertNotEqual(done.returncode, 0, said)
                        self.assertRegex(said, r"DENIED: .* needs the role .*; this key has "
                                               r"(submit|consume|service)|refuses our key|unknown")
        denied = self.herald.stats("producer")["commands_denied"]
        self.assertGreater(denied, 8)
        self.assertTrue(self.lines_of("producer", "denied"))
        # A receiver with a provider's key, and the other way round.
        self.herald.environment["HERALD_KEYS"] = os.path.join(self.keys, "submit")
        self.herald.start_receiver("order-system", "--producer", self.at["producer"], key="thief")
        wait_for(lambda: "as a consumer needs the role consume" in self.herald.log_text("producer")
                 or self.lines_of("producer", "denied")[-1].count("HELLO"), "HELLO is denied")

    def test_frames_that_were_recorded_and_are_sent_again_do_nothing(self):
        self.herald.start(*LOGS)
        host, port = "127.0.0.1", int(self.at["producer"].rpartition(":")[2])
        recorded, listener = [], socket.create_server((host, 0))
        listener.settimeout(60)

        def proxy():
            client, _ = listener.accept()
            with client, socket.create_connection((host, port)) as server:
                def back():
                    while data := server.recv(65536):
                        client.sendall(data)
                threading.Thread(target=back, daemon=True).start()
                try:
                    while data := client.recv(65536):
                        recorded.append(data)
                        server.sendall(data)
                except OSError:
                    pass
                server.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=proxy, daemon=True)
        thread.start()
        through = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        done = self.herald.ctl("submit", "--file", "-", "--producer", through, "--keys",
                               os.path.join(self.keys, "submit"), text=json.dumps(order(1)) + "\n")
        self.assertIn("1 accepted", done.stdout)
        thread.join(60)
        listener.close()
        before = self.herald.stats("producer")
        for again in range(3):
            with socket.create_connection((host, port)) as server:
                server.settimeout(10)
                answered = b""
                try:
                    server.sendall(b"".join(recorded))
                    while data := server.recv(65536):
                        answered += data
                except OSError:
                    pass
        wait_for(lambda: self.herald.stats("producer")["curve_failed"] >= before["curve_failed"] + 3,
                 "the replays are counted")
        after = self.herald.stats("producer")
        for counter in ("accepted", "duplicates", "frames_refused"):
            self.assertEqual(after[counter], before[counter], counter)


class Keys(Sealed):
    def end_of(self, name, code, said):
        process = self.herald.spawn(name, [os.path.join(BIN, "herald-" + name), "--data",
                                           self.herald.data, *self.herald.options[name]])
        self.assertEqual(process.wait(timeout=60), code, self.herald.log_text(name))
        self.herald.processes.pop(name)
        last = self.herald.log_text(name).splitlines()[-1]
        self.assertIn("level=fatal", last)
        for part in said:
            self.assertIn(part, last)

    def write(self, path, text, mode):
        path = os.path.join(self.keys, path)
        if os.path.lexists(path):
            os.remove(path)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def test_files_that_are_not_right_are_refused_with_their_name_and_the_reason(self):
        secret = os.path.join(self.keys, "producer/secret.key")
        with open(secret) as file:
            text = file.read()
        os.chmod(secret, 0o440)
        self.end_of("producer", 77, [secret, "0440"])
        self.write("producer/secret.key", EXAMPLE["secret"] + "\n", 0o400)
        self.end_of("producer", 77, [secret, "zmq_curve(7)"])
        os.remove(secret)
        os.symlink(os.path.join(self.keys, "operate/secret.key"), secret)
        self.end_of("producer", 77, [secret, "symbolic link"])
        self.write("producer/secret.key", text, 0o400)
        allowed = os.path.join(self.keys, "producer/allowed.zpl")
        with open(allowed) as file:
            good = file.read()
        self.write("producer/allowed.zpl", good + "shop\n    role = \"king\"\n", 0o644)
        self.end_of("producer", 78, [f"{allowed}:{good.count(chr(10)) + 2}", "king"])
        self.write("producer/allowed.zpl",
                   good + f'shop\n    role = "submit"\n    key = "{EXAMPLE["public"]}"\n', 0o644)
        self.end_of("producer", 77, [allowed, "zmq_curve(7)"])
        self.write("producer/allowed.zpl", good, 0o666)
        self.end_of("producer", 77, [allowed, "0666"])
        self.write("producer/allowed.zpl", good, 0o644)
        os.remove(os.path.join(self.keys, "order-consumer/front.key"))
        self.end_of("order-consumer", 78, ["front.key"])
        self.herald.start("producer")

    def test_keygen_makes_what_is_missing_and_overwrites_nothing(self):
        def content():
            found = {}
            for place, _, files in os.walk(self.keys):
                for file in files:
                    with open(os.path.join(place, file)) as opened:
                        found[os.path.relpath(os.path.join(place, file), self.keys)] = opened.read()
            return found
        before = content()
        self.assertEqual(sum(name.endswith("secret.key") for name in before), 7)
        self.assertEqual(len(set(before[name] for name in before if name.endswith(".key"))), 8)
        for name in before:
            if name.endswith(".key"):
                self.assertEqual(os.stat(os.path.join(self.keys, name)).st_mode & 0o7777, 0o400)
        self.herald.ctl("keygen", self.keys)
        self.assertEqual(content(), before)
        shutil.rmtree(os.path.join(self.keys, "submit"))
        done = self.herald.ctl("keygen", self.keys)
        self.assertIn("producer/allowed.zpl does not have this key of submit", done.stderr)
        after = content()
        self.assertNotEqual(after.pop("submit/secret.key"), before.pop("submit/secret.key"))
        self.assertEqual(after, before)

    def test_keys_are_changed_without_a_restart(self):
        self.herald.start(*LOGS)
        allowed = os.path.join(self.keys, "producer/allowed.zpl")
        with open(allowed) as file:
            text = file.read()
        os.rename(os.path.join(self.keys, "submit"), os.path.join(self.keys, "old"))
        done = self.herald.ctl("keygen", self.keys)
        key = re.search(r'key of submit:\n( +key = ".{40}")', done.stderr)[1]
        old = re.search(r'submit\n +role = "submit"\n( +key = ".{40}")', text)[1]

        def may(holder):
            done = self.over_tcp(holder, "query", "x", "--timeout", "3s", check=False)
            return "not known" in done.stdout and done.returncode == 1
        self.assertTrue(may("old"))
        self.assertFalse(may("submit"), "not yet")
        self.write("producer/allowed.zpl", text.replace(old, old + "\n" + key), 0o644)
        self.assertIn("OK", self.herald.ctl("reload", "producer").stdout)
        self.assertTrue(may("old") and may("submit"), "two keys of one user")
        self.write("producer/allowed.zpl", text.replace(old, old + "\n" + key[:-9] + '"'), 0o644)
        done = self.herald.ctl("reload", "producer", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"REFUSED: .*allowed\.zpl:\d+: a key has 40")
        self.assertTrue(may("old") and may("submit"), "the list of before")
        self.write("producer/allowed.zpl", text.replace(old, key), 0o644)
        self.herald.ctl("reload", "producer")
        self.assertTrue(may("submit"))
        self.assertFalse(may("old"))
        self.assertEqual(self.herald.processes["producer"].poll(), None)

    def test_a_receiver_whose_key_is_taken_out_gets_nothing_any_more(self):
        self.herald.start(*LOGS)
        self.herald.environment["HERALD_KEYS"] = os.path.join(self.keys, "consume")
        self.herald.start_receiver("order-system", "--producer", self.at["producer"])
        self.herald.environment["HERALD_KEYS"] = os.path.join(self.keys, "operate")
        self.herald.submit([order(n) for n in range(5)])
        self.herald.wait_state("4-created", "DONE")
        out = os.path.join(self.herald.data, "receiver.jsonl")
        got = wait_for(lambda: os.path.getsize(out), "it was told")
        for name in LOGS:
            path = os.path.join(self.keys, name, "allowed.zpl")
            with open(path) as file:
                text = file.read()
            kept = re.sub(r'(?m)^consume\n.*\n.*\n', "", text)
            self.assertNotEqual(kept, text)
            self.write(f"{name}/allowed.zpl", kept, 0o644)
            self.herald.ctl("reload", name)
        got = os.path.getsize(out)
        self.herald.submit([order(n) for n in range(5, 25)])
        # Another one, which is allowed, gets its lane and all of them.
        self.herald.start("order-consumer")
        for n in range(5, 25):
            self.herald.wait_state(f"{n}-created", "DONE")
        self.assertEqual(os.path.getsize(out), got, "the other one was told nothing")
        self.assertGreater(self.herald.stats("producer")["commands_denied"], 0)

    def test_reload_takes_the_log_level_and_names_what_needs_a_restart(self):
        config = os.path.join(self.herald.data, "producer.zpl")
        with open(config, "w") as file:
            file.write("watches = 100\n")
        self.herald.options["producer"] += ["--config", config]
        self.herald.start("producer")
        with open(config, "w") as file:
            file.write("watches = 200\nlog\n    level = debug\n")
        said = self.herald.ctl("reload", "producer").stdout
        self.assertIn("log/level: debug", said)
        self.assertIn("after a restart: watches", said)
        [facts] = self.herald.ctl_json("reload", "producer")
        self.assertEqual((facts["status"], facts["log_level"], facts["after_restart"]),
                         ("OK", "debug", "watches"))
        self.assertEqual(facts["keys"], len(os.listdir(self.keys)), facts)
        with open(config, "w") as file:
            file.write("watches = 200\nsubscriptions\n    orders\n        policy = soon\n")
        said = self.herald.ctl("reload", "producer").stdout
        self.assertRegex(said, "after a restart: watches, subscriptions/orders/policy; "
                               "which would be refused: .*soon")
        with open(config, "w") as file:
            file.write("watches = many\n")
        done = self.herald.ctl("reload", "producer", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{config}:1", done.stderr)

    def test_an_address_beyond_this_machine_wants_curve(self):
        self.herald.options["producer"] += ["--set", "curve/directory=", "--set",
                                            "front/bind=tcp://0.0.0.0:1"]
        self.end_of("producer", 77, ["curve/directory", "insecure"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
