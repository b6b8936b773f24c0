#!/usr/bin/env python3
"""A provider of notifications, from nothing but docs/PROTOCOL.md: pyzmq and msgpack.
    provider.py ENDPOINT submit TOPIC BIZ_ID PAYLOAD [VERSION]
    provider.py ENDPOINT query BIZ_ID
    provider.py ENDPOINT watch BIZ_ID     until each delivery has ended, or a person decides
With CURVE: HERALD_KEYS is a directory of keys, as `heraldctl keygen` makes it.
"""
import sys
import msgpack
import zmq
from curve import connect

ERROR, SUBMIT, QUERY, WATCH, WATCHING, EVENT, LEASE_MS = 1, 6, 8, 10, 11, 12, 30000
STATUS = ("OK ACCEPTED DUPLICATE CONFLICT REFUSED BUSY UNROUTED DENIED UNSUPPORTED NOT_FOUND "
          "CANCELLED REQUESTED ENDED CASE CANNOT_FENCE").split()
STATE = "PENDING DONE UNDONE CANCELLED RESOLVED CASE".split()


def ask(front, kind, field):
    """Send until the answer comes. It is safe to send again: the biz_id is a key."""
    for _ in range(4):
        front.send(msgpack.packb([1, kind, 7, field]))
        while front.poll(2000):
            answer = msgpack.unpackb(front.recv())
            if answer[1] == ERROR:
                sys.exit(f"{STATUS[answer[3]]}: {answer[4]}")
            if answer[1] == kind + 1 and answer[2] == 7:
                return answer[3]
    sys.exit("no answer, so nothing is known: ask again with the same biz_id")


def watch(front, biz_id, waiting):
    while waiting:
        front.send(msgpack.packb([1, WATCH, 8, LEASE_MS, [biz_id]]))  # renews the lease too
        while waiting and front.poll(LEASE_MS // 3):
            _, kind, _, events, *_ = message = msgpack.unpackb(front.recv())
            if kind == WATCHING and message[3] != 0:
                sys.exit(f"{STATUS[message[3]]}: {message[4]}")
            for _, _, subscription, state, *_ in events if kind == EVENT else []:
                print(biz_id, subscription, STATE[state], flush=True)
                waiting.discard(subscription)


def main(endpoint, command, first, *rest):
    front = connect(zmq.DEALER, endpoint)
    if command == "submit":
        biz_id, payload, version = (*rest, "1")[:3]
        one = [first, biz_id, payload.encode(), int(version), None, 0]
        [[status, _, position, field, text, *_]] = ask(front, SUBMIT, [one])
        print(STATUS[status], position, field or "", text or "")
        return STATUS[status] not in ("ACCEPTED", "DUPLICATE")
    [[status, _, _, _, _, _, deliveries, *_]] = ask(front, QUERY, [first])
    if command == "watch" and deliveries:
        return watch(front, first, {delivery[0] for delivery in deliveries})
    print(STATUS[status], *(f"{one[0]}={STATE[one[2]]}" for one in deliveries))
    return STATUS[status] != "OK"


sys.exit(main(*sys.argv[1:]))
