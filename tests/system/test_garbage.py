"""Bytes that no honest peer sends, at every socket: the services live, say so and go on."""

import os
import random
import socket
import unittest

from harness import SERVICES, HeraldTest, order, wait_for

try:
    import msgpack
    import zmq
except ImportError:
    zmq = None

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
MIB = 1024 * 1024
WINDOW = 16  # fewer than a front door queues for one peer: more answers would be dropped
FRONTS = {"producer": "producer.front", "retry-scheduler": "scheduler.front",
          "compensator": "compensator.front", "order-consumer": "order-consumer.front"}
MALFORMED = {"producer": ("bad_outcomes", "frames_refused"),
             "retry-scheduler": ("malformed", "frames_refused"),
             "compensator": ("frames_refused",)}


def golden_frames():
    """One honest message of each type, as bytes."""
    with open(os.path.join(ROOT, "tests/golden/wire.txt"), encoding="utf-8") as file:
        return [bytes.fromhex(part.split("\n")[2]) for part in file.read().strip().split("\n\n")]


def lies(chance):
    """Frames that claim what they do not hold, or hold what nobody may send."""
    yield b""
    yield b"\xc1"
    for head in (b"\xdd", b"\xdc", b"\xdb", b"\xda", b"\xc6", b"\xc5", b"\xc9", b"\xdf", b"\xde"):
        yield head + b"\xff\xff\xff\xff"
        yield b"\x99\x01\x06\x01" + head + b"\x7f\xff\xff\xff"
    yield b"\x91" * 100000  # nested
    yield b"\x93\x01\x06" + b"\x91" * 9 + b"\x01"
    yield b"\x91" * MIB
    yield b"\x93\x01\x0f\x01" + bytes(MIB - 4)  # bytes behind the end
    yield bytes([0xdd, 0, 0x0f, 0xff, 0xfb]) + b"\xc0" * (MIB - 5)
    yield chance.randbytes(MIB)
    for _ in range(300):
        yield chance.randbytes(chance.randrange(1, 600))
    for frame in golden_frames():
        for _ in range(8):
            yield frame[:chance.randrange(len(frame))]
        yield frame + b"\x00"
        for number in (0, 2, 30, 127):  # types and versions that are not spoken
            yield frame[:2] + bytes([number]) + frame[3:]


def flipped(chance):
    """Honest frames with a byte changed: some of them are requests that can be answered."""
    for frame in golden_frames():
        for _ in range(20):
            at = chance.randrange(3, len(frame))
            yield frame[:at] + bytes([chance.randrange(256)]) + frame[at + 1:]


@unittest.skipIf(zmq is None, "this python has no pyzmq or msgpack (python3-zmq, python3-msgpack)")
class Garbage(HeraldTest):
    def setUp(self):
        super().setUp()
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, linger=0)

    def endpoint(self, name):
        return f"ipc://{self.herald.data}/run/{name}"

    def peer(self, kind, name, bind=False):
        peer = self.context.socket(kind)
        peer.setsockopt(zmq.LINGER, 0)
        peer.setsockopt(zmq.SNDTIMEO, 20000)
        peer.setsockopt(zmq.RCVTIMEO, 20000)
        (peer.bind if bind else peer.connect)(self.endpoint(name))
        return peer

    def take_until(self, peer, ping, answers):
        """Collect what comes; True when the PING is answered, False when nothing comes any more."""
        while peer.poll(1000):
            answer = msgpack.unpackb(peer.recv())
            if answer[1:3] == [5, ping[2]]:
                return True
            answers.append(answer)
        return False

    def talk(self, name, frames):
        """Send all to a front door; returns the messages that came back, decoded."""
        peer = self.peer(zmq.DEALER, name)
        answers = []
        for start in range(0, len(frames), WINDOW):
            for frame in frames[start:start + WINDOW]:
                peer.send(frame)
            # Behind them a PING in the same connection: its answer comes after all the others'.
            ping = [1, 4, 4711 + start, None, 0, 0]
            peer.send(msgpack.packb(ping))
            for _ in range(20):
                if self.take_until(peer, ping, answers):
                    break
                peer.send(msgpack.packb(ping))  # a full queue drops answers: who has none asks again
            else:
                self.fail(f"{name} answers PING after {start}")
        peer.close()
        return answers

    def alive(self, number):
        """All four still run, as the same processes, and do their work."""
        for name in SERVICES:
            self.assertIsNone(self.herald.processes[name].poll(), name)
            self.assertTrue(self.herald.ping(name), name)
        self.herald.submit([order(number)])
        self.herald.wait_state(f"{number}-created", "DONE")

    def test_garbage_at_every_front_door_is_answered_with_error_and_counted(self):
        self.herald.start()
        for service, name in FRONTS.items():
            with self.subTest(service=service):
                sent = list(lies(random.Random(name)))
                before = self.herald.stats(service)["frames_refused"]
                answers = self.talk(name, sent)
                errors = [answer for answer in answers if answer[1] == 1]
                self.assertGreater(len(errors), len(sent) * 0.9)
                self.assertTrue(all(answer[3] in (4, 8) and answer[4] for answer in errors))
                counted = self.herald.stats(service)["frames_refused"] - before
                self.assertGreater(counted, len(sent) * 0.75)  # not: types that nobody speaks
        self.alive(1)

    def test_changed_bytes_in_honest_messages_are_survived_by_every_front_door(self):
        self.herald.start()
        self.alive(1)  # binds the group to its database, which changed bytes must not replace
        for service, name in FRONTS.items():
            frames = [f for f in flipped(random.Random(name)) if f[2] != 18]  # GROUP is an order
            self.talk(name, frames)
        self.alive(2)

    def test_messages_of_many_frames_and_too_long_ones_are_dropped(self):
        self.herald.start()
        for service, name in FRONTS.items():
            peer = self.peer(zmq.DEALER, name)
            peer.send_multipart([b"\x91", b"", msgpack.packb([1, 4, 1, None, 0, 0])])
            peer.send_multipart([b""] * 1000)
            peer.send(bytes(4 * MIB))  # ends the connection
            peer.close()
            self.assertTrue(self.herald.ping(service), service)
        self.alive(1)

    def test_garbage_at_outcome_and_wake_sockets_is_counted(self):
        self.herald.start()
        places = {"producer": ("producer.outcome", "producer.wake"),
                  "retry-scheduler": ("scheduler.outcome", "scheduler.wake"),
                  "compensator": ("compensator.wake",)}
        for service, names in places.items():
            def counted():
                stats = self.herald.stats(service)
                return sum(stats.get(counter, 0) for counter in MALFORMED[service])
            for name in names:
                with self.subTest(socket=name):
                    before = counted()
                    peer = self.peer(zmq.PUSH, name)
                    for frame in [*lies(random.Random(name)), *flipped(random.Random(name))]:
                        peer.send(frame)
                    wait_for(lambda: counted() > before + 300, f"{service} counts them")
                    peer.close()
        self.alive(1)

    def test_bytes_that_are_not_zeromq_stop_no_socket(self):
        self.herald.start()
        chance = random.Random(3)
        names = [*FRONTS.values(), "producer.lane.0", "scheduler.lane.0", "producer.outcome",
                 "scheduler.outcome", "producer.wake", "scheduler.wake", "compensator.wake"]
        for name in names:
            for start in (b"", b"\xff\0\0\0\0\0\0\0\x01\x7f", b"GET / HTTP/1.0\r\n\r\n"):
                with socket.socket(socket.AF_UNIX) as raw:
                    raw.settimeout(10)
                    raw.connect(os.path.join(self.herald.data, "run", name))
                    try:
                        raw.sendall(start + chance.randbytes(chance.randrange(1, 5000)))
                    except OSError:
                        pass  # it has hung up, as it should
        self.alive(1)

    def test_what_a_thief_on_a_lane_takes_is_delivered_again(self):
        self.herald.options["producer"] = ["--set", "subscriptions/orders/lease=1s"]
        self.herald.start()
        thief = self.peer(zmq.PULL, "producer.lane.0")
        self.alive(0)
        number = 1
        while not thief.poll(0):
            self.herald.submit([order(number)])
            number += 1
        ids = [f"{n}-created" for n in range(number)]
        self.herald.ctl("watch", "--timeout", "60s", *ids, timeout=90)
        self.assertEqual(self.herald.rows("select count(*) from notify_log"), [(number,)])

    def test_a_receiver_survives_a_producer_that_sends_garbage(self):
        os.makedirs(os.path.join(self.herald.data, "run"), exist_ok=True)
        front = self.peer(zmq.ROUTER, "producer.front", bind=True)
        lane = self.peer(zmq.PUSH, "producer.lane.0", bind=True)
        outcome = self.peer(zmq.PULL, "producer.outcome", bind=True)
        self.herald.start("order-consumer")
        sender, hello = front.recv_multipart()
        for frame in lies(random.Random(1)):
            front.send_multipart([sender, frame])
        request = msgpack.unpackb(hello)[2]
        places = [[name.split(".")[1].replace("0", ""), self.endpoint(name)]
                  for name in ("producer.outcome",)] + [["lane", self.endpoint("producer.lane.0")]]
        front.send_multipart([sender, msgpack.packb(
            [1, 3, request, 0, None, "producer", 1, 0, 10000, 2000, places, [65536, 64, 1024, MIB]])])
        for frame in [*lies(random.Random(2)), *flipped(random.Random(2))]:
            lane.send(frame)
        wait_for(lambda: self.herald.stats("order-consumer")["malformed"] > 300, "it counts them")
        for peer in (front, lane, outcome):
            peer.close()
        self.herald.start("producer", "retry-scheduler", "compensator")
        self.alive(1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
