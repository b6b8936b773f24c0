"""docker-compose.yml with version 2 of compose, from trixie's package in a container, on this engine."""

import json
import os
import stat

from engine import IMAGES, ROOT, ComposeTest, docker, order, run, say

SOCKET = "/var/run/docker.sock"


class Version2(ComposeTest):
    def test_up_submit_down(self):
        if not os.path.exists(SOCKET) or not stat.S_ISSOCK(os.stat(SOCKET).st_mode):
            self.skipTest(f"the engine has no {SOCKET} that a container could use")
        project = self.project()

        def version2(*arguments, **more):
            variables = [f"--env={name}={project.environment[name]}" for name in
                         ("COMPOSE_PROJECT_NAME", "COMPOSE_FILE", "HERALD_IMAGE", "HERALD_PUBLISH")]
            mounts = [f"--volume={path}:{path}:ro" for path in (ROOT, project.directory)]
            return run("docker", "run", "--rm", "-i", f"--volume={SOCKET}:{SOCKET}", *mounts, *variables,
                       "--workdir", ROOT, f"{IMAGES}/version2", "docker-compose", *arguments, **more)
        version = version2("version", "--short").stdout.strip()
        self.assertTrue(version.startswith("2."), version)
        version2("up", "-d", "--no-build", "--wait", timeout=300)
        lines = "".join(json.dumps(order(number)) + "\n" for number in range(100))
        done = version2("run", "--rm", "-T", "heraldctl", "submit", "--file", "-", text=lines)
        self.assertIn("100 accepted", done.stdout)
        version2("run", "--rm", "-T", "heraldctl", "watch", "99-created", "--timeout", "30s")
        version2("down", "-v")
        self.assertEqual(docker("ps", "-aq", "--filter", f"name={project.name}"), "")
        say(f"docker-compose {version}: up --wait, run, down")
