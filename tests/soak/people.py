"""Who asks, cancels and decides: every answer is held against all that was answered before."""

import os
import time

from load import order_of, refund_of
from world import ENDS, RETENTION_S

# Which ends a notification may have, by what its submitter meant it to be.
EXPECTED = {
    "order": {"orders": ("DONE",), "audit": ("DONE",)},
    "cancel": {"orders": ("DONE", "CANCELLED"), "audit": ("DONE", "CANCELLED")},
    "payment": {"orders": ("DONE",)},
    "refunded": {"orders": ("DONE",)},
    "refund": {"refunds": ("UNDONE",)},
    "wrong": {"orders": ("RESOLVED", "UNDONE")},
    "orphan": {"orders": ("DONE", "RESOLVED", "UNDONE")},
    "withdrawn": {"orders": ("CANCELLED", "RESOLVED", "UNDONE")},
    "audit": {"audit": ("DONE",)},
}


class Asker:
    """Queries what is open and a part of what has ended. A state never goes back."""

    def __init__(self, world, submitter):
        self.world, self.submitter = world, submitter
        self.chance = world.chance("asker")
        self.ids = os.path.join(world.out, "asked")
        self.done = []  # biz_ids that were answered DONE by the order database's group
        self.untouched = []  # that may have ended without a fence

    def step(self):
        now = time.monotonic()
        with self.world.lock:
            items = [item for item in self.world.items.values() if item.accepted]
        asked = [item for item in items if not item.end or self.chance.random() < 0.02]
        forgotten = [item for item in items if item.end and item.end < now - 2 * RETENTION_S]
        with self.world.lock:
            for item in forgotten:
                del self.world.items[item.biz_id]
        if not asked:
            return
        with open(self.ids, "w", encoding="ascii") as file:
            file.writelines(item.biz_id + "\n" for item in asked)
        found = self.world.herald.ctl_json("query", "--file", self.ids, "--timeout", "20s",
                                           check=False)
        for answer in found:
            item = self.world.items.get(answer["biz_id"])
            if item:
                self.check(item, answer)
        self.world.count("answers", len(found))

    def check(self, item, answer):
        now = time.monotonic()
        if not answer["found"]:
            if not item.end:
                self.world.violation("lost", f"{item.biz_id} was accepted and is not known")
            elif now - item.end < RETENTION_S / 2:
                self.world.violation("forgotten", f"{item.biz_id} ended {now - item.end:.0f} s ago")
            return
        for delivery in answer["deliveries"]:
            self.check_delivery(item, delivery)
        if not item.end and all(d["state"] in ENDS for d in answer["deliveries"]):
            item.end = now
            self.world.count("ended")
            self.follow(item)

    def check_delivery(self, item, delivery):
        name, state, turn = delivery["subscription"], delivery["state"], delivery["turn"]
        before = item.seen.get(name)
        if before and before != state:
            self.world.violation("went back", f"{item.biz_id} at {name} was {before}, is {state}")
        if not before and turn < item.turns.get(name, 0):
            self.world.violation("went back", f"{item.biz_id} at {name} was in turn "
                                              f"{item.turns[name]}, is in {turn}")
        item.turns[name] = turn
        if state in ENDS and not before:
            item.seen[name] = state
            self.world.count("ended " + state)
            if name != "audit" and state in ("DONE", "CANCELLED"):
                (self.done if state == "DONE" else self.untouched).append(item.biz_id)
            if state not in EXPECTED[item.kind][name]:
                self.world.violation("end", f"{item.biz_id} ({item.kind}) at {name} is {state}")

    def follow(self, item):
        if item.kind == "refunded" and not item.followed and self.world.loading:
            item.followed = True
            self.submitter.shop.put(time.monotonic(), refund_of(item.number))


class Person:
    """Cancels some orders and decides the cases, each as its submitter meant it."""

    def __init__(self, world, submitter):
        self.world, self.submitter = world, submitter
        self.chance = world.chance("person")
        self.mended = set()  # orders that a person has entered

    def step(self):
        self.cancel()
        self.decide()

    def cancel(self):
        with self.world.lock:
            items = [item for item in self.world.items.values()
                     if item.kind in ("cancel", "withdrawn") and item.accepted and not item.cancelled]
        for item in items[:20]:
            done = self.world.herald.ctl("cancel", item.biz_id, "--by", "soak", "--reason", "soak",
                                         "--timeout", "5s", check=False)
            item.cancelled = done.returncode in (0, 1)
            self.world.count("cancels", item.cancelled)

    def decide(self):
        cases = self.world.herald.ctl_json("cases", "--timeout", "5s", check=False)
        for case in cases[:50]:
            item = self.world.items.get(case["biz_id"])
            if item is None:
                self.world.violation("case", f"of something long ended or never accepted: {case}")
                continue
            action = self.action(item, case)
            done = self.world.herald.ctl("case", action, case["id"], "--by", "soak", "--reason",
                                         "soak", "--timeout", "5s", check=False)
            self.world.count(f"case {action}", done.returncode == 0)

    def action(self, item, case):
        if case["fenced"] or item.kind == "refund":
            return "undo"
        if item.kind in ("wrong", "withdrawn") or (item.kind == "orphan" and self.chance.random() < 0.6):
            return self.chance.choice(("resolve", "undo"))
        if item.kind == "orphan" and item.number not in self.mended:
            self.mended.add(item.number)
            self.submitter.shop.put(time.monotonic(), order_of(item.number))
        return "replay"
