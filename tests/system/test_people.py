"""Cases and the people who decide them; cancel before and after sending; undo with fences."""

import unittest

from harness import HeraldTest, order, payment, wait_for

UNDO = ["--set", "subscriptions/orders/compensation=undo"]


class People(HeraldTest):
    def wrong_amount(self, number):
        self.herald.submit([order(number)])
        self.herald.wait_state(f"{number}-created", "DONE")
        self.herald.submit([payment(number, amount=999)])
        return self.herald.case_of(f"{number}-payment")

    def test_a_wrong_amount_becomes_a_case_and_is_resolved(self):
        self.herald.start()
        case = self.wrong_amount(1)
        self.assertIn("amount", case["reason"])
        wait_for(lambda: "alarm" in self.herald.log_text("compensator"), "an alarm in the log")
        self.herald.ctl("case", "note", case["id"], "--by", "ann", "--reason", "asked the customer")
        self.herald.ctl("case", "resolve", case["id"], "--by", "ann", "--reason", "waived")
        self.herald.wait_state("1-payment", "RESOLVED")
        shown = self.herald.ctl("case", "show", case["id"]).stdout
        self.assertIn("asked the customer", shown)
        self.assertIn("waived", shown)
        self.assertEqual(self.herald.rows("select status from notify_log where biz_id='1-payment'"),
                         [("FENCED",)])

    def test_a_replayed_case_runs_the_schedule_again(self):
        self.herald.start()
        self.herald.submit([payment(2, policy="10ms")])
        case = self.herald.case_of("2-payment")
        self.herald.submit([order(2)])
        self.herald.ctl("case", "replay", case["id"], "--by", "bob", "--reason", "order is there now")
        done = self.herald.wait_state("2-payment", "DONE")
        self.assertGreaterEqual(done["turn"], 4)

    def test_an_undone_case_puts_the_order_on_hold(self):
        self.herald.start()
        case = self.wrong_amount(3)
        self.herald.ctl("case", "undo", case["id"], "--by", "eve", "--reason", "fraud")
        self.herald.wait_state("3-payment", "UNDONE")
        self.assertEqual(self.herald.rows("select status from order_table where biz_id='3'"),
                         [("ON_HOLD",)])
        self.assertIs(case["fenced"], False)
        [closed] = self.herald.ctl_json("cases", "--all")
        self.assertEqual((closed["state"], closed["fenced"]), ("UNDONE", None))

    def test_undo_as_the_way_to_compensate(self):
        self.herald.options["producer"] = UNDO
        self.herald.start()
        self.herald.submit([order(4)])
        self.herald.wait_state("4-created", "DONE")
        self.herald.submit([payment(4, amount=1)])
        self.herald.wait_state("4-payment", "UNDONE")

    def test_cancel_before_sending_is_at_once_and_after_it_needs_the_fence(self):
        self.herald.start("producer", "retry-scheduler", "compensator")
        self.herald.submit([order(5)])
        self.herald.ctl("cancel", "5-created", "--by", "test", "--reason", "changed my mind")
        self.assertEqual(self.herald.state("5-created"), "CANCELLED")
        self.herald.start("order-consumer")
        self.herald.submit([payment(6, policy="10s,10s")])
        self.herald.wait_state("6-payment", "PENDING")
        wait_for(lambda: self.herald.delivery("6-payment")["attempts"], "a first attempt")
        self.herald.ctl("cancel", "6-payment", "--by", "test", "--reason", "too late", check=False)
        self.herald.wait_state("6-payment", "CANCELLED")
        self.herald.submit([order(6)])
        self.herald.wait_state("6-created", "DONE")
        self.assertEqual(self.herald.rows("select status from order_table where biz_id='6'"),
                         [("CREATED",)])

    def test_cancel_after_the_effect_answers_done(self):
        self.herald.start()
        self.herald.submit([order(7)])
        self.herald.wait_state("7-created", "DONE")
        done = self.herald.ctl("cancel", "7-created", "--by", "test", "--reason", "late", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("DONE", done.stdout + done.stderr)

    def test_a_replay_of_a_resolved_case_is_refused(self):
        self.herald.start()
        case = self.wrong_amount(8)
        self.herald.ctl("case", "resolve", case["id"], "--by", "ann", "--reason", "waived")
        self.herald.wait_state("8-payment", "RESOLVED")
        again = self.herald.ctl("case", "replay", case["id"], "--by", "ann", "--reason", "x", check=False)
        self.assertNotEqual(again.returncode, 0)
        self.assertEqual(self.herald.state("8-payment"), "RESOLVED")


if __name__ == "__main__":
    unittest.main(verbosity=2)
