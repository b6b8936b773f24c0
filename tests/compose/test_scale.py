"""Scenario 4: three order consumers on PostgreSQL, one of them killed every 2 s, and PostgreSQL too.

And what SQLite does with a second one: it is refused, with a line that says what to do.
"""

import itertools
import os
import time

from engine import ROOT, SERVICES, ComposeTest, Load, docker, say, wait_for

KILLS = 12
EVERY_SECONDS = 2


class Scale(ComposeTest):
    def test_three_on_postgresql(self):
        project = self.project(os.path.join(ROOT, "docker-compose.postgres.yml"))
        project.up("--scale", "order-consumer=3")
        consumers = project.containers("order-consumer")
        self.assertEqual(len(consumers), 3)
        self.check_settings(project)
        project.count_effects()
        load = Load(project)
        load.start()
        load.wait_progress()
        killed = 0
        next_time = time.monotonic()
        for container in itertools.islice(itertools.cycle(consumers), KILLS):
            wait_for(lambda: docker("inspect", "-f", "{{.State.Running}}", container) == "true", "it runs")
            project.kill_process(container)
            killed += 1
            next_time += EVERY_SECONDS
            time.sleep(max(0.0, next_time - time.monotonic()))
        load.wait_progress()
        for _ in range(2):
            postgresql = project.container("postgresql")
            project.wait_restarted(postgresql, project.kill_process(postgresql))
            project.wait_healthy("postgresql")
            load.wait_progress()
        wait_for(lambda: project.stats("producer").get("consumers") == 3, "all three are back")
        before = self.shares(project)
        for _ in range(4):
            load.wait_progress()
        wait_for(lambda: all(now > then for now, then in zip(self.shares(project), before)),
                 "each of the three has a share")
        load.stop()
        say(f"{killed} kills of consumers, 2 of PostgreSQL; " + self.check_promises(project, load))
        say(f"shares since their last start: {self.shares(project)}")

    def shares(self, project):
        return [project.stats("order-consumer", container).get("answered_done", 0)
                for container in project.containers("order-consumer")]

    def check_settings(self, project):
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            self.assertEqual(project.rows(f"show {name}"), [("on",)])

    def test_a_second_one_on_sqlite_is_refused(self):
        project = self.project().up()
        project.compose("up", "-d", "--no-build", "--scale", "order-consumer=2")

        def refused():
            for container in project.containers("order-consumer"):
                lines = [line for line in project.logs("order-consumer", container).splitlines()
                         if "event=ended" in line]
                if lines:
                    return lines[0]
            return None
        line = wait_for(refused, "the second one says why it ends")
        say(line)
        self.assertIn("PostgreSQL", line)
        # The first one serves on.
        load = Load(project)
        project.count_effects()
        load.submit_chunk()
        say(self.check_promises(project, load))
        for service in SERVICES[:3]:
            self.assertEqual(project.inspect(service, ".RestartCount"), "0")
