"""Scenario 6: full and read-only volumes, and a clock that is an hour off after a restart."""

import os
import re
import time

from engine import LONG, ComposeTest, Load, docker, order, payment, run, say, wait_for

# Kept by the engine in memory, of a size that fills: 7100 is the user of the images.
TMPFS = """
volumes:
  {volume}:
    driver_opts: {{type: tmpfs, device: tmpfs, o: "size={size},uid=7100,gid=7100,mode=0700"}}
"""
SMALL_SEGMENTS = """
services:
  producer: {environment: {HERALD_JOURNAL_SEGMENT: 4MiB}}
  retry-scheduler: {environment: {HERALD_JOURNAL_SEGMENT: 4MiB}}
  compensator: {environment: {HERALD_JOURNAL_SEGMENT: 4MiB}}
"""


class Volumes(ComposeTest):
    def remount(self, project, volume, options):
        run("mount", "-o", "remount," + options, project.volume_path(volume))

    def test_full_journal_volume(self):
        """Refused as BUSY, nothing accepted is stranded, and it goes on when there is room."""
        project = self.project()
        project.override("small", TMPFS.format(volume="journal", size="64m") + SMALL_SEGMENTS)
        project.up()
        project.count_effects()
        load = Load(project)
        padding = "x" * 4000

        def fill(first):
            lines = [order(number) for number in range(first, first + 500)]
            for line in lines:
                line["payload"]["note"] = padding
            return project.submit(lines, "--record", load.record, "--timeout", "2s", check=False)

        def filled():
            done = fill(load.numbers)
            load.numbers += 500
            # A submit whose last answer is still on its way at the time limit is unknown, not busy.
            return done if done.returncode == 69 and re.search(r" [1-9]\d* busy", done.stdout) else None
        done = wait_for(filled, "the journal's volume is full, and it says so")
        say(f"full: {done.stdout.splitlines()[-1]}")
        for service in ("producer", "retry-scheduler", "compensator"):
            self.assertEqual(project.inspect(service, ".RestartCount"), "0", project.logs(service)[-2000:])
        say(self.check_promises(project, load))
        self.remount(project, "journal", "size=256m")
        wait_for(lambda: fill(load.numbers - 500).returncode == 0, "it goes on when there is room")
        say("with room: " + self.check_promises(project, load))

    def test_full_order_database(self):
        """DOWN burns no attempt; everything is applied when there is room again."""
        project = self.project()
        project.override("small", TMPFS.format(volume="orders", size="3m"))
        project.up()
        project.count_effects()
        load = Load(project)

        def faults():
            load.submit_chunk()
            return project.stats("order-consumer").get("database_faults", 0) > 0
        wait_for(faults, "the database's volume is full")
        self.remount(project, "orders", "size=256m")
        wait_for(lambda: project.stats("order-consumer").get("database_state") == 0, "it is used again")
        say(self.check_promises(project, load))

    def test_read_only_journal_volume(self):
        """A producer whose journal is mounted read-only refuses and says so; the others go on, and so
        does it when the volume is writable again. (A remount under a process that writes is refused by
        the kernel as busy, so the fault comes with a restart.)"""
        project = self.project().up()
        project.count_effects()
        load = Load(project)
        load.submit_chunk()
        writable = list(project.files)
        project.override("read-only", "services:\n  producer:\n    volumes: "
                         "['journal:/var/lib/herald/journal:ro']\n")
        project.compose("up", "-d", "--no-build", "producer")
        wait_for(lambda: "event=ended" in project.logs("producer"), "the producer says why it ends")
        line = [line for line in project.logs("producer").splitlines() if "event=ended" in line][0]
        say(line)
        self.assertIn("Read-only file system", line)
        wait_for(lambda: project.inspect("producer", ".State.ExitCode") == "77", "exit code 77")
        for service in ("retry-scheduler", "compensator", "order-consumer"):
            self.assertEqual(project.inspect(service, ".RestartCount"), "0", project.logs(service)[-2000:])
        # A name that is gone must not hold up the connections to those that are there.
        for there in ("scheduler", "compensator"):
            self.assertNotIn(f"event=lost detail={there}", project.logs("order-consumer"))
        project.use(writable)
        project.up()
        load.submit_chunk()
        say(self.check_promises(project, load))

    def test_clock_an_hour_off(self):
        """Restarted with the clock an hour ahead, then an hour behind, with retries pending."""
        project = self.project().up()
        faketime = self.faketime(project)
        project.count_effects()
        load = Load(project)
        load.submit_chunk()
        for offset in ("+1h", "-1h"):
            late = load.numbers
            load.numbers += 10
            # Payments of orders that are not known yet: the scheduler has them while the clock steps.
            project.submit([payment(n, policy=LONG) for n in range(late, late + 9)],
                           "--record", load.record)
            project.override("clock", "services:\n" + "".join(
                f"  {service}:\n    volumes: ['{faketime}:/faketime.so:ro']\n    environment: "
                f"{{LD_PRELOAD: /faketime.so, FAKETIME: '{offset}', FAKETIME_DONT_FAKE_MONOTONIC: '1'}}\n"
                for service in ("producer", "retry-scheduler", "compensator", "order-consumer")))
            began = time.monotonic()
            project.up()
            shown = docker("exec", project.container("producer"), "date", "+%s")
            self.assertAlmostEqual(int(shown) - time.time(), {"+": 3600, "-": -3600}[offset[0]], delta=120)
            project.submit([order(n) for n in range(late, late + 9)], "--record", load.record)
            load.submit_chunk()
            say(f"clock {offset}: " + self.check_promises(project, load)
                + f" {time.monotonic() - began:.0f} s after the restart")

    def faketime(self, project):
        """libfaketime of the containers' own release: this machine's may need another C library."""
        name = f"{project.name}-faketime"
        path = os.path.join(project.directory, "faketime.so")
        docker("run", "--name", name, "debian:bookworm-slim", "sh", "-ec",
               "apt-get -q update && apt-get -q -y install --no-install-recommends libfaketime && "
               "cp /usr/lib/*/faketime/libfaketime.so.1 /faketime.so")
        docker("cp", f"{name}:/faketime.so", path)
        docker("rm", "-v", name)
        os.chmod(path, 0o755)
        return path
