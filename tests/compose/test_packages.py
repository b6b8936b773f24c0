"""The Debian packages, installed and served by systemd in a bookworm and in a trixie container."""

import json
import unittest

from engine import IMAGES, PREFIX, ROOT, SERVICES, chunk, docker, documented, run, say, wait_for

UNITS = ["herald-" + service for service in SERVICES]


class Machine:
    """A container in which systemd is process 1."""

    def __init__(self, release):
        self.name = f"{PREFIX}-machine-{release}"
        # systemd mounts and makes control groups; it needs no more than that of the host.
        docker("run", "-d", "--name", self.name, "--cap-add", "SYS_ADMIN", "--security-opt",
               "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--cgroupns", "private",
               "-e", "container=docker", "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp",
               f"{IMAGES}/systemd:{release}")

    def close(self):
        docker("rm", "-f", "-v", self.name, check=False)

    def do(self, *command, **more):
        return run("docker", "exec", *(["-i"] if "text" in more else []), self.name, *command, **more)

    def sh(self, text, **more):
        return self.do("bash", "-ec", text, **more).stdout.strip()

    def up(self):
        state = self.do("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded") or docker("inspect", "-f", "{{.State.Running}}",
                                                          self.name) == "false"

    def ctl(self, *arguments, **more):
        return self.do("heraldctl", "--data", "/var/lib/herald", *arguments, **more)

    def show(self, unit, name):
        return self.do("systemctl", "show", "-P", name, unit).stdout.strip()


class Packages(unittest.TestCase):
    def test_bookworm(self):
        self.on("bookworm")

    def test_trixie(self):
        self.on("trixie")

    def on(self, release):
        self.machine = Machine(release)
        self.addCleanup(self.machine.close)
        wait_for(self.machine.up, "systemd is up")
        if docker("inspect", "-f", "{{.State.Running}}", self.machine.name) == "false":
            self.skipTest(f"systemd does not run in a container here: {docker('logs', self.machine.name)}")
        install, backup, restore, upgrade = documented("machine")
        self.install(release, install)
        self.verify_units()
        self.serve()
        self.restart_killed()
        self.stop_in_order()
        self.refuse_bad_settings()
        self.back_up_and_restore(backup, restore)
        self.upgrade(upgrade)
        self.remove()
        say(f"{release}: systemd {self.machine.sh('systemctl --version | head -n 1')}, all steps done")

    def documented(self, commands):
        """What docs/OPERATIONS.md says, where the packages are."""
        for command in commands:
            self.machine.sh(f"export DEBIAN_FRONTEND=noninteractive; cd /packages; {command}")

    def install(self, release, commands):
        source = docker("create", f"{IMAGES}/packages:{release}", "none")
        try:
            run("bash", "-c", f"docker cp {source}:/packages - | docker cp - {self.machine.name}:/")
        finally:
            docker("rm", "-f", source)
        self.machine.sh("apt-get -q update")
        self.documented(commands)
        self.assertEqual(self.machine.sh("ldconfig -p | grep -c libherald.so.0"), "1")

    def verify_units(self):
        done = self.machine.do("systemd-analyze", "verify", *[unit + ".service" for unit in UNITS])
        self.assertEqual([line for line in (done.stdout + done.stderr).splitlines() if "herald" in line], [])

    def serve(self):
        for service in SERVICES:
            self.machine.ctl("ping", service, "--wait", "30s")
        self.assertEqual(self.machine.sh("stat -c '%U %a' /var/lib/herald"), "herald 700")
        self.submit(0)

    def submit(self, first):
        """A hundred, to their ends: one of them a case."""
        lines = "".join(json.dumps(line) + "\n" for line in chunk(first, 100))
        self.machine.do("tee", "/tmp/lines", text=lines)
        self.machine.ctl("submit", "--file", "/tmp/lines")
        done = self.machine.ctl("watch", "--file", "/tmp/lines", "--timeout", "60s", "--json", check=False)
        states = [json.loads(line).get("state") for line in done.stdout.splitlines()]
        self.assertEqual((states.count("DONE"), states.count("CASE")), (109, 1), done.stdout[-2000:])

    def restart_killed(self):
        for unit in UNITS:
            self.machine.do("systemctl", "kill", "-s", "KILL", unit)
        for unit in UNITS:
            wait_for(lambda: self.machine.show(unit, "NRestarts") == "1"
                     and self.machine.show(unit, "ActiveState") == "active", f"{unit} is started again")
        for service in SERVICES:
            self.machine.ctl("ping", service, "--wait", "30s")
        self.submit(100)

    def stop_in_order(self):
        self.machine.do("systemctl", "stop", *UNITS)
        for unit in UNITS:
            self.assertEqual(self.machine.show(unit, "Result"), "success")
            self.assertEqual(self.machine.show(unit, "ExecMainStatus"), "0")
        for name in ("producer", "scheduler", "compensator"):
            self.machine.do("herald-journal", "verify", "/var/lib/herald/journal/" + name)

    def refuse_bad_settings(self):
        """Starting again does not mend a setting, so systemd does not try."""
        self.machine.sh("cp -a /etc/herald/producer.zpl /tmp && echo 'nonsense = 1' >>/etc/herald/producer.zpl")
        self.machine.do("systemctl", "start", UNITS[0], check=False)
        wait_for(lambda: self.machine.show(UNITS[0], "ActiveState") == "failed", "the producer has failed")
        self.assertEqual(self.machine.show(UNITS[0], "ExecMainStatus"), "78")
        self.assertEqual(self.machine.show(UNITS[0], "NRestarts"), "0")
        self.assertIn("nonsense", self.machine.sh(f"journalctl -u {UNITS[0]} -n 5 --no-pager"))
        self.machine.sh("mv /tmp/producer.zpl /etc/herald/producer.zpl")
        self.machine.do("systemctl", "start", *UNITS)
        self.submit(200)

    def back_up_and_restore(self, backup, restore):
        """What was accepted after the backup is submitted again, and has taken effect once."""
        self.documented(backup)
        self.submit(300)
        before = self.machine.ctl("query", "399-created", "--json").stdout
        self.documented(restore)
        self.machine.ctl("ping", "producer", "--wait", "30s")
        self.assertEqual(self.machine.ctl("query", "399-created", check=False).returncode, 1, before)
        self.submit(300)
        self.machine.ctl("query", "299-created")

    def upgrade(self, commands):
        """A package in the place of the old one restarts its service on the same data."""
        before = self.machine.show(UNITS[0], "MainPID")
        self.machine.sh("echo '# mine' >>/etc/herald/producer.zpl")
        self.documented(commands)
        wait_for(lambda: self.machine.show(UNITS[0], "MainPID") not in ("0", before), "another process")
        self.machine.ctl("ping", "producer", "--wait", "30s")
        self.assertEqual(self.machine.sh("tail -n 1 /etc/herald/producer.zpl"), "# mine")
        self.submit(400)

    def remove(self):
        self.machine.sh("DEBIAN_FRONTEND=noninteractive apt-get -q -y remove herald-producer")
        self.assertEqual(self.machine.sh("ls -l /proc/[0-9]*/exe | grep -c herald-producer || true"), "0")
        self.machine.sh("test -d /var/lib/herald/journal/producer")


class Library(unittest.TestCase):
    """A program in C builds against libherald-dev as packaged."""

    def test_provider_builds_and_runs(self):
        for release in ("bookworm", "trixie"):
            name = f"{PREFIX}-library-{release}"
            docker("create", "--name", name, f"{IMAGES}/packages:{release}", "bash", "-ec",
                   "dpkg -i /packages/libherald*.deb && cc -std=c17 -Wall -Wextra -Werror /provider.c "
                   "$(pkg-config --cflags --libs herald) -o /provider && { /provider || [ $? = 64 ]; }")
            try:
                docker("cp", ROOT + "/examples/provider.c", name + ":/provider.c")
                done = run("docker", "start", "-a", name, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            finally:
                docker("rm", "-f", name)
