"""A PostgreSQL server of a test's own: a temporary directory, a Unix socket, no network.

    postgres_server.py PROGRAM ARGUMENT...   runs the program with HERALD_TEST_POSTGRES set to a
                                             connection string; empty where no server is installed

PostgreSQL does not run as root, so root runs it as another user. Every process that is started here
is stopped here, by its pid.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE = 60
USERS = ("postgres", "nobody")


def programs():
    """The directory of the newest server's programs, or None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if found:
        return os.path.dirname(max(found, key=lambda path: int(path.split("/")[4])))
    initdb = shutil.which("initdb")
    return os.path.dirname(os.path.realpath(initdb)) if initdb else None


def other_user():
    """Who runs the server: us, unless we are root."""
    if os.getuid() != 0:
        return None
    for name in USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


class PostgresServer:
    """Started by start(); `url` connects to it as its superuser."""

    def __init__(self):
        self.bin = programs()
        self.user = other_user()
        self.process = None
        self.directory = tempfile.mkdtemp(prefix="herald-pg-")
        os.chmod(self.directory, 0o755)
        if self.user:
            os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        self.url = f"host={self.directory} user=postgres dbname=postgres"

    @staticmethod
    def missing():
        """Why there can be none, or None."""
        if not programs():
            return "no PostgreSQL server is installed"
        if os.getuid() == 0 and not other_user():
            return "PostgreSQL does not run as root, and there is no other user"
        return None

    def as_user(self):
        if not self.user:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def tool(self, name, *arguments, **kwargs):
        return subprocess.run([os.path.join(self.bin, name), *arguments], check=True,
                              capture_output=True, text=True, cwd=self.directory,
                              **self.as_user(), **kwargs)

    def create(self):
        self.tool("initdb", "-D", self.directory + "/data", "-U", "postgres", "-A", "trust",
                  "-E", "UTF8", "--locale=C", "--no-instructions")
        return self

    def start(self, *settings):
        """Start it, made first where it is not there, with settings as NAME=VALUE."""
        if not os.path.exists(self.directory + "/data/PG_VERSION"):
            self.create()
        options = ["listen_addresses=", f"unix_socket_directories={self.directory}",
                   "shared_buffers=32MB", "max_connections=60", "log_min_messages=warning",
                   *settings]
        with open(self.directory + "/log", "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(self.bin, "postgres"), "-D", self.directory + "/data",
                 *(word for option in options for word in ("-c", option))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                **self.as_user())
        deadline = time.monotonic() + PATIENCE
        while True:
            ready = subprocess.run([os.path.join(self.bin, "pg_isready"), "-q",
                                    "-h", self.directory], check=False).returncode == 0
            if ready:
                return self
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("PostgreSQL did not start:\n" + self.log_text()[-2000:])
            time.sleep(0.05)

    def log_text(self):
        with open(self.directory + "/log", errors="replace") as log:
            return log.read()

    def children(self):
        """Pids of the server's own processes."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            if parent == self.process.pid:
                found.append(int(entry))
        return found

    def signal_all(self, number):
        """To the server and all its processes: SIGSTOP freezes it, SIGKILL is a crash."""
        pids = self.children()
        for pid in [self.process.pid, *pids]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def crash(self):
        """kill -9 of everything, as when the machine's power goes but for the disk's cache."""
        self.signal_all(signal.SIGSTOP)
        self.signal_all(signal.SIGKILL)
        self.process.wait(timeout=PATIENCE)
        self.process = None

    def stop(self):
        """Fast: connections are cut."""
        self.signal_all(signal.SIGCONT)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=PATIENCE)
        self.process = None

    def close(self):
        if self.process:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.crash()
        shutil.rmtree(self.directory, ignore_errors=True)

    def sql(self, text, url=None):
        """Rows, each a list of texts."""
        done = subprocess.run([os.path.join(self.bin, "psql"), "-XAtq", "-F", "\t",
                               "-v", "ON_ERROR_STOP=1", "-d", url or self.url, "-c", text],
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{text}: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines() if line]


def main():
    why = PostgresServer.missing()
    if why:
        print(f"{sys.argv[1]}: {why}", flush=True)
        return subprocess.run(sys.argv[1:], env={**os.environ, "HERALD_TEST_POSTGRES": ""},
                              check=False).returncode
    server = PostgresServer()
    try:
        server.start()
        return subprocess.run(sys.argv[1:],
                              env={**os.environ, "HERALD_TEST_POSTGRES": server.url},
                              check=False).returncode
    finally:
        server.close()


if __name__ == "__main__":
    # A signal must not leave the server behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
