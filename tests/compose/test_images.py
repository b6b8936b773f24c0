"""What the images hold, how the containers are locked down, and how a service is process 1."""

import json
import os
import re
import signal
import time
import unittest

from engine import IMAGES, SERVICES, ComposeTest, docker, run, say, wait_for, Load

MEGABYTES_ABOVE_BASE = 25
TARGETS = (*SERVICES, "heraldctl")
# Besides the base's own files: the programs, libraries, settings, mount points and the user.
EXPECTED = re.compile(r"usr/bin/herald[a-z-]*$|usr/lib/[^/]+/lib[^/]+\.so[.0-9]*$|etc/herald/|"
                      r"var/lib/herald/|keys/|etc/(\.pwd\.lock|g?shadow-|sub[ug]id-|passwd-|group-)$|var/log/(lastlog|faillog)$|"
                      r"\.dockerenv$|dev/|proc/|sys/|etc/(hosts|hostname|resolv\.conf|mtab)$")


def files_of(image):
    container = docker("create", image, "none")
    try:
        done = run("bash", "-c", f"docker export {container} | tar -t")
    finally:
        docker("rm", "-f", container)
    return set(done.stdout.splitlines())


class Images(unittest.TestCase):
    def test_each_is_small(self):
        base = int(docker("image", "inspect", "-f", "{{.Size}}", "debian:bookworm-slim"))
        say(f"debian:bookworm-slim {base / 1e6:.1f} MB")
        for target in TARGETS:
            size = int(docker("image", "inspect", "-f", "{{.Size}}", f"{IMAGES}/{target}"))
            say(f"{target} {size / 1e6:.1f} MB, {(size - base) / 1e6:.1f} MB above its base")
            self.assertLess(size - base, MEGABYTES_ABOVE_BASE * 1e6)

    def test_each_holds_its_program_and_libraries_only(self):
        base = files_of("debian:bookworm-slim")
        for target in TARGETS:
            more = {name for name in files_of(f"{IMAGES}/{target}") - base if not name.endswith("/")}
            self.assertEqual([name for name in more if not EXPECTED.match(name)], [])
            programs = {os.path.basename(name) for name in more if name.startswith("usr/bin/")}
            own = "herald-journal" if target == "heraldctl" else "herald-" + target
            self.assertEqual(programs, {"heraldctl", own})


    def test_each_has_settings_in_order(self):
        for service in SERVICES:
            check = ("docker", "run", "--rm", "--network", "none")
            done = run(*check, f"{IMAGES}/{service}", "--check-config", check=False)
            self.assertEqual(done.returncode, 78, done.stderr)  # the volume of keys is not there
            self.assertIn("/etc/herald/keys", done.stderr)
            done = run(*check, "-e", "HERALD_CURVE_DIRECTORY=", "-e", "HERALD_INSECURE=true",
                       f"{IMAGES}/{service}", "--check-config")
            self.assertEqual((done.stdout, done.stderr), ("the settings are in order\n", ""))
            done = run("docker", "run", "--rm", "--network", "none", "-e", "HERALD_FRONT_BIND=tcp://*:7999",
                       f"{IMAGES}/{service}", "--print-config")
            self.assertIn("tcp://*:7999", done.stdout)


class Containers(ComposeTest):
    def test_locked_down(self):
        project = self.project().up()
        for service in SERVICES:
            container = json.loads(docker("inspect", project.container(service)))[0]
            host = container["HostConfig"]
            self.assertTrue(host["ReadonlyRootfs"])
            self.assertEqual(host["CapDrop"], ["ALL"])
            self.assertEqual(host["RestartPolicy"]["Name"], "unless-stopped")
            self.assertGreater(host["Memory"], 0)
            self.assertEqual(host["PidsLimit"], 64)
            self.assertEqual(host["LogConfig"]["Config"], {"max-size": "10m", "max-file": "3"})
            status = docker("exec", container["Id"], "cat", "/proc/1/status")
            for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
                self.assertIn(line, status)
            self.assertRegex(status, r"Uid:\t7100\t7100\t7100\t7100")
            self.assertRegex(status, rf"Name:\therald-{service[:8]}")
            self.assertNotEqual(run("docker", "exec", container["Id"], "touch", "/etc/herald/new",
                                    check=False).returncode, 0)
            mounts = {mount["Destination"] for mount in container["Mounts"]}
            own = {"/etc/herald/keys", "/var/lib/herald/orders" if service == "order-consumer"
                   else "/var/lib/herald/journal"}
            self.assertEqual(mounts, own)
        published = [service for service in SERVICES if docker("port", project.container(service))]
        self.assertEqual(published, ["producer"])

    def test_sigterm_ends_with_zero_under_load(self):
        """Within 10 s, nothing that was accepted is lost by it, in every order of stopping."""
        project = self.project().up()
        project.count_effects()
        load = Load(project)
        load.start()
        for service in SERVICES:
            load.wait_progress()
            began = time.monotonic()
            project.compose("stop", service)
            seconds = time.monotonic() - began
            self.assertEqual(project.inspect(service, ".State.ExitCode"), "0",
                             project.logs(service)[-2000:])
            # The engine kills after 10 s, and then it is not 0; the rest is what its client takes.
            self.assertLess(seconds, 10 + 50)
            self.assertIn("event=stopped", project.logs(service))
            project.compose("start", service)
            project.wait_healthy(service)
        load.stop()
        say(self.check_promises(project, load))

    def test_exit_codes(self):
        project = self.project().up()
        for service, arguments, code, text in (
                ("producer", ["--nonsense"], 64, "nonsense"),
                ("producer", ["--set", "lanes/count=0"], 78, "lanes/count"),
                ("producer", [], 73, "locked"),
                ("retry-scheduler", [], 73, "locked"),
                ("compensator", [], 73, "locked"),
                ("order-consumer", [], 73, "locked")):
            done = project.compose("run", "--rm", "-T", "--no-deps", service, *arguments, check=False)
            self.assertEqual(done.returncode, code, f"{service} {arguments}: {done.stdout}{done.stderr}")
            self.assertIn(text, done.stdout + done.stderr)

    def test_a_sick_service_is_unhealthy(self):
        """The health check asks the service itself: a stopped process answers nobody."""
        project = self.project().up()
        container = project.container("compensator")
        pid = int(docker("inspect", "-f", "{{.State.Pid}}", container))
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_for(lambda: project.inspect("compensator", ".State.Health.Status") == "unhealthy",
                     "the engine says that it is unhealthy")
        finally:
            os.kill(pid, signal.SIGCONT)
        project.wait_healthy("compensator")
