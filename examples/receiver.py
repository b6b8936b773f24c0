#!/usr/bin/env python3
"""A receiver, from docs/PROTOCOL.md: receiver.py PRODUCER_ENDPOINT GROUP DATABASE
Its side of the wire; effects.py is the database, which decides what is answered; keys: curve.py."""
import random, signal, sys, time
import curve, msgpack, zmq
from effects import REAPPLY, Effects
HELLO, WELCOME, DELIVER, OUTCOME, JOB, RESULT, LEAVE = 2, 3, 24, 25, 26, 27, 29
CONSUMER, FENCES_AND_UNDOES = 2, 3
ME, NONCE = f"example-{time.time_ns():x}", random.getrandbits(63) | 1
senders = {}  # by name: the sockets of each, and the WELCOME that it said


def send(socket, kind, *body):
    socket.send(msgpack.packb([1, kind, 0, *body]))


def connect(sender, name, kind, at, key=None):
    sender[name] = curve.connect(kind, at.replace("tcp://*", sys.argv[1].rpartition(":")[0]), key)


def take(sender, effects, _version, kind, _request, *body):
    if kind == WELCOME and body != sender.get("welcome"):  # it has started anew, or refuses us
        sender["welcome"] = body
        print(f"{body[2]}: {body[1] or 'joined'}", file=sys.stderr)
        for name in {"lane", "outcome"} & sender.keys():  # the lane is somebody else's by now
            sender.pop(name).close(1000)
        for name, place, *key in body[7]:
            if name in ("lane", "outcome"):
                connect(sender, name, zmq.PULL if name == "lane" else zmq.PUSH, place, *key[:1])
            elif name not in senders:
                connect(senders.setdefault(name, {}), "front", zmq.DEALER, place, *key[:1])
    elif kind == DELIVER:  # tokens count up from the first
        work = [(body[3] + i, REAPPLY, item) for i, item in enumerate(body[4])]
        said = effects.answer(work, body[1:3] == (sender["welcome"][3], sys.argv[2]))
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
                if name in sender and sender[name].poll(1):
                    take(sender, effects, *msgpack.unpackb(sender[name].recv()))


try:
    main(*sys.argv[1:])
finally:
    for sender in senders.values():
        send(sender["front"], LEAVE, ME, NONCE)
    zmq.Context.instance().destroy(1000)
