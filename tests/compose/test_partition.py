"""Scenario 3: the network between each pair of services cut for 20 s; a paused consumer.

Each pair gets a network of its own, so that `docker network disconnect` of one of the two cuts this
pair and no other; then all leave the network that they share.
"""

import itertools
import time

from engine import SERVICES, ComposeTest, Load, docker, run, say, wait_for

SECONDS = 20


class Partition(ComposeTest):
    def test_each_pair_and_a_paused_consumer(self):
        project = self.project().up()
        project.count_effects()
        self.one_network_a_pair(project)
        load = Load(project)
        load.start()
        load.wait_progress()
        for pair in itertools.combinations(SERVICES, 2):
            self.cut(project, load, *pair)
        self.pause(project, load)
        load.stop()
        say(self.check_promises(project, load))

    def network(self, project, pair):
        return f"{project.name}_" + "_".join(sorted(pair))

    def connect(self, project, pair, service):
        docker("network", "connect", "--alias", service, self.network(project, pair),
               project.container(service))

    def one_network_a_pair(self, project):
        for pair in itertools.combinations(SERVICES, 2):
            docker("network", "create", "--internal", self.network(project, pair))
            for service in pair:
                self.connect(project, pair, service)
        for service in SERVICES:
            docker("network", "disconnect", f"{project.name}_herald", project.container(service))
        for service in ("producer", "retry-scheduler", "compensator"):
            wait_for(lambda: project.stats(service).get("consumers") == 1, f"the consumer is back at {service}")

    def cut(self, project, load, one, other):
        pair = (one, other)
        docker("network", "disconnect", self.network(project, pair), project.container(one))
        ends = time.monotonic() + SECONDS
        if other == "order-consumer":
            wait_for(lambda: project.stats(one).get("consumers") == 0, f"{one} misses its consumer", SECONDS)
        load.wait_progress()  # submits go on whatever is cut
        time.sleep(max(0.0, ends - time.monotonic()))
        self.connect(project, pair, one)
        if other == "order-consumer":
            wait_for(lambda: project.stats(one).get("consumers") == 1, f"{one} has its consumer again")
        load.wait_progress()
        say(f"{one} and {other}: cut for {SECONDS} s, healed")

    def pause(self, project, load):
        consumer = project.container("order-consumer")
        self.freeze(consumer)
        wait_for(lambda: project.stats("producer").get("consumers") == 0, "the producer misses its consumer")
        load.wait_progress()
        docker("unpause", consumer)
        wait_for(lambda: project.stats("producer").get("consumers") == 1, "the consumer is back")
        load.wait_progress()
        say("the consumer paused, and back")

    def freeze(self, container):
        """Pause it. With version 1 of the control groups the engine gives up after two seconds in which
        a process of the container sat in a system call that cannot be frozen, and thaws it: ask again.
        """
        def frozen():
            done = run("docker", "pause", container, check=False)
            if done.returncode != 0 and "unable to freeze" not in done.stderr:
                raise AssertionError(f"docker pause {container}: {done.stderr}")
            return done.returncode == 0
        wait_for(frozen, f"{container} is paused")
