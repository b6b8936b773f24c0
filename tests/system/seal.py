"""Keys and addresses for a Herald whose four services talk over TCP with CURVE."""

import os

from harness import SERVICES
from ports import free_ports


class Seal:
    """Makes keys for everybody in `keys`, and the services' options; heraldctl, started by the
    Herald, has the operator's key. The data directory's sockets are there as before."""

    def __init__(self, herald, lanes=2):
        self.herald = herald
        self.keys = os.path.join(herald.data, "keys")
        herald.ctl("keygen", self.keys)
        herald.environment["HERALD_KEYS"] = self.of("operate")
        names = ("producer", "outcome", "wake", "retry-scheduler", "scheduler.outcome",
                 "scheduler.wake", "compensator", "compensator.wake", "order-consumer")
        self.at = {name: f"tcp://127.0.0.1:{port}"
                   for name, port in zip(names, free_ports(len(names)))}
        self.settings = self.settings_of(self.at, f"ipc://{herald.data}/run", lanes)
        for name in SERVICES:
            self.settings[name]["curve/directory"] = self.of(name)
            herald.options[name] = [*herald.options[name],
                                    *(word for path, value in self.settings[name].items()
                                      for word in ("--set", f"{path}={value}"))]

    def of(self, holder):
        """The directory of a holder's keys."""
        return os.path.join(self.keys, holder)

    @staticmethod
    def settings_of(at, run, lanes):
        return {
            "producer": {"front/bind": f"{at['producer']} {run}/producer.front",
                         "outcome/bind": at["outcome"], "wake/bind": at["wake"],
                         "lanes/bind": "tcp://127.0.0.1:*", "lanes/count": lanes,
                         "scheduler/wake": at["scheduler.wake"],
                         "scheduler/front": at["retry-scheduler"],
                         "compensator/wake": at["compensator.wake"],
                         "compensator/front": at["compensator"]},
            "retry-scheduler": {"front/bind": f"{at['retry-scheduler']} {run}/scheduler.front",
                                "outcome/bind": at["scheduler.outcome"],
                                "wake/bind": at["scheduler.wake"],
                                "lanes/bind": "tcp://127.0.0.1:*", "lanes/count": lanes,
                                "wake/producer": at["wake"],
                                "wake/compensator": at["compensator.wake"]},
            "compensator": {"front/bind": f"{at['compensator']} {run}/compensator.front",
                            "wake/bind": at["compensator.wake"], "wake/producer": at["wake"],
                            "wake/scheduler": at["scheduler.wake"]},
            "order-consumer": {"producer": at["producer"],
                               "front/bind": f"{at['order-consumer']} {run}/order-consumer.front"},
        }
