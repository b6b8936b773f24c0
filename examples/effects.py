"""The receiver's database: for one biz_id it holds an effect or a fence, and each is final.

A payload {"retry": 2} is answered RETRY twice, {"reject": "why"} REJECT; all else is applied.
"""
import json
import sqlite3

DONE, DUPLICATE, RETRY, REJECT, NOT_STARTED, FENCED, UNDONE = 1, 2, 3, 4, 6, 7, 9
REAPPLY, FENCE, UNDO = 1, 2, 3
# What is there already: what that says to REAPPLY, FENCE and UNDO.
SAY = {None: (DONE, FENCED, UNDONE),
       "effect": (DUPLICATE, DONE, DONE),
       "fence": (FENCED, FENCED, UNDONE)}


class Effects:
    def __init__(self, path):
        self.base = sqlite3.connect(path, timeout=30, isolation_level=None)
        self.base.execute("CREATE TABLE IF NOT EXISTS notify (biz_id TEXT PRIMARY KEY, kind TEXT)")

    def answer(self, work, ours=True):
        """work: (token, action, item); one transaction for all, committed before any answer."""
        if not ours:  # it came over a lane that is another receiver's by now, and goes back
            return [[token, 1, NOT_STARTED, 0, None] for token, _, _ in work]
        with self.base:
            self.base.execute("BEGIN IMMEDIATE")
            return [[token, 1, *self.decide(action, item)] for token, action, item in work]

    def decide(self, action, item):
        attempt, (_, biz_id, payload, *_) = item[3], item[9]
        row = self.base.execute("SELECT kind FROM notify WHERE biz_id = ?", [biz_id]).fetchone()
        if action == REAPPLY and not row:
            wish = self.wish(payload)
            if attempt <= wish.get("retry", 0):
                return RETRY, 0, "not yet"
            if "reject" in wish:
                return REJECT, 0, wish["reject"]
        if not row:  # the business's own changes belong here, into the same transaction
            kind = "effect" if action == REAPPLY else "fence"
            self.base.execute("INSERT INTO notify VALUES (?, ?)", [biz_id, kind])
        return SAY[row and row[0]][action - 1], 0, None

    @staticmethod
    def wish(payload):
        try:
            wish = json.loads(payload)
        except ValueError:
            return {}
        return wish if isinstance(wish, dict) else {}
