"""ZMTP 3.0 by hand, over plain sockets: what a library would never send."""

import os
import socket
import struct
import time

SIGNATURE = b"\xff" + bytes(7) + b"\x01\x7f"
GREETING = SIGNATURE + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
MORE, LONG, COMMAND = 1, 2, 4


def frame(body, flags=0, size=None):
    """One frame; `size` may be a lie."""
    size = len(body) if size is None else size
    if size > 255:
        return bytes([flags | LONG]) + struct.pack(">Q", size) + body
    return bytes([flags, size]) + body


def ready(kind=b"DEALER", identity=b""):
    body = b"\x05READY"
    for name, value in ((b"Socket-Type", kind), (b"Identity", identity)):
        body += bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
    return frame(body, COMMAND)


class Peer:
    """A connection to one socket of a service. Nothing is read unless asked for."""

    def __init__(self, data, name, kind=b"DEALER", identity=b"", handshake=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.connect(os.path.join(data, "run", name))
        if handshake:
            self.send(GREETING + ready(kind, identity))
            self.receive_exactly(len(GREETING))
            self.receive_frame()  # READY

    def connect(self, path):
        """A full backlog says "again" to a local socket."""
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.socket.connect(path)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.001)

    def send(self, data):
        self.socket.sendall(data)

    def send_what_fits(self, data):
        """Until nothing more is taken; returns how much was."""
        self.socket.setblocking(False)
        sent = 0
        try:
            while sent < len(data):
                sent += self.socket.send(data[sent:])
        except OSError:
            pass
        self.socket.settimeout(20)
        return sent

    def receive_exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the service has hung up")
            data += part
        return data

    def receive_frame(self):
        flags = self.receive_exactly(1)[0]
        size = struct.unpack(">Q", self.receive_exactly(8))[0] if flags & LONG \
            else self.receive_exactly(1)[0]
        return flags, self.receive_exactly(size)

    def receive_message(self):
        """The next frame that is no command."""
        while True:
            flags, body = self.receive_frame()
            if not flags & COMMAND:
                return body

    def hung_up(self):
        """Does the service close the connection?"""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def hung_up_by_now(self):
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except BlockingIOError:
            return False

    def close(self):
        self.socket.close()
