#!/usr/bin/env python3
"""A receiver, from docs/PROTOCOL.md: receiver.py PRODUCER_ENDPOINT GROUP DATABASE
Its side of the wire; effects.py is the database, which decides what is answered; keys: curve.py."""
import random, signal, sys, time
import curve, msgpack, zmq
from effects import REAPPLY, Effects

HELLO, WELCOME, DELIVER, OUTCOME, JOB, RESULT, LEAVE = 2, 3, 24, 25, 26, 27, 29
CONSUMER, FENCES_AND_UNDOES, NOT_STARTED = 2, 3, 6
ME, NONCE = f"example-{time.time_ns():x}", random.getrandbits(63) | 1
senders = {}  # by name: the sockets of each, and the WELCOME that it said


def send(socket, kind, *body):
    socket.send(msgpack.packb([1, kind, 0, *body]))


def connect(sender, name, kind, place, key=None):
    if name in sender:
        sender[name].close(1000)
    here = place.replace("tcp://*", sys.argv[1].rpartition(":")[0])
    sender[name] = curve.connect(kind, here, key)


def take(sender, effects, _version, kind, _request, *body):
    if kind == WELCOME and body[0] != 0:  # not one of its receivers, or no longer
        print(f"refused: {body[0]} {body[1]}", file=sys.stderr)
        if "lane" in sender:
            sender.pop("lane").close(0)
        sender["welcome"] = None
    elif kind == WELCOME and body != sender.get("welcome"):  # it has started anew
        sender["welcome"] = body
        for name, place, *more in body[7]:
            if name in ("lane", "outcome"):
                connect(sender, name, zmq.PULL if name == "lane" else zmq.PUSH, place, *more[:1])
            elif name not in senders:
                connect(senders.setdefault(name, {}), "front", zmq.DEALER, place, *more[:1])
    elif kind == DELIVER:  # tokens count up from the first
        work = [(body[3] + i, REAPPLY, item) for i, item in enumerate(body[4])]
        # A sender that has started anew may have given the lane away: what is not ours goes back.
        ours = body[1:3] == (sender["welcome"][3], sys.argv[2])
        said = effects.answer(work) if ours else [[body[3], len(work), NOT_STARTED, 0, None]]
        send(sender["outcome"], OUTCOME, body[1], ME, sender["welcome"][4], said)
    elif kind == JOB:  # the compensator has no lane: all goes through its front door
        send(sender["front"], RESULT, body[0], ME, 0, effects.answer(body[2]))


def main(endpoint, group, path):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    effects = Effects(path)
    connect(senders.setdefault("producer", {}), "front", zmq.DEALER, endpoint)
    while True:
        for sender in list(senders.values()):
            if time.monotonic() >= sender.get("due", 0):  # HELLO says that we live, too
                sender["due"] = time.monotonic() + 2
                send(sender["front"], HELLO, CONSUMER, ME, group, None, FENCES_AND_UNDOES, NONCE, 0)
            for name in {"front", "lane"} & sender.keys():
                if sender[name].poll(1):
                    take(sender, effects, *msgpack.unpackb(sender[name].recv()))


try:
    main(*sys.argv[1:])
finally:
    for sender in senders.values():
        send(sender["front"], LEAVE, ME, NONCE)
    zmq.Context.instance().destroy(1000)
