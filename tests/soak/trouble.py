"""Faults, and the supervisor that starts again what ended, as OPERATIONS.md asks for."""

import os
import signal
import subprocess
import time

from harness import BIN, SERVICES

RECEIVERS = ("audit-0", "audit-1", "audit-2")
ALL = SERVICES + RECEIVERS
DISK_FAULT = 75


class Trouble:
    FAULTS = (("kill", 40), ("kill_all", 8), ("stop", 10), ("freeze", 16), ("hang_receiver", 16),
              ("fill_disk", 10))

    def __init__(self, world):
        self.world, self.herald = world, world.herald
        self.chance = world.chance("trouble")
        self.down = {}  # name -> when it is to be started
        self.pressed = 0.0  # when the disk was full last
        self.frozen = {}  # name -> when it is to go on
        self.next_fault = time.monotonic() + 10

    def start(self, name):
        if name in RECEIVERS:
            seal = self.world.seal
            over = ["--producer", seal.at["producer"], "--keys", seal.of("consume")] if seal else []
            self.herald.spawn_ctl(name, "receive", "--group", "audit", "--name", name, *over,
                                  stdout=subprocess.DEVNULL)
        else:
            self.herald.spawn(name, [os.path.join(BIN, "herald-" + name), "--data",
                                     self.herald.data, *self.herald.options[name]])

    def step(self):
        self.supervise()
        now = time.monotonic()
        if now > self.next_fault:
            if self.world.loading and not self.world.calm:
                self.fault()
            self.next_fault = now + self.chance.uniform(5, 20)

    def supervise(self):
        now = time.monotonic()
        for name, when in list(self.frozen.items()):
            if now >= when:
                self.herald.processes[name].send_signal(signal.SIGCONT)
                del self.frozen[name]
        for name, process in list(self.herald.processes.items()):
            code = process.poll()
            if code is not None:
                del self.herald.processes[name]
                self.frozen.pop(name, None)
                self.ended(name, code)
        for name, when in list(self.down.items()):
            if now >= when:
                del self.down[name]
                self.start(name)

    def ended(self, name, code):
        """Nobody asked for it."""
        full = code == DISK_FAULT and time.monotonic() - self.pressed < 60
        self.world.count("ended by the full disk" if full else "ended by itself")
        if not full and name in SERVICES:
            self.world.violation("exit", f"{name} ended with {code}: "
                                         + self.herald.log_text(name)[-600:])
        self.down[name] = time.monotonic() + 1

    def end(self, name, sig):
        process = self.herald.processes.pop(name, None)
        if process is None:
            return
        self.frozen.pop(name, None)
        process.send_signal(signal.SIGCONT)
        process.send_signal(sig)
        try:
            code = process.wait(timeout=60)
            if sig == signal.SIGTERM and code not in (0, DISK_FAULT):
                self.world.violation("exit", f"{name} ended with {code} when told to stop")
        except subprocess.TimeoutExpired:
            self.world.violation("stop", f"{name} does not stop within 60 s of {sig.name}")
            process.kill()
            process.wait()
        self.down[name] = time.monotonic() + self.chance.uniform(0, 3)

    def fault(self):
        kinds = [kind for kind, _ in self.FAULTS if kind != "fill_disk" or self.world.disk.mounted]
        weights = [weight for kind, weight in self.FAULTS if kind in kinds]
        kind = self.chance.choices(kinds, weights)[0]
        getattr(self, kind)()
        self.world.count("fault " + kind)

    def kill(self):
        self.end(self.chance.choice(SERVICES), signal.SIGKILL)

    def kill_all(self):
        for name in SERVICES:
            if name in self.herald.processes:
                self.herald.processes[name].send_signal(signal.SIGKILL)
        for name in SERVICES:
            self.end(name, signal.SIGKILL)

    def stop(self):
        self.end(self.chance.choice(SERVICES), signal.SIGTERM)

    def freeze(self):
        self.hold(self.chance.choice(SERVICES), self.chance.uniform(1, 10))

    def hang_receiver(self):
        self.hold(self.chance.choice(RECEIVERS), self.chance.uniform(3, 15))

    def hold(self, name, seconds):
        if name in self.herald.processes:
            self.herald.processes[name].send_signal(signal.SIGSTOP)
            self.frozen[name] = time.monotonic() + seconds

    def fill_disk(self):
        self.world.disk.fill()
        end = time.monotonic() + self.chance.uniform(2, 8)
        while time.monotonic() < end:
            self.pressed = time.monotonic()
            self.supervise()
            time.sleep(0.1)
        self.world.disk.free()
        self.pressed = time.monotonic()
