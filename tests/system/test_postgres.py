"""Order consumers on PostgreSQL: several at once, and a server that is frozen, stopped or killed."""

import os
import resource
import signal
import subprocess
import sys
import threading
import unittest

from harness import BIN, PATIENCE, HeraldTest, order, payment, wait_for

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from postgres_server import PostgresServer  # noqa: E402  (its directory is not a package)

WHY_NOT = PostgresServer.missing()
COUNT_EFFECTS = """
CREATE TABLE effect (biz_id text);
CREATE FUNCTION count_effect() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO effect VALUES (new.biz_id); RETURN new; END $$;
CREATE TRIGGER count_effect AFTER INSERT OR UPDATE ON notify_log FOR EACH ROW
WHEN (new.status = 'SUCCESS') EXECUTE FUNCTION count_effect();
"""


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Postgres(HeraldTest):
    def setUp(self):
        super().setUp()
        self.server = PostgresServer()
        self.addCleanup(self.server.close)

    def consumer(self, key, *settings, url=None):
        """Another order consumer, with a front door of its own."""
        options = [f"database/url={url or self.server.url}", f"name={key}",
                   f"front/bind=ipc://{self.herald.data}/run/{key}.front", *settings]
        return self.herald.spawn(key, [
            os.path.join(BIN, "herald-order-consumer"), "--data", self.herald.data,
            *(word for option in options for word in ("--set", option))])

    def joined(self, key, senders=3):
        wait_for(lambda: self.herald.log_text(key).count("event=joined") >= senders,
                 f"{key} has joined")

    def start_all(self, *keys):
        self.server.start()
        self.herald.start("producer", "retry-scheduler", "compensator")
        for key in keys:
            self.consumer(key)
            self.joined(key)
        self.server.sql(COUNT_EFFECTS)

    def settled(self, count, seconds=4 * PATIENCE):
        """All are applied, once; nothing is both applied and fenced."""
        wait_for(lambda: int(self.server.sql("SELECT count(*) FROM notify_log"
                                             " WHERE status = 'SUCCESS'")[0][0]) >= count,
                 f"{count} are applied", seconds)
        rows = self.server.sql(
            "SELECT (SELECT count(DISTINCT biz_id) FROM effect), (SELECT count(*) FROM effect),"
            " (SELECT count(*) FROM effect JOIN notify_log USING (biz_id)"
            "  WHERE status <> 'SUCCESS'),"
            " (SELECT count(*) FROM order_table WHERE status = 'PAID')")
        self.assertEqual(rows, [[str(count), str(count), "0", str(count // 2)]],
                         "different, effects, applied and fenced, orders paid")

    def ends(self, process, code, *words, key):
        self.assertEqual(process.wait(timeout=PATIENCE), code, self.herald.log_text(key))
        last = self.herald.log_text(key).strip().splitlines()[-1]
        for word in words:
            self.assertIn(word, last)

    def test_three_share_the_load_while_one_is_killed_again_and_again_and_the_server_once(self):
        keys = ["one", "two", "three"]
        self.start_all(*keys)
        orders = 1500
        lines = [{**line, "policy": "1s,1s,2s,2s,4s,4s,8s,8s"} for number in range(orders)
                 for line in (order(number), payment(number))]
        stop = threading.Event()

        def kill_again():
            while not stop.wait(1):
                self.herald.kill("three")
                self.consumer("three")

        killer = threading.Thread(target=kill_again)
        killer.start()
        try:
            for first in range(0, len(lines), 300):
                self.herald.submit(lines[first:first + 300])
                if first == 1200:
                    self.server.crash()
                    self.server.start()
            done = wait_for(lambda: int(self.server.sql(
                "SELECT count(*) FROM notify_log WHERE status = 'SUCCESS'")[0][0]) > 600, "load")
            self.assertTrue(done)
        finally:
            stop.set()
            killer.join()
        self.settled(len(lines))
        identities = self.server.sql("SELECT count(*) FROM database_identity")
        self.assertEqual(identities, [["1"]])
        for key in keys[:2]:
            self.assertIsNone(self.herald.processes[key].poll(), f"{key} goes on")

    def down_and_up(self, go_away, come_back):
        """What comes while the server is away burns no attempt and is applied afterwards."""
        self.start_all("one")
        self.herald.submit([order(1), payment(1)])
        self.herald.wait_state("1-payment", "DONE")
        go_away()
        self.herald.submit([order(2), payment(2)])
        wait_for(lambda: "event=database_fault" in self.herald.log_text("one"), "a fault is told")
        # Long enough for several tries of it.
        wait_for(lambda: self.herald.delivery("2-created")["custodian"] != "producer",
                 "the scheduler waits for it")
        come_back()
        self.herald.wait_state("2-created", "DONE")
        self.herald.wait_state("2-payment", "DONE", seconds=2 * PATIENCE)
        self.settled(4)
        text = self.herald.log_text("one")
        self.assertIn("event=database_opened_again", text)
        self.assertLess(text.count("event=database_fault"), 6, text)
        found = self.herald.delivery("2-created")
        self.assertEqual(found["attempts"][0]["outcome"], "DOWN", "and no lease ran out")
        self.assertEqual(found["attempts_burnt"], 0)

    def test_a_server_that_is_stopped_and_started_again_burns_no_attempt(self):
        self.down_and_up(self.server.stop, self.server.start)

    def test_a_server_that_is_frozen_burns_no_attempt(self):
        self.down_and_up(lambda: self.server.signal_all(signal.SIGSTOP),
                         lambda: self.server.signal_all(signal.SIGCONT))

    def test_a_server_that_is_killed_under_way_recovers_and_so_do_we(self):
        self.down_and_up(self.server.crash, self.server.start)

    def tells(self, count):
        wait_for(lambda: self.herald.log_text("order-consumer").count("descriptors are needed")
                 >= count, f"for the {count}. time it tells what it has not enough of")

    def test_started_before_its_server_it_waits_for_descriptors_too(self):
        self.server.create()
        self.herald.start("producer", "retry-scheduler", "compensator")
        self.herald.options["order-consumer"] = ["--set", "database/url=" + self.server.url]
        self.herald.start("order-consumer")
        pid = self.herald.processes["order-consumer"].pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        few = 6 + max(map(int, os.listdir(f"/proc/{pid}/fd")))  # not for receiving
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, before[1]))
        self.server.start()
        self.tells(1)
        # Another sentence is told again: by another try, which finds the database open.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few + 1, before[1]))
        self.tells(2)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.joined("order-consumer")
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")

    def test_started_before_its_server_it_answers_ping_and_waits(self):
        self.server.create()
        self.herald.start("producer", "retry-scheduler", "compensator")
        self.herald.options["order-consumer"] = ["--set", "database/url=" + self.server.url]
        self.herald.start("order-consumer")
        self.assertEqual(self.herald.stats("order-consumer")["database_state"], 1)
        self.herald.submit([order(1)])
        self.server.start()
        self.herald.wait_state("1-created", "DONE")
        self.assertEqual(self.herald.stats("order-consumer")["database_state"], 0)
        self.assertEqual(self.herald.log_text("order-consumer").count("event=database_fault"), 1)

    def test_a_server_that_may_lose_commits_is_refused_by_the_settings_name(self):
        for setting in ("fsync=off", "full_page_writes=off", "synchronous_commit=off",
                        "data_sync_retry=on"):
            with self.subTest(setting):
                name, value = setting.split("=")
                self.server.start(setting)
                process = self.consumer("refused-" + name)
                self.ends(process, 78, f"{name} is {value}", key="refused-" + name)
                self.server.stop()

    def test_a_server_that_comes_back_without_fsync_ends_it(self):
        self.start_all("one")
        self.server.stop()
        self.server.start("fsync=off")
        self.herald.submit([order(1)])
        self.ends(self.herald.processes["one"], 78, "fsync is off", key="one")

    def test_the_password_comes_from_a_file_and_is_nowhere_to_be_read(self):
        self.server.start()
        self.server.sql("CREATE ROLE shop LOGIN PASSWORD 'geheim-1'")
        self.server.sql("CREATE DATABASE shop OWNER shop")
        with open(self.server.directory + "/data/pg_hba.conf", "w") as access:
            access.write("local all postgres trust\nlocal all all scram-sha-256\n")
        self.server.sql("SELECT pg_reload_conf()")
        self.herald.start("producer", "retry-scheduler", "compensator")
        secret = self.herald.data + "/secret"
        with open(secret, "w") as file:
            file.write("geheim-2\n")
        os.chmod(secret, 0o400)
        url = f"host={self.server.directory} user=shop dbname=shop"
        self.consumer("one", "database/password_file=" + secret, "log/level=debug", url=url)
        wait_for(lambda: "password authentication failed" in self.herald.log_text("one"),
                 "a wrong one is told")
        os.chmod(secret, 0o600)
        with open(secret, "w") as file:
            file.write("geheim-1\n")
        self.joined("one")
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        self.assertNotIn("geheim", self.herald.log_text("one"))
        shown = subprocess.run(
            [os.path.join(BIN, "herald-order-consumer"), "--data", self.herald.data, "--set",
             "database/url=" + url, "--set", "database/password_file=" + secret, "--print-config"],
            capture_output=True, text=True, check=True)
        self.assertNotIn("geheim", shown.stdout + shown.stderr)

    def test_the_environment_sets_it_up(self):
        self.server.start()
        os.environ["HERALD_DATABASE_URL"] = self.server.url
        self.addCleanup(os.environ.pop, "HERALD_DATABASE_URL")
        self.herald.start()
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        self.assertEqual(self.server.sql("SELECT biz_id FROM order_table"), [["1"]])

    def test_a_dump_is_restored_into_a_new_database_with_an_identity_of_its_own(self):
        self.start_all("one")
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")
        self.herald.stop("one")
        dump = self.server.directory + "/orders.dump"
        self.server.tool("pg_dump", "--format=custom", "--file=" + dump, self.server.url)
        self.server.tool("createdb", "--maintenance-db=" + self.server.url, "restored")
        url = self.server.url.replace("dbname=postgres", "dbname=restored")
        self.server.tool("pg_restore", "--no-owner", "--exit-on-error", "--dbname=" + url, dump)
        identity = "SELECT encode(identity, 'hex') FROM database_identity"
        self.assertEqual(self.server.sql(identity), self.server.sql(identity, url))
        self.herald.options["order-consumer"] = ["--set", "database/url=" + url]
        self.herald.options["order-consumer"].append("--renew-identity")
        self.herald.start("order-consumer")
        self.assertNotEqual(self.server.sql(identity), self.server.sql(identity, url))
        wait_for(lambda: "kind=second_database" in self.herald.log_text("producer"), "an alarm")
        self.herald.ctl("group", "order-system", "--set-identity", self.server.sql(identity, url)[0][0],
                        "--by", "ann", "--reason", "restored")
        self.joined("order-consumer")
        self.herald.submit([payment(1)])
        self.herald.wait_state("1-payment", "DONE")
        self.assertEqual(self.server.sql("SELECT status FROM order_table", url), [["PAID"]])
        self.assertEqual(self.server.sql("SELECT status FROM order_table"), [["CREATED"]])

    def test_cancelled_and_undone_are_never_applied_whoever_of_three_fences(self):
        self.start_all("one", "two", "three")
        lines = [payment(number, policy="50ms,50ms") for number in range(60)]
        self.herald.submit(lines)  # their orders do not come: the schedule is used up soon
        for line in lines[::2]:
            self.herald.ctl("cancel", line["biz_id"], check=False)
        self.herald.submit([order(number) for number in range(60)])

        def over():
            return all(self.herald.state(line["biz_id"]) in ("DONE", "CANCELLED", "CASE")
                       for line in lines)
        wait_for(over, "all are at an end or with a person", 3 * PATIENCE)
        for line in lines:
            status = self.server.sql("SELECT status FROM notify_log WHERE biz_id ="
                                     f" '{line['biz_id']}'")
            state = self.herald.state(line["biz_id"])
            with self.subTest(line["biz_id"], state=state):
                if state == "DONE":
                    self.assertEqual(status, [["SUCCESS"]])
                elif state == "CANCELLED":
                    self.assertIn(status, ([["FENCED"]], []))
        both = self.server.sql("SELECT count(*) FROM effect JOIN notify_log USING (biz_id)"
                               " WHERE status = 'FENCED'")
        self.assertEqual(both, [["0"]])


class OneFile(HeraldTest):
    def test_a_second_consumer_on_sqlite_is_refused_with_what_to_do(self):
        self.herald.start()
        second = self.herald.spawn("second", [
            os.path.join(BIN, "herald-order-consumer"), "--data", self.herald.data, "--set",
            f"front/bind=ipc://{self.herald.data}/run/second.front"])
        self.assertEqual(second.wait(timeout=PATIENCE), 73)
        last = self.herald.log_text("second").strip().splitlines()[-1]
        self.assertIn("for several use PostgreSQL", last)
        self.assertIn("database/url", last)
        self.herald.submit([order(1)])
        self.herald.wait_state("1-created", "DONE")


if __name__ == "__main__":
    unittest.main(verbosity=2)
