"""Clients that mean harm, or are broken. The others go on, and memory stays within the bound that
docs/OPERATIONS.md states."""

import os
import random
import resource
import subprocess
import time
import unittest

from harness import BIN, SERVICES, HeraldTest, order, wait_for
from test_disk import SHIM, shimmed
from zmtp import COMMAND, GREETING, MORE, Peer, frame, ready

try:
    import msgpack
except ImportError:
    msgpack = None

MIB = 1 << 20
FRONTS = {"producer": "producer.front", "retry-scheduler": "scheduler.front",
          "compensator": "compensator.front", "order-consumer": "order-consumer.front"}
# OPERATIONS.md, Memory: what a connection costs that has said and sent nothing, and the queues of
# one that sends without reading or is sent to.
IDLE_PEER = 32 << 10
QUEUE = 64  # messages each way
ANSWER = 4 << 10  # of the counters that are asked for here, and more than their bytes
STATS = [1, 15, 7]
PING = [1, 4, 8, None, 0, 0]


def pack(message):
    return frame(msgpack.packb(message))


@unittest.skipIf(msgpack is None, "this python has no msgpack (python3-msgpack)")
class Hostile(HeraldTest):
    def peer(self, name="producer.front", **options):
        peer = Peer(self.herald.data, name, **options)
        self.addCleanup(peer.close)
        return peer

    def resident(self, service):
        with open(f"/proc/{self.herald.processes[service].pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def assert_memory(self, grown, bound, what=None):
        """A sanitizer keeps what was freed, up to 256 MiB of it, and more beside each."""
        with_sanitizers = 2 * bound + 256 * MIB
        self.assertLess(grown, with_sanitizers if "HERALD_REPORTS" in os.environ else bound, what)

    def latencies(self, count=200):
        """Of a good client's PINGs, sorted, in ms."""
        peer = self.peer()
        found = []
        for _ in range(count):
            began = time.monotonic()
            peer.send(pack(PING))
            peer.receive_message()
            found.append((time.monotonic() - began) * 1000)
        peer.close()
        return sorted(found)

    def others_go_on(self, number=1):
        for name in SERVICES:
            self.assertIsNone(self.herald.processes[name].poll(), name + ":\n"
                              + self.herald.log_text(name)[-1000:])
        self.herald.submit([order(number)])
        self.herald.wait_state(f"{number}-created", "DONE")

    def test_ten_thousand_connections_that_say_nothing(self):
        """M10: silent ones, half a greeting, a whole one; all at once as many as there may be."""
        self.herald.start()
        self.latencies()
        before, calm = self.resident("producer"), self.latencies()
        starts = (b"", GREETING[:10], GREETING, GREETING + ready()[:5], GREETING + ready())
        limit = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
        opened, storm, peak = 0, [], before
        while opened < 10000:
            peers = []
            for _ in range(limit):
                try:
                    peer = Peer(self.herald.data, "producer.front", handshake=False)
                    peers.append(peer)
                    opened += 1
                    peer.send(starts[opened % len(starts)])
                except OSError:
                    pass  # refused, or hung up already: as it may be
            storm += self.latencies(40)
            peak = max(peak, self.resident("producer"))
            for peer in peers:
                peer.close()
        storm.sort()
        print(f"10,000 connects: {(peak - before) / limit / 1024:.1f} KiB a connection; PING of a "
              f"good client p50 {calm[len(calm) // 2]:.2f} to {storm[len(storm) // 2]:.2f} ms, worst "
              f"{storm[-1]:.1f} ms", flush=True)
        self.assert_memory(peak - before, limit * IDLE_PEER + 8 * MIB)
        self.assertLess(storm[len(storm) * 9 // 10], 1000)
        self.assertEqual(self.herald.stats("producer")["connections_refused"], 0)
        self.others_go_on()

    def test_more_connections_than_the_setting_are_closed_and_counted(self):
        self.herald.options["producer"] = ["--set", "connections=300"]
        self.herald.start()
        first = self.peer()
        peers = [Peer(self.herald.data, "producer.front", handshake=False) for _ in range(1000)]
        wait_for(lambda: sum(peer.hung_up_by_now() for peer in peers) >= 400, "the rest is closed")
        first.send(pack(PING))
        first.receive_message()
        for peer in peers:
            peer.close()
        wait_for(lambda: self.herald.ping("producer"), "others are taken again")
        self.assertGreaterEqual(self.herald.stats("producer")["connections_refused"], 400)
        self.others_go_on()

    def test_clients_that_ask_and_never_read(self):
        """M9: each fills its own queue, and nobody else's."""
        self.herald.start()
        before = {name: self.resident(name) for name in FRONTS}
        calm = self.latencies()
        for service, name in FRONTS.items():
            peers = [self.peer(name) for _ in range(20)]
            for peer in peers:
                for _ in range(20):
                    peer.send_what_fits(pack(STATS) * 500)
            bound = len(peers) * (2 * QUEUE * ANSWER + 512 * 1024)
            grown = self.resident(service) - before[service]
            self.assert_memory(grown, bound + 8 * MIB, service)
            if service == "producer":
                beside = self.latencies()
                print(f"beside 20 that never read: PING p50 {calm[100]:.2f} to {beside[100]:.2f} ms, "
                      f"p99 {beside[198]:.1f} ms; {grown / MIB:.1f} MiB", flush=True)
                # As a bound of what is served beside them it is wide: the machine may be busy.
                self.assertLess(beside[100], max(2 * calm[100], 100))
            self.assertTrue(self.herald.ping(service), service)
            for peer in peers:
                peer.close()
        self.others_go_on()

    def test_a_frame_of_a_claimed_four_gib_ends_its_connection(self):
        self.herald.start()
        for service, name in FRONTS.items():
            before = self.resident(service)
            for size in (1 << 32, (1 << 63) - 1, MIB + 65):
                peer = self.peer(name)
                peer.send(frame(bytes(100), size=size))
                self.assertTrue(peer.hung_up(), f"{service} takes {size} bytes")
                peer.close()
            self.assert_memory(self.resident(service) - before, 4 * MIB, service)
        self.others_go_on()

    def test_handshakes_cut_anywhere_and_garbage_behind_them(self):
        self.herald.start()
        whole = GREETING + ready() + pack(PING)
        chance = random.Random(1)
        for name in FRONTS.values():
            for cut in range(0, len(whole), 3):
                peer = self.peer(name, handshake=False)
                peer.send(whole[:cut])
                peer.close()
            for _ in range(50):
                peer = self.peer(name)
                try:
                    peer.send(chance.randbytes(chance.randrange(1, 3000)))
                    peer.send(frame(chance.randbytes(40), COMMAND))
                except OSError:
                    pass  # it has hung up
                peer.close()
        self.others_go_on()

    def test_a_recorded_session_played_again_is_a_duplicate(self):
        """M14, above the transport: the same bytes again change nothing."""
        self.herald.start()
        recorded = frame(msgpack.packb(
            [1, 6, 5, [["order.created", "77-created", b'{"order_id":"77","amount":5,'
                        b'"currency":"usd"}', 1, None, 0]]]))
        statuses = []
        for _ in range(5):
            peer = self.peer()
            peer.send(recorded * 3)
            statuses += [msgpack.unpackb(peer.receive_message())[3][0][0] for _ in range(3)]
            peer.close()
        self.assertEqual(statuses, [1] + [2] * 14)
        self.herald.wait_state("77-created", "DONE")
        self.assertEqual(self.herald.rows("select count(*) from notify_log"), [(1,)])
        self.others_go_on()

    def test_a_routing_id_is_not_taken_from_who_has_it(self):
        """M15: the second with the same id gets nothing of the first one's."""
        self.herald.start()
        first = self.peer(identity=b"mine")
        first.send(pack([1, 4, 100, None, 0, 0]))
        self.assertEqual(msgpack.unpackb(first.receive_message())[2], 100)
        for n in range(20):
            thief = self.peer(identity=b"mine")
            thief.send_what_fits(pack([1, 4, 500 + n, None, 0, 0]))
            first.send(pack([1, 4, 101 + n, None, 0, 0]))
            self.assertEqual(msgpack.unpackb(first.receive_message())[2], 101 + n)
            thief.socket.settimeout(0.05)
            self.assertRaises((TimeoutError, ConnectionError), thief.receive_message)
            thief.close()
        self.others_go_on()

    def test_messages_cut_between_their_frames(self):
        """M16: what a peer has not finished is nobody's message, at any socket."""
        self.herald.start()
        places = [(name, b"DEALER") for name in FRONTS.values()]
        places += [(name, b"PUSH") for name in ("producer.outcome", "scheduler.outcome",
                                                "producer.wake", "compensator.wake")]
        for name, kind in places:
            for flags in (MORE, 0):
                for body in (b"", msgpack.packb(PING), bytes(70000)):
                    peer = self.peer(name, kind=kind)
                    peer.send(frame(body, flags | MORE) + frame(b"x", flags) * 2)
                    peer.send(frame(body, MORE))
                    peer.close()
            peer = self.peer(name, kind=kind)
            peer.send(frame(bytes(5000), MORE)[:100])
            peer.close()
        self.others_go_on()

    def stall(self):
        """The producer's next sync does not return until the file, whose path this is, has gone."""
        path = os.path.join(self.herald.data, "stall")
        self.herald.start("producer", prefix=shimmed(stall=path))
        self.herald.start("retry-scheduler", "compensator", "order-consumer")
        self.latencies()
        with open(path, "w", encoding="ascii"):
            pass
        self.herald.submit([order("stalls")], "--timeout", "500ms", check=False)
        wait_for(lambda: not self.herald.ping("producer"), "the producer's disk stalls")
        return path

    @unittest.skipUnless(os.path.exists(SHIM), "the shim is not built")
    def test_frames_that_wait_for_a_stalled_service_are_bounded(self):
        stall = self.stall()
        before = self.resident("producer")
        peers = [self.peer() for _ in range(4)]
        for peer in peers:
            peer.socket.settimeout(0.5)
            with self.assertRaises(TimeoutError, msg="it takes more than its queue holds"):
                peer.send(frame(bytes(MIB)) * (2 * QUEUE))
        grown = self.resident("producer") - before
        print(f"4 that send while it stalls: {grown / MIB:.0f} MiB", flush=True)
        self.assertGreater(grown, 16 * MIB, "frames have waited")
        self.assert_memory(grown, len(peers) * ((QUEUE + 2) * MIB + IDLE_PEER) + 8 * MIB)
        os.remove(stall)
        wait_for(lambda: self.herald.ping("producer"), "it goes on")
        self.others_go_on()

    @unittest.skipUnless(os.path.exists(SHIM), "the shim is not built")
    def test_a_client_that_leaves_while_its_queue_is_full(self):
        """libzmq ends the process when its own heartbeat falls due on such a connection."""
        stall = self.stall()
        peers = [self.peer() for _ in range(10)]
        for peer in peers:
            while peer.send_what_fits(pack(PING) * 5000):
                pass
            peer.close()
        time.sleep(3)  # a heartbeat of any of the connections would fall due
        os.remove(stall)
        wait_for(lambda: self.herald.ping("producer")
                 or self.herald.processes["producer"].poll() is not None, "it goes on or has ended")
        self.others_go_on()

    def test_descriptors_are_used_up(self):
        """P12: 200 connections to a service that may open a few more files only."""
        self.herald.options["producer"] = ["--set", "journal/segment=3MiB", "--set", "lanes/count=2"]
        self.herald.start()
        self.others_go_on()
        worker = self.peer()  # one of those that are connected already
        pid = self.herald.processes["producer"].pid
        used = max(map(int, os.listdir(f"/proc/{pid}/fd")))
        subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={used + 40}:"], check=True)
        peers = []
        for _ in range(200):
            try:
                peers.append(Peer(self.herald.data, "producer.front", handshake=False))
            except OSError:
                break  # refused
        # Enough for several segments, over the connection that is there.
        for n in range(120):
            worker.send(frame(msgpack.packb(
                [1, 6, n, [["order.created", f"{n}-{m}-created",
                            b'{"order_id":"%d-%d","amount":5,"currency":"usd","remark":"%s"}'
                            % (n, m, b"x" * 4000), 1, None, 0] for m in range(20)]])))
            statuses = {status[0] for status in msgpack.unpackb(worker.receive_message())[3]}
            self.assertLessEqual(statuses, {1, 5}, "accepted, or busy")
        for peer in peers:
            peer.close()
        subprocess.run(["prlimit", "--pid", str(pid), "--nofile=1024:"], check=True)
        wait_for(lambda: self.herald.ping("producer"), "it answers new clients")
        self.others_go_on(2)
        wait_for(lambda: self.herald.stats("producer")["open"] == 0, "all of it is done")


if __name__ == "__main__":
    unittest.main(verbosity=2)
