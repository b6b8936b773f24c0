"""Run the test_*.py of a directory, print what failed or was skipped, write the counts.

    run_unittest.py DIRECTORY COUNTS [PATTERN]

COUNTS gets one line, "passed failed skipped". No test found fails: nothing run is nothing shown.

HERALD_AT_ONCE  how many tests run beside each other, each in a process of its own (default 1); what
                one says comes together. A sanitizer's report fails every test that ran meanwhile.
"""

import concurrent.futures
import io
import multiprocessing
import os
import re
import sys
import time
import unittest

# Where sanitizers write, in a build that has them: see asan_real in run.sh. A WARNING is no report.
REPORTS = os.environ.get("HERALD_REPORTS")
REPORT = re.compile(r"ERROR: |runtime error:")


def reports():
    """The files in which a sanitizer has something to say."""
    found = set()
    for name in os.listdir(REPORTS) if REPORTS else ():
        path = os.path.join(REPORTS, name)
        with open(path, encoding="utf-8", errors="replace") as file:
            if REPORT.search(file.read()):
                found.add(path)
    return found


def tests_of(suite):
    """Each test by itself; there are no set-ups of a class or module, which would come each time."""
    for test in suite:
        yield from tests_of(test) if isinstance(test, unittest.TestSuite) else (test,)


class Result(unittest.TestResult):
    """Counts each test once, whatever its subtests and clean-ups do, and says each name."""

    def __init__(self, out):
        super().__init__()
        self.out = out
        self.buffer = True
        self.outcomes = {}
        self.why = {}
        self.began = 0.0
        self.reports = reports()

    def note(self, test, outcome, why=""):
        # A failing clean-up comes after the test itself: the worse of the two counts.
        if self.outcomes.get(test.id()) != "FAIL":
            self.outcomes[test.id()] = outcome
        self.why[test.id()] = self.why.get(test.id(), "") + why

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def stopTest(self, test):
        figures = sys.stdout.getvalue()
        super().stopTest(test)
        name = test.id()
        for path in sorted(reports() - self.reports):
            self.reports.add(path)
            with open(path, encoding="utf-8", errors="replace") as file:
                self.note(test, "FAIL", file.read())
        outcome = self.outcomes.setdefault(name, "FAIL")
        line = f"{outcome} {name} ({time.monotonic() - self.began:.1f} s)"
        if outcome == "skip":
            line += f": {self.why[name]}"
        print(line, file=self.out, flush=True)
        if outcome == "FAIL":
            self.show(name)
        for figure in figures.splitlines() if outcome == "pass" else ():
            print(f"    {figure}", file=self.out, flush=True)

    def show(self, name):
        text = self.why.get(name) or "it ended without an outcome"
        for shown in text.rstrip().splitlines()[-60:]:
            print(f"    {shown}", file=self.out, flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "pass")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skip", reason)
        if not hasattr(test, "_testMethodName"):
            print(f"skip {test.id()}: {reason}", file=self.out, flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "FAIL", f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "pass")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.fail(test, "it passes, but is marked as failing")

    def fail(self, test, text):
        self.note(test, "FAIL", text)
        # The set-up of a class or module and an import are no tests, so stopTest never sees them.
        if not hasattr(test, "_testMethodName"):
            print(f"FAIL {test.id()}", file=self.out, flush=True)
            self.show(test.id())


def run_one(test, out):
    """Its outcomes: its own, and that of a module that cannot be set up."""
    result = Result(out)
    unittest.TestSuite([test]).run(result)
    return list(result.outcomes.values())


TESTS = []  # for processes that are forked when all are known


def run_aside(place):
    """The same, with what the test says."""
    said = io.StringIO()
    return run_one(TESTS[place], said), said.getvalue()


def run_at_once(number):
    """A process that dies ends all of it, and then there are no counts."""
    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(number, mp_context=fork) as pool:
        for outcomes, said in pool.map(run_aside, range(len(TESTS))):
            print(said, end="", flush=True)
            yield outcomes


def main(directory, counts_file, pattern="test_*.py"):
    TESTS.extend(tests_of(unittest.defaultTestLoader.discover(os.path.abspath(directory), pattern)))
    at_once = int(os.environ.get("HERALD_AT_ONCE", "1"))
    ran = run_at_once(at_once) if at_once > 1 else (run_one(test, sys.stdout) for test in TESTS)
    outcomes = [outcome for of_one in ran for outcome in of_one]
    if not outcomes:
        print("FAIL: the suite has no tests")
        outcomes = ["FAIL"]
    with open(counts_file, "w", encoding="ascii") as out:
        print(*(outcomes.count(kind) for kind in ("pass", "FAIL", "skip")), file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
