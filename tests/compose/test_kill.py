"""Scenario 2: processes killed with -9 by their pid, under load; then `docker kill` and `up`."""

from engine import SERVICES, ComposeTest, Load, docker, say


class Kill(ComposeTest):
    def test_each_in_turn_all_at_once_and_docker_kill(self):
        project = self.project().up()
        project.count_effects()
        load = Load(project)
        load.start()
        for service in SERVICES:
            self.kill(project, [service])
            load.wait_progress()
        self.kill(project, SERVICES)
        load.wait_progress()
        # A stop by hand: the restart policy does not bring these back, `up` does.
        docker("kill", *[project.container(service) for service in SERVICES])
        for service in SERVICES:
            self.assertEqual(project.inspect(service, ".State.Running"), "false")
        project.up()
        load.wait_progress()
        load.stop()
        say(f"submits repeated: {load.repeats}; " + self.check_promises(project, load))

    def kill(self, project, services):
        killed = [(container, project.kill_process(container))
                  for container in map(project.container, services)]
        for container, started in killed:
            project.wait_restarted(container, started)
        for service in services:
            project.wait_healthy(service)
