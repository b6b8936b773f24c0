#!/usr/bin/env python3
"""A receiver, from nothing but docs/PROTOCOL.md: receiver.py PRODUCER_ENDPOINT GROUP DATABASE
A payload {"retry": 2} is answered RETRY twice, {"reject": "why"} REJECT; all else is applied."""
import json, random, sqlite3, sys, threading, time
import msgpack, zmq

HELLO, WELCOME, PING, PONG, DELIVER, JOB = 2, 3, 4, 5, 24, 26  # answers: OUTCOME 25, RESULT 27
DONE, DUPLICATE, RETRY, REJECT, FENCED, UNDONE = 1, 2, 3, 4, 7, 9
CONSUMER, CAN_FENCE_AND_UNDO, REAPPLY, FENCE, UNDO = 2, 3, 1, 2, 3
NONCE = random.getrandbits(63) | 1
ME = f"example-{NONCE:x}"
served = set()


def decide(base, item, action=REAPPLY):
    """For one biz_id the database holds an effect or a fence, and each is final."""
    attempt, (_, biz_id, payload, *_) = item[3], item[9]
    wish = json.loads(payload) if payload.startswith(b"{") else {}
    with base:  # one transaction: the business's own changes belong into it
        base.execute("BEGIN IMMEDIATE")
        had = base.execute("SELECT kind FROM notify WHERE biz_id = ?", [biz_id]).fetchone()
        if action == REAPPLY and not had:
            if attempt <= wish.get("retry", 0):
                return RETRY, 0, "not yet"
            if "reject" in wish:
                return REJECT, 0, wish["reject"]
        if not had:
            kind = "effect" if action == REAPPLY else "fence"
            base.execute("INSERT INTO notify VALUES (?, ?)", [biz_id, kind])
    if action == REAPPLY:
        return {None: DONE, ("effect",): DUPLICATE, ("fence",): FENCED}[had], 0, None
    return DONE if had == ("effect",) else FENCED if action == FENCE else UNDONE, 0, None


def connect(kind, endpoint):
    socket = zmq.Context.instance().socket(kind)
    socket.connect(endpoint)
    return socket


def serve(endpoint, group, path):
    """One sender's session: PING every 2 s; HELLO while it does not know us or is silent for 6."""
    front = lane = out = connect(zmq.DEALER, endpoint)
    base = sqlite3.connect(path, timeout=30, isolation_level=None)
    base.execute("CREATE TABLE IF NOT EXISTS notify (biz_id TEXT PRIMARY KEY, kind TEXT)")
    welcome, said, heard = None, 0, 0
    while True:
        if time.monotonic() - said >= 2:
            said = time.monotonic()
            welcome = welcome if said - heard < 6 else None
            hello = [1, HELLO, 0, CONSUMER, ME, group, None, CAN_FENCE_AND_UNDO, NONCE, 0]
            front.send(msgpack.packb([1, PING, 0, ME, NONCE, welcome[4]] if welcome else hello))
        for socket in zmq.select([front, lane], [], [], 0.2)[0]:
            heard, (_, kind, _, *body) = time.monotonic(), msgpack.unpackb(socket.recv())
            if kind == WELCOME and body[0] == 0 and not welcome:
                welcome, host = body, endpoint.rpartition(":")[0]
                for name, place in body[7]:
                    place = place.replace("tcp://*", host)
                    if name == "lane":  # the compensator has none: all goes through its front door
                        lane = connect(zmq.PULL, place)
                    elif name == "outcome":
                        out = connect(zmq.PUSH, place)
                    elif place not in served:  # the scheduler and the compensator send to us too
                        served.add(place)
                        threading.Thread(target=serve, args=(place, group, path)).start()
            elif kind == PONG and not body[3]:
                welcome = None  # it has started anew
            elif kind in (DELIVER, JOB) and welcome:
                run, work = body[0], body[2]
                if kind == DELIVER:  # tokens count up from the first
                    run, work = body[1], [(body[3] + i, REAPPLY, x) for i, x in enumerate(body[4])]
                answers = [[token, 1, *decide(base, item, action)] for token, action, item in work]
                out.send(msgpack.packb([1, kind + 1, 0, run, ME, welcome[4], answers]))


if __name__ == "__main__":
    serve(*sys.argv[1:])
