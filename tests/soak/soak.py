"""Mixed load and faults for hours, then a report. See run.sh."""

import argparse
import os
import shutil
import signal
import threading
import time
import traceback

import final_check
from harness import SERVICES, wait_for
from load import Submitter
from measure import Sampler, report
from people import Asker, Person
from trouble import ALL, Trouble
from world import World

# Of each half hour, the part in which nothing is killed, so that growth can be seen.
ROUND_S, CALM_S = 1800, 600
HEAL_S = 240  # the longest schedule, twice, and what a slow machine needs


def repeat(world, worker, pause):
    """A thread's life. What goes wrong in the soak itself is said, and stops nothing."""
    while world.running:
        try:
            worker.step()
        except Exception:  # pylint: disable=broad-except
            if world.running:
                world.count("errors of the soak itself")
                print(traceback.format_exc(), flush=True)
        time.sleep(pause)


def heal(world, submitter):
    """No more faults, no more load: everything accepted reaches its end."""
    world.loading = False
    deadline = time.monotonic() + HEAL_S
    while time.monotonic() < deadline:
        if submitter.idle() and not world.open_items():
            return
        time.sleep(1)
    for item in world.open_items()[:50]:
        world.violation("no end", f"{item.biz_id} ({item.kind}) is {item.seen or 'open'} after "
                                  f"{HEAL_S} s without faults: {world.herald.query(item.biz_id)}")
    if not submitter.idle():
        world.violation("no answer", f"{len(submitter.waiting)} lines have none")


def close(world, trouble):
    world.running = False
    time.sleep(1)
    for name in (*ALL, *trouble.frozen):
        if name in world.herald.processes:
            trouble.end(name, signal.SIGTERM if name in SERVICES else signal.SIGKILL)


def soak(world, hours):
    trouble, submitter = Trouble(world), Submitter(world)
    asker, sampler = Asker(world, submitter), Sampler(world)
    for name in ALL:
        trouble.start(name)
    wait_for(lambda: world.herald.ping("order-consumer"), "the order consumer answers")
    final_check.install_triggers(world.herald.data)
    workers = ((submitter, 1), (asker, 2), (Person(world, submitter), 1), (trouble, 0.1), (sampler, 1))
    threads = [threading.Thread(target=repeat, args=(world, *worker), daemon=True)
               for worker in workers]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    while (gone := time.monotonic() - began) < hours * 3600:
        world.calm = gone % ROUND_S > ROUND_S - CALM_S
        time.sleep(1)
    heal(world, submitter)
    close(world, trouble)
    for thread in threads:
        thread.join(timeout=90)
    checks = [*final_check.check_database(world, asker.done, asker.untouched),
              *final_check.check_logs(world)]
    report(world, sampler.samples, time.monotonic() - began, checks)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hours", type=float)
    parser.add_argument("--rate", type=float, default=300, help="notifications a second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--curve", action="store_true", help="over TCP, all with keys")
    parser.add_argument("--out", default="build/soak")
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    os.makedirs(options.out)
    world = World(os.path.abspath(options.out), options.rate, options.seed, options.curve)
    try:
        soak(world, options.hours)
    finally:
        world.running = False
        world.herald.close()
        if world.violations:
            print(f"kept: {world.disk.image}", flush=True)
        if world.disk.mounted:
            shutil.copytree(os.path.join(world.herald.data, "log"), os.path.join(world.out, "log"))
        world.disk.close(keep=bool(world.violations))
    raise SystemExit(1 if world.violations else 0)


if __name__ == "__main__":
    main()
