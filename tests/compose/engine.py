"""A Herald in containers for one test: a compose project of its own on the engine of this machine.

The images are there (tests/compose/run.sh has built them). Everything else that a test makes has the
project's name and goes with it. Load comes from outside the containers, over the producer's published
port, by a client that keeps its own synced record of what was accepted.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from ports import free_ports

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = os.environ.get("HERALD_BIN", os.path.join(ROOT, "build/release/bin"))
PREFIX = os.environ.get("HERALD_COMPOSE_PREFIX", f"herald-test-{os.getpid()}")
IMAGES = os.environ.get("HERALD_IMAGE", PREFIX)
PATIENCE = float(os.environ.get("HERALD_TEST_PATIENCE", "120"))
PACE = 0.2  # seconds between two chunks of a load: enough to be under load, little enough to check
SERVICES = ("producer", "retry-scheduler", "compensator", "order-consumer")
LONG = "1s,2s,5s,10s,20s,30s,1m,1m,1m"  # a retry policy
PORTS = {"producer": 7101, "retry-scheduler": 7201, "compensator": 7301, "order-consumer": 7401}


def say(text):
    """For whoever reads the suite's output, also when the test passes."""
    print(f"    {text}", file=sys.__stdout__, flush=True)


def run(*arguments, check=True, text=None, timeout=300, env=None):
    done = subprocess.run([str(argument) for argument in arguments], input=text, text=True,
                          capture_output=True, timeout=timeout, env=env, cwd=ROOT,
                          stdin=None if text is not None else subprocess.DEVNULL)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, arguments))} ended with {done.returncode}:\n"
                             f"{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done


def docker(*arguments, **more):
    return run("docker", *arguments, **more).stdout.strip()


def wait_for(condition, what, seconds=PATIENCE):
    """Poll until condition() is true and return its value; fail with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.1)


class Project:
    """docker-compose.yml under a name of its own, with override files."""

    def __init__(self, name, *overrides):
        self.name = f"{PREFIX}-{name}"
        self.port = free_ports(1)[0]  # a published one stays over restarts
        self.directory = tempfile.mkdtemp(prefix=self.name + "-")
        self.files = [os.path.join(ROOT, "docker-compose.yml"), *overrides]
        self.environment = {**os.environ, "COMPOSE_PROJECT_NAME": self.name,
                            "COMPOSE_FILE": ":".join(self.files), "HERALD_IMAGE": IMAGES,
                            "HERALD_PUBLISH": f"127.0.0.1:{self.port}"}

    def override(self, name, text):
        """One file more, of this text."""
        path = os.path.join(self.directory, name + ".yml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        self.use([*self.files, path])

    def use(self, files):
        self.files = files
        self.environment["COMPOSE_FILE"] = ":".join(files)

    def compose(self, *arguments, **more):
        return run("docker-compose", *arguments, env=self.environment, **more)

    def up(self, *arguments):
        self.compose("up", "-d", "--no-build", *arguments)
        self.fetch_keys()
        for service in SERVICES:
            self.wait_healthy(service)
        return self

    def close(self):
        for container in self.containers():
            docker("unpause", container, check=False)
        self.compose("down", "--volumes", "--timeout", "1", "--remove-orphans", check=False)
        # What compose does not know of any more, by the project's label.
        label = f"label=com.docker.compose.project={self.name}"
        for container in docker("ps", "-aq", "--filter", label).split():
            docker("rm", "-f", "-v", container, check=False)
        for kind in ("network", "volume"):
            for one in docker(kind, "ls", "-q", "--filter", f"name={self.name}").split():
                docker(kind, "rm", one, check=False)
        run("rm", "-rf", self.directory)

    # Containers.

    def containers(self, service=None):
        filters = ["--filter", f"label=com.docker.compose.project={self.name}"]
        if service:
            filters += ["--filter", f"label=com.docker.compose.service={service}",
                        "--filter", "label=com.docker.compose.oneoff=False"]
        return docker("ps", "-aq", "--no-trunc", *filters).split()

    def container(self, service):
        found = self.containers(service)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} containers of {service}")
        return found[0]

    def inspect(self, service, path, container=None):
        return docker("inspect", "-f", "{{" + path + "}}", container or self.container(service))

    def wait_healthy(self, service):
        for container in wait_for(lambda: self.containers(service), f"{service} has a container"):
            wait_for(lambda: self.inspect(service, ".State.Health.Status", container) == "healthy",
                     f"{service} is healthy\n{self.logs(service, container)[-2000:]}")

    def logs(self, service, container=None):
        done = run("docker", "logs", container or self.container(service), check=False)
        return done.stdout + done.stderr

    def kill_process(self, container):
        """kill -9 of the main process by its host pid; returns what its next start must differ from."""
        pid = int(docker("inspect", "-f", "{{.State.Pid}}", container))
        started = docker("inspect", "-f", "{{.State.StartedAt}}", container)
        os.kill(pid, signal.SIGKILL)
        return started

    def wait_restarted(self, container, started):
        def again():
            state = docker("inspect", "-f", "{{.State.Running}} {{.State.StartedAt}}", container)
            return state.startswith("true ") and state != f"true {started}"
        wait_for(again, f"{container[:12]} was started again by its restart policy")

    def volume_path(self, name):
        return docker("volume", "inspect", "-f", "{{.Mountpoint}}", f"{self.name}_{name}")

    # Clients.

    def fetch_keys(self):
        """As README.md has it for a client outside."""
        keygen = self.containers("keygen")[0]
        for role in ("submit", "consume", "operate"):
            if not os.path.exists(os.path.join(self.directory, role)):
                docker("cp", f"{keygen}:/keys/{role}", self.directory)

    def keys(self, role):
        return ["--keys", os.path.join(self.directory, role)]

    def ctl(self, *arguments, role="submit", **more):
        return run(os.path.join(BIN, "heraldctl"), *arguments, "--producer",
                   f"tcp://127.0.0.1:{self.port}", *self.keys(role), **more)

    def inside(self, *arguments, **more):
        """heraldctl as `docker-compose run` has it."""
        return self.compose("run", "--rm", "-T", "heraldctl", *arguments, **more)

    def submit(self, lines, *options, check=True):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        return self.ctl("submit", "--file", "-", *options, text=text, check=check)

    def address(self, service, container=None):
        """One of the container's own; this machine reaches internal networks too."""
        networks = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}",
                          container or self.container(service)).split()
        return f"tcp://{networks[0]}:{PORTS[service]}" if networks else None

    def stats(self, service, container=None):
        """The service's own counters, or none while it does not answer."""
        address = self.address(service, container)
        if not address:
            return {}
        done = run(os.path.join(BIN, "heraldctl"), "stats", service, "--json", "--endpoint", address,
                   *self.keys("operate"), "--timeout", "2s", check=False)
        return json.loads(done.stdout)["stats"] if done.returncode == 0 else {}

    # The order database, as its volume has it.

    def base(self):
        path = os.path.join(self.volume_path("orders"), "orders.db")
        return sqlite3.connect(path, timeout=30)

    def on_postgresql(self):
        return any(name.endswith("docker-compose.postgres.yml") for name in self.files)

    def psql(self, sql):
        return docker("exec", "-i", self.container("postgresql"), "psql", "-qAtX", "-F", "\t", "-h",
                      "/run/postgresql", "-v", "ON_ERROR_STOP=1", "herald", "herald", text=sql)

    def count_effects(self):
        """From now on every change of an order is on record, in the database itself."""
        if self.on_postgresql():
            self.psql("""
                create table effect (biz_id text not null, status text not null);
                create function effect_note() returns trigger language plpgsql as
                    $$begin insert into effect values (new.biz_id, new.status); return null; end$$;
                create trigger effect_note after insert or update on order_table
                    for each row execute function effect_note();""")
            return
        base = self.base()
        base.executescript("""
            create table effect (biz_id text not null, status text not null);
            create trigger effect_new after insert on order_table
                begin insert into effect values (new.biz_id, new.status); end;
            create trigger effect_changed after update on order_table
                begin insert into effect values (new.biz_id, new.status); end;""")
        base.close()

    def rows(self, sql):
        if self.on_postgresql():
            return [tuple(int(word) if word.isdigit() and index == 2 else word
                          for index, word in enumerate(line.split("\t")))
                    for line in self.psql(sql).splitlines()]
        base = self.base()
        try:
            return base.execute(sql).fetchall()
        finally:
            base.close()


def documented(name, document="docs/OPERATIONS.md"):
    """The commands of a document between <!-- run: NAME --> and <!-- end -->, a list a block."""
    blocks, inside = [], False
    with open(os.path.join(ROOT, document), encoding="utf-8") as lines:
        for line in lines:
            if line.strip() == f"<!-- run: {name} -->":
                inside = True
                blocks.append([])
            elif line.strip() == "<!-- end -->":
                inside = False
            elif inside and line.strip():
                blocks[-1].append(line.strip())
    return blocks


def order(number, amount=1000):
    return {"topic": "order.created", "biz_id": f"{number}-created", "version": 1,
            "payload": {"order_id": str(number), "amount": amount, "currency": "usd"}}


def payment(number, amount=1000, **more):
    return {**more, "topic": "payment.succeeded", "biz_id": f"{number}-payment", "version": 2,
            "payload": {"order_id": str(number), "amount": amount, "currency": "usd"}}


def chunk(first, count):
    """Orders; of each hundred ten have a payment, of which five come before their order (a retry) and
    one is a cent short (rejected, and so a case). A payment waits longer for its order than any of the
    faults here lasts."""
    lines = []
    for number in range(first, first + count):
        of = number % 100
        if of < 5:
            lines.append(payment(number, policy=LONG))
        lines.append(order(number))
        if 5 <= of < 9:
            lines.append(payment(number, policy=LONG))
        elif of == 9:
            lines.append(payment(number, 999))
    return lines


class Load(threading.Thread):
    """Submits chunk after chunk, each until all of it is accepted, until told to stop."""

    def __init__(self, project, size=500):
        super().__init__(daemon=True)
        self.project = project
        self.size = size
        self.record = os.path.join(project.directory, "accepted")
        self.numbers = 0
        self.repeats = 0
        self.failed = None
        self.ending = threading.Event()

    def run(self):
        try:
            while not self.ending.wait(PACE):
                self.submit_chunk()
        except Exception as error:  # to be raised where the test joins
            self.failed = error

    def submit_chunk(self):
        lines = chunk(self.numbers, self.size)
        deadline = time.monotonic() + PATIENCE
        while True:
            done = self.project.submit(lines, "--record", self.record, "--timeout", "5s", check=False)
            if done.returncode == 0:
                break
            if done.returncode != 69 or time.monotonic() > deadline:
                raise AssertionError(f"submit ended with {done.returncode}:\n{done.stdout}{done.stderr}")
            self.repeats += 1
        self.numbers += self.size

    def accepted(self):
        """What the submitter itself recorded, synced, as accepted."""
        with open(self.record, encoding="ascii") as record:
            return {line.strip() for line in record if line.endswith("\n")}

    def wait_progress(self):
        """Until a chunk that began after this call is accepted."""
        before = self.numbers
        wait_for(lambda: self.numbers >= before + 2 * self.size or self.failed, "the load goes on")

    def stop(self):
        self.ending.set()
        self.join(PATIENCE * 2)
        if self.failed:
            raise self.failed
        if self.is_alive():
            raise AssertionError("the load does not end")


class ComposeTest(unittest.TestCase):
    def project(self, *overrides):
        """A project of this test's own, gone at its end."""
        name = self.id().split(".")[-1].replace("test_", "").replace("_", "-")[:30]
        project = Project(name, *overrides)
        self.addCleanup(self.clean, project)
        return project

    def clean(self, project):
        outcome = getattr(self._outcome, "result", None)
        failed = outcome and any(test is self for test, _ in outcome.failures + outcome.errors)
        if failed:
            for container in project.containers():
                name = docker("inspect", "-f", "{{.Name}} {{.State.Status}} {{.State.ExitCode}}",
                              container, check=False)
                done = run("docker", "logs", "--tail", "15", container, check=False)
                say(f"--- {name}\n{done.stdout}{done.stderr}")
        project.close()

    def wait_settled(self, project, accepted, record):
        """Until Herald says of each accepted one that it is DONE or a case; returns the states."""
        def settled():
            done = project.ctl("query", "--file", record, "--json", check=False, timeout=300)
            if done.returncode not in (0, 1):
                return None
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            states = {line["biz_id"]: line["deliveries"][0]["state"] for line in lines
                      if line.get("deliveries")}
            return states if all(s in ("DONE", "CASE") for s in states.values()) else None
        states = wait_for(settled, "everything accepted is at an end or a case", PATIENCE * 2)
        self.assertEqual(accepted - set(states), set(), "lost: Herald does not know them")
        return states

    def check_promises(self, project, load):
        """0 lost, 0 twice, 0 both, by the submitter's own record and by the database."""
        accepted = load.accepted()
        states = self.wait_settled(project, accepted, load.record)
        rows = project.rows("select biz_id, status from notify_log")
        done = [biz for biz, status in rows if status == "SUCCESS"]
        fenced = {biz for biz, status in rows if status == "FENCED"}
        cases = {biz for biz, state in states.items() if state == "CASE"}
        self.assertEqual(len(done), len(set(done)), "applied twice")
        self.assertEqual(accepted - set(done) - cases, set(), "lost")
        self.assertEqual(set(done) & (fenced | cases), set(), "both applied and not")
        self.assertEqual(cases, {biz for biz in accepted if biz.endswith("09-payment")
                                 or biz == "9-payment"}, "only those a cent short are cases")
        effects = project.rows("select biz_id, status, count(*) from effect group by biz_id, status")
        self.assertEqual([effect for effect in effects if effect[2] != 1], [], "applied twice")
        self.assertEqual({f"{biz}-{'created' if status == 'CREATED' else 'payment'}"
                          for biz, status, _ in effects}, set(done), "an effect without its log row")
        return f"{len(accepted)} accepted: {len(done)} applied, {len(cases)} cases, " \
               f"0 lost, 0 twice, 0 both"
