"""The commands of README.md and docs/OPERATIONS.md for containers, one after the other, in a project of their own."""

import shutil
import subprocess

from engine import IMAGES, ROOT, SERVICES, ComposeTest, docker, documented, os, say


class Documents(ComposeTest):
    def test_containers(self):
        project = self.project()
        place = os.path.join(project.directory, "herald")
        os.mkdir(place)
        for name in ("docker-compose.yml", "docker-compose.postgres.yml"):
            shutil.copy(os.path.join(ROOT, name), place)
        environment = {**project.environment, "COMPOSE_FILE": "docker-compose.yml",
                       "COMPOSE_PROFILES": "", "PATH": os.environ["HERALD_BIN"] + ":" + os.environ["PATH"],
                       "HERALD_PORT": str(project.port)}
        for target in (*SERVICES, "heraldctl"):  # the upgrade's images
            docker("tag", f"{IMAGES}/{target}:latest", f"{IMAGES}/{target}:0.1.0")
        count = 0
        for block in documented("containers", "README.md") + documented("containers"):
            for command in block:
                # The port of the document is the default; the test has one of its own.
                command = command.replace("127.0.0.1:7101", f"127.0.0.1:{project.port}")
                done = subprocess.run(["bash", "-ec", command], cwd=place, env=environment, text=True,
                                      capture_output=True, stdin=subprocess.DEVNULL, timeout=300)
                self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
                count += 1
        self.assertGreater(count, 10)
        say(f"{count} commands of README.md and docs/OPERATIONS.md ran")
