#!/usr/bin/env python3
"""The provider: pay.py DATABASE PAYMENT_ID ORDER_ID AMOUNT [--crash]

The payment and its outbox row are one transaction. --crash kills the process between the two, as
a power cut would: afterwards neither is there.
"""
import json
import os
import pathlib
import signal
import sqlite3
import sys


def pay(base, payment, order, amount, crash=False):
    body = json.dumps({"order_id": order, "amount": amount, "currency": "usd"}).encode()
    with base:
        base.execute("INSERT INTO payment (id, amount) VALUES (?, ?)", [payment, amount])
        if crash:
            os.kill(os.getpid(), signal.SIGKILL)
        base.execute("INSERT INTO outbox (topic, biz_id, version, payload) VALUES (?, ?, ?, ?)",
                     ["payment.succeeded", payment, 2, body])


if __name__ == "__main__":
    database = sqlite3.connect(sys.argv[1], timeout=30)
    database.executescript(pathlib.Path(__file__).with_name("schema.sql").read_text())
    pay(database, sys.argv[2], sys.argv[3], int(sys.argv[4]), crash="--crash" in sys.argv[5:])
