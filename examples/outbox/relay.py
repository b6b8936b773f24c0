#!/usr/bin/env python3
"""Drain a provider's outbox into Herald: relay.py DATABASE PRODUCER_ENDPOINT [--once]

The relay reads what waits, submits it in one frame, and marks a row only when Herald has said
ACCEPTED or DUPLICATE for it. It may be killed at any point: what was submitted and not marked is
submitted again and answered DUPLICATE. Several relays at once waste work and do no harm.
"""
import os
import signal
import sqlite3
import sys
import time

import msgpack
import zmq

VERSION, ERROR, SUBMIT, SUBMITTED = 1, 1, 6, 7
ACCEPTED, DUPLICATE, CONFLICT, REFUSED, UNROUTED = 1, 2, 3, 4, 6
BATCH_ROWS = 256
BATCH_BYTES = 512 * 1024  # a frame has at most 1 MiB
IDLE_S = 0.2
WAITING = ("SELECT id, topic, biz_id, payload, version FROM outbox "
           "WHERE position IS NULL AND refused IS NULL ORDER BY id LIMIT ?")


def next_batch(base):
    """Rows that wait, oldest first, as many as one frame may carry."""
    rows, size = [], 0
    for row in base.execute(WAITING, [BATCH_ROWS]):
        size += len(row[3]) + 1024
        if rows and size > BATCH_BYTES:
            break
        rows.append(row)
    return rows


def submit(front, request, rows):
    """One (status, position, text) a row; None when nobody answered, and nothing is known."""
    notifications = [[topic, biz_id, bytes(payload), version, None, 0]
                     for _, topic, biz_id, payload, version in rows]
    front.send(msgpack.packb([VERSION, SUBMIT, request, notifications]))
    while front.poll(2000):
        message = msgpack.unpackb(front.recv())
        if message[2] != request or message[1] not in (ERROR, SUBMITTED):
            continue  # the late answer to an earlier request
        if message[1] == ERROR:
            raise SystemExit(f"the producer does not take this relay's messages: {message[4]}")
        answers = []
        for status, count, position, field, text in message[3]:
            why = ": ".join(part for part in (field, text) if part)
            answers += [(status, position + i, why) for i in range(count)]
        return answers
    return None


def mark(base, rows, answers):
    """Returns whether all are settled. What is BUSY stays and is submitted again."""
    settled = True
    with base:
        for (row, *_), (status, position, why) in zip(rows, answers):
            if status in (ACCEPTED, DUPLICATE):
                base.execute("UPDATE outbox SET position = ? WHERE id = ?", [position, row])
            elif status in (CONFLICT, REFUSED, UNROUTED):
                base.execute("UPDATE outbox SET refused = ? WHERE id = ?", [f"{status} {why}", row])
                print(f"outbox row {row} is refused: {why}", file=sys.stderr, flush=True)
            else:
                settled = False
    return settled


def main(path, endpoint, once=False):
    base = sqlite3.connect(path, timeout=30)
    front = zmq.Context.instance().socket(zmq.DEALER)
    front.linger = 0
    front.connect(endpoint)
    request = 0
    while True:
        rows, request = next_batch(base), request + 1
        answers = submit(front, request, rows) if rows else []
        if answers and os.environ.get("OUTBOX_CRASH") == "after-submit":
            os.kill(os.getpid(), signal.SIGKILL)  # the demonstration's crash: nothing is marked
        if answers is None or not mark(base, rows, answers):
            time.sleep(IDLE_S)
        elif not rows and once:
            return
        elif not rows:
            time.sleep(IDLE_S)


if __name__ == "__main__":
    main(*sys.argv[1:3], once="--once" in sys.argv[3:])
