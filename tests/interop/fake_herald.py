"""One producer and one compensator as docs/PROTOCOL.md describes them, with nothing behind them.

It accepts, delivers, sends again what was answered RETRY or NOT_STARTED, hands what was answered
REJECT to its compensator as an undo job, and forgets all when it ends: enough to run the examples
against where no service is.
"""

import threading

import msgpack
import zmq

STATE = {1: 1, 2: 1, 9: 2}  # outcome: state (DONE, DUPLICATE: DONE; UNDONE)


class FakeHerald(threading.Thread):
    """Bound to ipc names in `directory`; everything it was told is in `heard`."""

    def __init__(self, directory):
        super().__init__(daemon=True)
        self.front_at, self.lane_at, self.outcome_at, self.compensator_at = (
            f"ipc://{directory}/{name}" for name in ("front", "lane", "outcome", "compensator"))
        context = zmq.Context.instance()
        self.sockets = []
        for kind, place in ((zmq.ROUTER, self.front_at), (zmq.PUSH, self.lane_at),
                            (zmq.PULL, self.outcome_at), (zmq.ROUTER, self.compensator_at)):
            socket = context.socket(kind)
            socket.linger = 0
            socket.bind(place)
            self.sockets.append(socket)
        self.front, self.lane, self.outcome, self.compensator = self.sockets
        self.known = {}  # biz_id: [notification, state, attempt]
        self.tokens = {}
        self.waiting = []  # for a consumer on the lane
        self.watchers = []
        self.jobs_to = None
        self.heard = []
        self.busy = 0  # so many SUBMITs are answered BUSY
        self.quiet = 0  # so many are not answered at all
        self.foreign = 0  # so many DELIVERs are another group's
        self.stopping = threading.Event()

    def stop(self):
        self.stopping.set()
        self.join()
        for socket in self.sockets:
            socket.close()

    def run(self):
        while not self.stopping.is_set():
            while self.waiting and self.lane.poll(0, zmq.POLLOUT):
                self.deliver(self.waiting.pop(0))
            for socket in zmq.select(self.sockets[:1] + self.sockets[2:], [], [], 0.05)[0]:
                *route, body = socket.recv_multipart()
                message = msgpack.unpackb(body)
                assert message[0] == 1
                self.heard.append(message[1])
                self.take(socket, route, message)

    def answer(self, socket, route, *message):
        socket.send_multipart([*route, msgpack.packb([1, *message])])

    def take(self, socket, route, message):
        _, kind, request, *body = message
        if kind == 2:
            places = [["lane", self.lane_at], ["outcome", self.outcome_at],
                      ["compensator", self.compensator_at]]
            if socket is self.compensator:
                places, self.jobs_to = [], route
            self.answer(socket, route, 3, request, 0, None, "fake", 9, 0, 10000, 2000, places,
                        [65536, 64, 1024, 1048576])
        elif kind == 4:
            self.answer(socket, route, 5, request, "fake", 9, 1, True)
        elif kind == 6:
            self.submit(route, request, body[0])
        elif kind == 8:
            self.answer(socket, route, 9, request, [self.found(biz_id) for biz_id in body[0]])
        elif kind == 10:
            self.watchers.append(route)
            self.answer(socket, route, 11, request, 0, None, body[0])
            for biz_id in body[1]:
                self.tell(biz_id)
        elif kind in (25, 27):
            for token, count, outcome, _, _ in body[3]:
                for i in range(count):
                    self.settle(self.tokens[token + i], outcome)

    def submit(self, route, request, notifications):
        if self.quiet > 0:
            self.quiet -= 1
            return
        results = []
        for notification in notifications:
            biz_id = notification[1]
            if self.busy > 0:
                results.append([5, 1, 0, None, "disk"])
            elif biz_id in self.known:
                same = self.known[biz_id][0][:4] == notification[:4]
                results.append([2 if same else 3, 1, 1, None, None if same else "used before"])
            else:
                self.known[biz_id] = [notification, 0, 1]
                results.append([1, 1, len(self.known), None, None])
                self.waiting.append(biz_id)
        self.busy -= self.busy > 0
        self.answer(self.front, route, 7, request, results)

    def work(self, biz_id):
        token = len(self.tokens) + 1
        self.tokens[token] = biz_id
        notification, _, attempt = self.known[biz_id]
        return token, [1, 1, 1, attempt, 4, 0, 10000, False, bytes(16), notification]

    def deliver(self, biz_id):
        token, item = self.work(biz_id)
        group = "other" if self.foreign > 0 else "group"
        self.foreign -= self.foreign > 0
        self.lane.send(msgpack.packb([1, 24, 0, 0, 9, group, token, [item]]))

    def settle(self, biz_id, outcome):
        known = self.known[biz_id]
        if outcome in (3, 6):
            known[2] += outcome == 3
            self.waiting.append(biz_id)
        elif outcome == 4:
            token, item = self.work(biz_id)
            self.answer(self.compensator, self.jobs_to, 26, 0, 9, "group", [[token, 3, item]])
        else:
            known[1] = STATE[outcome]
            self.tell(biz_id)

    def found(self, biz_id):
        if biz_id not in self.known:
            return [9, biz_id, None, 0, 0, 0, []]
        notification, state, attempt = self.known[biz_id]
        delivery = ["orders", "group", state, 0, 1, attempt, 4, 0, False, 0, []]
        return [0, biz_id, notification[0], notification[3], 1, 1, [delivery]]

    def tell(self, biz_id):
        state = self.known[biz_id][1]
        for route in self.watchers if state else []:
            self.answer(self.front, route, 12, 0, [[biz_id, 1, "orders", state, 1, 0]])
