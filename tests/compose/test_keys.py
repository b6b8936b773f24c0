"""Scenario 5: who has no key, an unknown one, or one of the wrong role is refused and counted, and the
log says so once and not a thousand times."""

import os
import shutil

from engine import BIN, ComposeTest, Load, docker, order, run, say, wait_for

try:
    import zmq
except ImportError:
    zmq = None
FLOOD = 1000
AT_ONCE = 50


def key_of(path, user):
    with open(path, encoding="ascii") as file:
        return file.read().split(f"\n{user}\n")[1].split('key = "')[1].split('"')[0]


class Keys(ComposeTest):
    def test_who_is_refused(self):
        project = self.project().up()
        path = os.path.join(project.volume_path("keys-producer"), "allowed.zpl")
        self.first = key_of(path, "submit")
        with open(path, encoding="ascii") as file:
            self.before = file.read()
        self.without_a_key(project)
        self.unknown_key(project)
        self.wrong_role(project)
        self.two_keys_at_once(project)
        if zmq:
            self.flood(project)
        self.allow(project, [self.first])
        project.count_effects()
        load = Load(project)
        load.submit_chunk()
        say("who has the right key is served: " + self.check_promises(project, load))

    def counted(self, project, *names):
        stats = project.stats("producer")
        return sum(stats[name] for name in names)

    def said(self, project, *words):
        return [line for line in project.logs("producer").splitlines()
                if all(word in line for word in words)]

    def refused(self, project, code, *arguments):
        """69: no answer at all; 77: the server says that it does not take our key."""
        done = run(os.path.join(BIN, "heraldctl"), "ping", "producer", "--endpoint",
                   f"tcp://127.0.0.1:{project.port}", "--timeout", "2s", *arguments, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)

    def without_a_key(self, project):
        """ZMQ's NULL mechanism."""
        before = self.counted(project, "curve_failed")
        self.refused(project, 69)
        wait_for(lambda: self.counted(project, "curve_failed") > before, "it is counted")
        say("no key: no answer, counted")

    def unknown_key(self, project):
        """A key that was made somewhere else, with this producer's public key."""
        place = os.path.join(project.directory, "elsewhere")
        run(os.path.join(BIN, "heraldctl"), "keygen", place)
        shutil.copy(os.path.join(project.directory, "submit", "servers.zpl"),
                    os.path.join(place, "submit", "servers.zpl"))
        before = self.counted(project, "curve_refused")
        self.refused(project, 77, "--keys", os.path.join(place, "submit"))
        wait_for(lambda: self.counted(project, "curve_refused") > before, "it is counted")
        self.assertEqual(len(self.said(project, "unknown_key")), 1)
        say(self.said(project, "unknown_key")[0])

    def wrong_role(self, project):
        before = self.counted(project, "commands_denied")
        for role, arguments in (("consume", ("submit", "--file", "-")), ("submit", ("stats", "producer")),
                                ("submit", ("group", "order-system"))):
            for _ in range(3):
                done = project.ctl(*arguments, role=role, check=False,
                                   text='{"topic":"order.created","biz_id":"1","payload":1}\n')
                self.assertNotEqual(done.returncode, 0, f"{role} {arguments}: {done.stdout}")
        self.assertGreaterEqual(self.counted(project, "commands_denied"), before + 6)
        done = project.inside("cases")
        self.assertEqual(done.returncode, 0)
        lines = self.said(project, "event=denied")
        self.assertEqual(len(lines), 3, "one line for each of the three, however often")
        say(f"{self.counted(project, 'commands_denied')} commands denied, said once each, as in: {lines[0]}")

    def two_keys_at_once(self, project):
        """A second key for the user submit, without a restart; then each of them is taken out."""
        place = os.path.join(project.directory, "elsewhere")
        mine = key_of(os.path.join(place, "producer", "allowed.zpl"), "submit")
        ping = ("ping", "producer", "--endpoint", f"tcp://127.0.0.1:{project.port}", "--timeout", "5s")
        for keys, codes in (([self.first, mine], (0, 0)), ([mine], (77, 0)), ([self.first], (0, 77))):
            self.allow(project, keys)
            found = [run(os.path.join(BIN, "heraldctl"), *ping, "--keys", os.path.join(where, "submit"),
                         check=False).returncode for where in (project.directory, place)]
            self.assertEqual(tuple(found), codes)
        self.assertEqual(project.inspect("producer", ".RestartCount"), "0")
        say("two keys at once, and each taken out by reload")

    def allow(self, project, keys):
        """These keys for the user submit, from now on."""
        path = os.path.join(project.volume_path("keys-producer"), "allowed.zpl")
        lines = "".join(f'    key = "{key}"\n' for key in keys)
        with open(path, "w", encoding="ascii") as file:
            file.write(self.before.replace(f'    key = "{self.first}"\n', lines))
        project.inside("reload", "producer")

    def flood(self, project):
        """A thousand connections: no mechanism, PLAIN, and one unknown key again and again."""
        context = zmq.Context()
        with open(os.path.join(project.directory, "submit", "servers.zpl"), encoding="ascii") as file:
            server = file.read().split('key = "')[1].split('"')[0]
        pair = zmq.curve_keypair()
        before = self.counted(project, "curve_failed", "curve_refused")
        lines = len(project.logs("producer").splitlines())
        sockets = []
        for number in range(FLOOD):
            socket = context.socket(zmq.DEALER)
            socket.linger = 0
            if number % 3 == 1:
                socket.plain_username, socket.plain_password = b"me", b"secret"
            elif number % 3 == 2:
                socket.curve_serverkey = server.encode()
                socket.curve_publickey, socket.curve_secretkey = pair
            socket.connect(f"tcp://127.0.0.1:{project.port}")
            sockets.append(socket)
            if len(sockets) == AT_ONCE:
                sockets[0].poll(50)
                sockets.pop(0).close()
        wait_for(lambda: self.counted(project, "curve_failed", "curve_refused") >= before + FLOOD,
                 "each of the flood is counted")
        for socket in sockets:
            socket.close()
        context.term()
        more = len(project.logs("producer").splitlines()) - lines
        say(f"a flood of {FLOOD}: {self.counted(project, 'curve_failed', 'curve_refused') - before} "
            f"handshakes counted, {more} lines in the log")
        self.assertLess(more, 10)
