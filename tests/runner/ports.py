"""Ports of the loopback address for services that a test starts.

They lie below the kernel's range for outgoing connections: a port out of that range can be taken by any
client between its choice and the service's bind, or while the service restarts. Tests that run beside
each other keep apart by a name in the kernel for each port, which goes when the test's process ends.
"""

import random
import socket

FIRST, END = 15000, 32000
held = []


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def reserve(port):
    """Whether this process has the port's name now."""
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0herald-test-port-{port}")
    except OSError:
        name.close()
        return False
    held.append(name)
    return True


def free_ports(count):
    """Ports for services of this process; each is given out once."""
    found = []
    for port in random.sample(range(FIRST, END), END - FIRST):
        if len(found) == count:
            return found
        if reserve(port) and is_free(port):
            found.append(port)
    raise AssertionError(f"no {count} free ports from {FIRST} to {END}")
