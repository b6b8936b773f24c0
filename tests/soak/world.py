"""What the threads of a soak share: the services' directory, the items, and what was found wrong."""

import os
import random
import subprocess
import tempfile
import threading
import time

from harness import Herald
from seal import Seal

RETENTION_S = 60
SUBSCRIPTIONS = """
subscriptions
    orders
        topic = "order.created payment.succeeded"
        group = order-system
        policy = default
        compensation = reapply
        lease = 2s
    refunds
        topic = payment.refunded
        group = order-system
        policy = "50ms"
        compensation = undo
        lease = 2s
    audit
        topic = "order.* audit.#"
        group = audit
        policy = "200ms,400ms,800ms"
        compensation = reapply
        lease = 2s
"""
OPTIONS = ["--set", "journal/segment=4MiB", "--set", "journal/checkpoint=20000",
           "--set", f"journal/retention={RETENTION_S}s"]
ENDS = ("DONE", "UNDONE", "CANCELLED", "RESOLVED")


class Disk:
    """A file system of its own for the data directory, so that it can be filled. Root only; without
    it the soak runs on the disk that is there, and fills nothing."""

    def __init__(self, out, megabytes):
        self.image = os.path.join(out, "disk.img")
        self.place = tempfile.mkdtemp(prefix="soak-")
        self.mounted = False
        with open(self.image, "wb") as image:
            image.truncate(megabytes << 20)
        try:
            subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", self.image], check=True)
            subprocess.run(["mount", "-o", "loop", self.image, self.place], check=True)
            self.mounted = True
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no disk of its own, so none will be filled: {error}", flush=True)

    @property
    def ballast(self):
        return os.path.join(self.place, "ballast")

    def fill(self):
        """Take all that is free, as any other program might."""
        space = os.statvfs(self.place)
        with open(self.ballast, "wb") as ballast:
            left = space.f_bavail * space.f_frsize
            while left > 65536:
                try:
                    os.posix_fallocate(ballast.fileno(), 0, left)
                    return
                except OSError:
                    left = left * 9 // 10

    def free(self):
        if os.path.exists(self.ballast):
            os.remove(self.ballast)

    def close(self, keep):
        if self.mounted:
            subprocess.run(["umount", self.place], check=True)
            os.rmdir(self.place)
        if not keep:
            os.remove(self.image)


class World:
    def __init__(self, out, rate, seed, curve=False):
        self.out, self.rate, self.seed = out, rate, seed
        self.disk = Disk(out, 6144)
        self.herald = Herald(self.disk.place)
        config = os.path.join(self.herald.data, "producer.zpl")
        with open(config, "w", encoding="ascii") as file:
            file.write(SUBSCRIPTIONS)
        self.herald.options.update({
            "producer": ["--config", config, *OPTIONS], "retry-scheduler": OPTIONS,
            "compensator": [*OPTIONS, "--set", "try_delays=0s 200ms 400ms"],
            "order-consumer": ["--set", "name=shop"]})
        self.seal = Seal(self.herald, lanes=8) if curve else None
        self.record = os.path.join(out, "accepted")
        self.lock = threading.Lock()
        self.items = {}  # biz_id -> Item, until it has ended and is forgotten here
        self.counts = {}
        self.violations = []
        self.loading = True  # new work is submitted
        self.running = True  # everything else goes on
        self.calm = False  # no faults now

    def chance(self, name):
        return random.Random(f"{self.seed} {name}")

    def count(self, name, more=1):
        with self.lock:
            self.counts[name] = self.counts.get(name, 0) + more

    def violation(self, kind, text):
        line = f"{time.strftime('%H:%M:%S')} {kind}: {text}"
        print("VIOLATION " + line, flush=True)
        with self.lock:
            self.violations.append(line)
        with open(os.path.join(self.out, "violations"), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def open_items(self):
        with self.lock:
            return [item for item in self.items.values() if item.accepted and not item.end]
