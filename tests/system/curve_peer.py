"""Peers that do as they like, for test_curve.py; run by an interpreter that has pyzmq.

    curve_peer.py ENDPOINT MECHANISM KEYS SERVER_KEY COUNT

Connects COUNT times, sends a PING each time, and prints how many were answered.
"""

import sys

import zmq

PING = b"\x96\x01\x04\x07\xc0\x00\x00"


def key_of(directory):
    with open(f"{directory}/secret.key", "rb") as file:
        return file.read().strip()


def main(endpoint, mechanism, keys, server_key, count):
    context = zmq.Context()
    answered = 0
    for _ in range(int(count)):
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.reconnect_ivl = 60000
        if mechanism == "curve":
            secret = key_of(keys) if keys else zmq.curve_keypair()[1]
            socket.curve_secretkey = secret
            socket.curve_publickey = zmq.curve_public(secret)
            socket.curve_serverkey = server_key.encode()
        elif mechanism == "plain":
            socket.plain_username = b"operate"
            socket.plain_password = b"secret"
        monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
                                            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
                                            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
                                            | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
        socket.connect(endpoint)
        socket.send(PING)
        assert monitor.poll(30000), "the handshake has no end"
        event = int.from_bytes(monitor.recv_multipart()[0][:2], sys.byteorder)
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            answered += bool(socket.poll(30000))
        socket.disable_monitor()
        monitor.close(0)
        socket.close(0)
    print(answered)


main(*sys.argv[1:])
