"""A connection as docs/PROTOCOL.md wants it, with CURVE where HERALD_KEYS names a directory of keys.

`heraldctl keygen` makes such directories: secret.key is one's own, servers.zpl has the servers' public keys.
"""
import os
import re

import zmq


def connect(kind, place, server_key=None):
    """A socket of this kind. Of the producer the key is in a file, of the others in WELCOME."""
    socket = zmq.Context.instance().socket(kind)
    socket.linger = 0
    keys = os.environ.get("HERALD_KEYS")
    if keys:
        with open(f"{keys}/secret.key", "rb") as file:
            secret = file.read().strip()
        with open(f"{keys}/servers.zpl", encoding="ascii") as file:
            producer = re.search(r'(?m)^producer\n +key = "(.{40})"', file.read())[1].encode()
        socket.curve_secretkey, socket.curve_publickey = secret, zmq.curve_public(secret)
        socket.setsockopt(zmq.CURVE_SERVERKEY, server_key or producer)
    socket.connect(place)
    return socket
