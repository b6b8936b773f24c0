"""What the interop tests share: the examples as processes, and an interpreter that can run them."""

import functools
import os
import subprocess
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
EXAMPLES = os.path.join(ROOT, "examples")
sys.path.insert(0, os.path.join(ROOT, "tests/system"))


@functools.lru_cache(maxsize=None)
def python():
    """The first interpreter with pyzmq and msgpack: Debian's packages serve its own only."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        found = subprocess.run([candidate, "-c", "import zmq, msgpack"], capture_output=True)
        if found.returncode == 0:
            return candidate
    raise unittest.SkipTest("no python3 here has pyzmq and msgpack (python3-zmq, python3-msgpack)")


def command(name, *arguments):
    return [python(), os.path.join(EXAMPLES, name), *map(str, arguments)]


def run(name, *arguments, timeout=60, **kwargs):
    """Run an example to its end; returns the finished process with its texts."""
    return subprocess.run(command(name, *arguments), capture_output=True, text=True,
                          timeout=timeout, **kwargs)
