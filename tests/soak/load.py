"""What is submitted, by whom, and the submitter's own record of what was accepted."""

import heapq
import itertools
import json
import os
import time

CHUNK = 2000  # lines in one submission at most, so that a backlog drains in steps


class Item:
    """One notification, as its submitter knows it."""

    __slots__ = ("biz_id", "kind", "number", "line", "accepted", "end", "seen", "turns", "cancelled",
                 "followed")

    def __init__(self, kind, number, line):
        self.biz_id, self.kind, self.number, self.line = line["biz_id"], kind, number, line
        self.accepted = self.end = 0.0  # when, by the monotonic clock
        self.seen = {}  # subscription -> its end, as answered
        self.turns = {}
        self.cancelled = self.followed = False


def line_of(topic, number, suffix, amount=1000, **more):
    return {"topic": topic, "biz_id": f"{number}-{suffix}",
            "payload": {"order_id": str(number), "amount": amount, "currency": "usd"}, **more}


class Shop:
    """Decides what comes when. Each order draws its fate once."""

    FATES = (("paid", 80), ("early", 8), ("cancelled", 2), ("wrong", 1), ("orphan", 1),
             ("withdrawn", 1), ("refunded", 2),
             ("audited", 5))

    def __init__(self, world):
        self.chance = world.chance("shop")
        self.number = 0
        self.later = []  # heap of (due, order of entry, Item)
        self.entries = itertools.count()

    def put(self, due, item):
        """Any thread may."""
        heapq.heappush(self.later, (due, next(self.entries), item))

    def open_order(self, now):
        self.number += 1
        n = self.number
        fate = self.chance.choices([f for f, _ in self.FATES], [w for _, w in self.FATES])[0]
        created = Item("order", n, line_of("order.created", n, "created", version=1))
        paid = Item("payment", n, line_of("payment.succeeded", n, "payment", version=2))
        if fate == "audited":
            self.put(now, Item("audit", n, line_of("audit.login", n, "audit")))
        elif fate == "cancelled":
            created.kind = "cancel"
            self.put(now, created)
        elif fate == "orphan":
            paid.kind = "orphan"
            paid.line["policy"] = "50ms,100ms"
            self.put(now, paid)
        elif fate == "withdrawn":
            paid.kind = "withdrawn"
            self.put(now, paid)
        elif fate == "early":
            self.put(now, paid)
            self.put(now + self.chance.uniform(0, 1.5), created)
        else:
            self.put(now, created)
            if fate == "wrong":
                paid.kind = "wrong"
                paid.line["payload"]["amount"] = 999
            elif fate == "refunded":
                paid.kind = "refunded"  # once it is done, a refund of too much follows
            self.put(now + self.chance.uniform(0, 3), paid)

    def due(self, now, count):
        items = []
        while self.later and self.later[0][0] <= now and len(items) < count:
            items.append(heapq.heappop(self.later)[2])
        return items


def order_of(number):
    """A person enters the order that a payment has waited for."""
    return Item("order", number, line_of("order.created", number, "entered", version=1))


def refund_of(number):
    return Item("refund", number, line_of("payment.refunded", number, "refund", amount=5000,
                                          version=3))


class Submitter:
    """One thread: submits at the rate, repeats what has no answer, now and then what has one."""

    def __init__(self, world):
        self.world, self.shop = world, Shop(world)
        self.chance = world.chance("submitter")
        self.waiting = []  # Items without an answer, in their order
        self.recent = []  # accepted lately: for duplicates and conflicts
        self.read = 0  # of the record
        self.before, self.credit = time.monotonic(), 0.0

    def step(self):
        now = time.monotonic()
        if self.world.loading:  # an order brings 0.9 payments more
            self.credit += self.world.rate / 1.9 * min(now - self.before, 10)
        self.before = now
        while self.credit >= 1:
            self.shop.open_order(now)
            self.credit -= 1
        self.waiting += self.shop.due(now, CHUNK)
        self.submit()

    def idle(self):
        return not self.waiting and not self.shop.later

    def submit(self):
        world = self.world
        batch = self.waiting[:CHUNK]
        young = time.monotonic() - 20
        self.recent = [item for item in self.recent if item.accepted > young][-5000:]
        again = [item for item in self.recent if self.chance.random() < 0.02]
        if not batch and not again:
            return
        with world.lock:
            world.items.update((item.biz_id, item) for item in batch)
        lines = [item.line for item in batch + again]
        done = world.herald.submit(lines, "--record", world.record, "--json", "--timeout", "10s",
                                   check=False)
        self.take_record()
        self.waiting = [item for item in self.waiting if not item.accepted]
        for said in filter(None, map(json.loads, done.stdout.splitlines())):
            if said.get("status") in ("conflict", "refused"):
                world.violation("refused", f"{said}")
        world.count("submitted", len(batch))
        world.count("repeated", len(again))
        if self.recent and self.chance.random() < 0.3:
            self.conflict(self.chance.choice(self.recent))

    def take_record(self):
        """What the synced record says, and nothing else, is accepted."""
        if not os.path.exists(self.world.record):
            return
        with open(self.world.record, encoding="ascii") as record:
            record.seek(self.read)
            now = time.monotonic()
            for line in record:
                if not line.endswith("\n"):
                    break
                self.read += len(line)
                item = self.world.items.get(line.strip())
                if item and not item.accepted:
                    item.accepted = now
                    self.recent.append(item)
                    self.world.count("accepted")

    def conflict(self, item):
        line = json.loads(json.dumps(item.line))
        line["payload"]["amount"] += 1
        done = self.world.herald.submit([line], "--json", "--timeout", "2s", check=False)
        said = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
        if said.get("accepted") or said.get("duplicate"):
            self.world.violation("conflict", f"{line['biz_id']} was taken with other bytes: {said}")
        self.world.count("conflicts", said.get("conflict", 0))
