"""Scenario 1: what was accepted is there over `down` and `up`."""

import os

from engine import ComposeTest, Load, say

COUNT = 50_000


class Restart(ComposeTest):
    def test_fifty_thousand_over_down_and_up(self):
        project = self.project().up()
        project.count_effects()
        load = Load(project, size=9100)  # with their payments 10,010 lines
        while load.numbers * 11 // 10 < COUNT:
            load.submit_chunk()
        self.assertGreaterEqual(len(load.accepted()), COUNT)
        say(self.check_promises(project, load))
        keys = self.keys(project)
        project.compose("down")
        self.assertEqual(project.containers(), [])
        project.up()
        self.assertEqual(self.keys(project), keys, "a later start keeps the keys")
        say("after down and up: " + self.check_promises(project, load))
        before = len(load.accepted())
        load.submit_chunk()
        say("and goes on: " + self.check_promises(project, load))
        self.assertGreater(len(load.accepted()), before)
        last = load.numbers
        done = project.submit([{"topic": "order.created", "biz_id": f"{last - 1}-created", "version": 1,
                                "payload": {"order_id": str(last - 1), "amount": 5, "currency": "usd"}}],
                              check=False)
        self.assertEqual(done.returncode, 1, "the same biz_id with other content is a conflict")

    @staticmethod
    def keys(project):
        found = {}
        for role in ("producer", "submit"):
            path = project.volume_path("keys-" + role)
            for name in sorted(os.listdir(path)):
                with open(os.path.join(path, name), "rb") as file:
                    found[role, name] = file.read()
        return found
