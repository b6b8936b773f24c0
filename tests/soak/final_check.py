"""What must hold when all is quiet: of the submitter's synced record, the order database with its
triggers, and the three logs."""

import os
import sqlite3
import subprocess

from harness import BIN

TRIGGERS = """
    create table soak_effect (biz_id text not null, status text not null);
    create trigger soak_first after insert on notify_log when new.status <> 'FAILURE'
        begin insert into soak_effect values (new.biz_id, new.status); end;
    create trigger soak_later after update on notify_log
        when new.status <> 'FAILURE' and new.status <> old.status
        begin insert into soak_effect values (new.biz_id, new.status); end;
    create table soak_order (biz_id text not null, status text not null);
    create trigger soak_created after insert on order_table
        begin insert into soak_order values (new.biz_id, new.status); end;
    create trigger soak_moved after update on order_table when new.status <> old.status
        begin insert into soak_order values (new.biz_id, new.status); end;
"""


def install_triggers(data):
    base = sqlite3.connect(os.path.join(data, "orders.db"), timeout=30)
    base.executescript(TRIGGERS)
    base.close()


def count(base, sql):
    return base.execute(sql).fetchone()[0]


CHECKS = (
    ("accepted orders and payments", "select count(*) from accepted where biz_id not like '%-audit'"),
    ("effects in the database", "select count(*) from soak_effect where status = 'SUCCESS'"),
    ("fences in the database", "select count(*) from soak_effect where status = 'FENCED'"),
)
NONE = (
    ("lost: ended DONE, and there is no effect",
     "select count(*) from done where biz_id not in"
     " (select biz_id from notify_log where status = 'SUCCESS')"),
    ("neither effect nor fence nor cancelled before it was sent",
     "select count(*) from accepted where biz_id not like '%-audit' and biz_id not in"
     " (select biz_id from notify_log where status <> 'FAILURE') and biz_id not in"
     " (select biz_id from cancelled)"),
    ("applied twice", "select count(*) from (select 1 from soak_effect where status = 'SUCCESS'"
                      " group by biz_id having count(*) > 1)"),
    ("fenced twice", "select count(*) from (select 1 from soak_effect where status = 'FENCED'"
                     " group by biz_id having count(*) > 1)"),
    ("both applied and fenced", "select count(*) from (select 1 from soak_effect"
                                " group by biz_id having count(distinct status) > 1)"),
    ("an order that came twice into one state",
     "select count(*) from (select 1 from soak_order group by biz_id, status having count(*) > 1)"),
    ("an effect that nobody submitted",
     "select count(*) from soak_effect where biz_id not in (select biz_id from accepted)"),
)


def fill(base, table, ids):
    base.execute(f"create temp table {table} (biz_id text primary key)")
    base.executemany(f"insert or ignore into {table} values (?)", ((biz,) for biz in ids))


def check_database(world, done, cancelled):
    base = sqlite3.connect(os.path.join(world.herald.data, "orders.db"))
    with open(world.record, encoding="ascii") as record:
        fill(base, "accepted", (line.strip() for line in record))
    fill(base, "done", done)
    fill(base, "cancelled", cancelled)
    for what, sql in CHECKS:
        yield f"{what}: {count(base, sql)}"
    for what, sql in NONE:
        found = count(base, sql)
        if found:
            world.violation("database", f"{what}: {found}")
        yield f"{what}: {found}"
    whole = base.execute("pragma integrity_check").fetchone()[0]
    if whole != "ok":
        world.violation("database", whole)
    base.close()


def check_logs(world):
    for log in ("producer", "scheduler", "compensator"):
        path = os.path.join(world.herald.data, "journal", log)
        done = subprocess.run([os.path.join(BIN, "herald-journal"), "verify", path],
                              capture_output=True, text=True)
        if done.returncode != 0:
            world.violation("journal", f"{log}: {done.stdout}{done.stderr}"[-800:])
        yield f"herald-journal verify {log}: exit {done.returncode}"
