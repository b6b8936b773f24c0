"""Samples of what the services use, and the report of a soak."""

import csv
import os
import time

from harness import SERVICES

LOGS = {"producer": "producer", "retry-scheduler": "scheduler", "compensator": "compensator"}
PAGE = os.sysconf("SC_PAGESIZE")
TICK = os.sysconf("SC_CLK_TCK")
ROWS = 24  # of the table over time


def process_use(pid):
    """Resident bytes, descriptors, CPU seconds; None when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * PAGE
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return resident, len(os.listdir(f"/proc/{pid}/fd")), (int(fields[11]) + int(fields[12])) / TICK
    except (OSError, IndexError):
        return None


def disk_use(path):
    """Bytes that a file, or the files below a directory, take on the disk."""
    if os.path.isfile(path):
        return os.stat(path).st_blocks * 512
    total = 0
    for place, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                pass  # dropped meanwhile
    return total


class Sampler:
    EVERY_S = 5

    def __init__(self, world):
        self.world = world
        self.began = time.monotonic()
        self.next = self.began
        self.samples = []
        self.csv = open(os.path.join(world.out, "samples.csv"), "w", newline="", encoding="ascii")
        self.writer = None

    def step(self):
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + self.EVERY_S
        sample = {"seconds": round(now - self.began), "calm": int(self.world.calm)}
        for name in ("accepted", "ended"):
            sample[name] = self.world.counts.get(name, 0)
        sample["open"] = len(self.world.open_items())
        for name in SERVICES:
            process = self.world.herald.processes.get(name)
            use = process_use(process.pid) if process else None
            sample[name + " pid"] = process.pid if process else 0
            for what, value in zip(("rss", "fds", "cpu"), use or ("", "", "")):
                sample[f"{name} {what}"] = value
        for name, log in LOGS.items():
            sample[name + " disk"] = disk_use(os.path.join(self.world.herald.data, "journal", log))
        sample["orders.db"] = disk_use(os.path.join(self.world.herald.data, "orders.db"))
        self.samples.append(sample)
        if self.writer is None:
            self.writer = csv.DictWriter(self.csv, sample)
            self.writer.writeheader()
        self.writer.writerow(sample)
        self.csv.flush()


def mib(value):
    return "-" if value in ("", 0) else f"{value / 2**20:.1f}"


def table_over_time(samples):
    """One row a part of the time: the rate in it, and what was used at its end."""
    yield ("   min  accepted/s  open  RSS MiB: " + " ".join(f"{name[:9]:>9}" for name in SERVICES)
           + "  fds " + " " * 12 + "  log MiB: " + " ".join(f"{name[:9]:>9}" for name in LOGS)
           + "  orders.db")
    step = max(1, len(samples) // ROWS)
    for before, after in zip(samples[::step], samples[step::step]):
        seconds = after["seconds"] - before["seconds"]
        rate = (after["accepted"] - before["accepted"]) / max(1, seconds)
        yield (f"{after['seconds'] / 60:6.1f}  {rate:10.0f}  {after['open']:4}           "
               + " ".join(f"{mib(after[name + ' rss']):>9}" for name in SERVICES) + "  "
               + " ".join(f"{after[name + ' fds'] or '-':>3}" for name in SERVICES) + "            "
               + " ".join(f"{mib(after[name + ' disk']):>9}" for name in LOGS)
               + f"  {mib(after['orders.db']):>9}" + ("  calm" if after["calm"] else ""))


def growth(samples):
    """Resident bytes of each service over the longest time without faults, from its first minute."""
    runs, run = [], []
    for sample in samples:
        if sample["calm"]:
            run.append(sample)
        else:
            runs.append(run)
            run = []
    longest = max([*runs, run], key=len, default=[])
    for name in SERVICES:
        alive = [s for s in longest if s[name + " pid"] and s[name + " rss"]]
        alive = [s for s in alive if s[name + " pid"] == alive[-1][name + " pid"]]
        warm = [s for s in alive if s["seconds"] >= alive[0]["seconds"] + 60]
        if len(warm) < 2:
            continue
        first, last = warm[0], warm[-1]
        yield (f"  {name}: {mib(first[name + ' rss'])} to {mib(last[name + ' rss'])} MiB, descriptors "
               f"{first[name + ' fds']} to {last[name + ' fds']}, CPU "
               f"{last[name + ' cpu'] - first[name + ' cpu']:.1f} s in "
               f"{last['seconds'] - first['seconds']} s")


def most(samples, key):
    return max((sample[key] for sample in samples if sample[key] != ""), default=0)


def report(world, samples, seconds, checks):
    counts = world.counts
    lines = [f"Soak of {seconds / 3600:.2f} h, {world.rate}/s asked for, seed {world.seed}, "
             + ("CURVE over TCP" if world.seal else "without CURVE"), ""]
    lines += [f"  {name}: {counts[name]}" for name in sorted(counts)]
    lines += ["", "Over time:", "", *table_over_time(samples), "", "Most of anything:"]
    lines += [f"  {name}: {mib(most(samples, name + ' rss'))} MiB resident, "
              f"{most(samples, name + ' fds')} descriptors" for name in SERVICES]
    lines += [f"  {name}'s log: {mib(most(samples, name + ' disk'))} MiB" for name in LOGS]
    lines += ["", "Growth over the longest time without faults, after its first minute:",
              *growth(samples), "", "Checked at the end:", *("  " + check for check in checks), ""]
    lines += [f"violations: {len(world.violations)} of {counts.get('accepted', 0)} accepted",
              *("  " + violation for violation in world.violations[:100])]
    text = "\n".join(lines) + "\n"
    with open(os.path.join(world.out, "report.txt"), "w", encoding="utf-8") as file:
        file.write(text)
    print(text, flush=True)
