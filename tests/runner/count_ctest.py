"""Turn ctest's JUnit report into counts, and print what failed.

    count_ctest.py JUNIT COUNTS [--criterion]

COUNTS gets one line, "passed failed skipped". With --criterion every Criterion test counts, by the
synthesis that its program prints; a program without one, or one that fails although its tests have
passed, is a failure of its own. A report without tests fails: nothing run is nothing shown.
"""

import re
import sys
import xml.etree.ElementTree

SYNTHESIS = re.compile(
    r"\[====\] Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)")
SKIPPED = re.compile(r"^\[SKIP\] (.*)$", re.MULTILINE)
NAMED = re.compile(r"^\[FAIL\] (\S+?::\w+)", re.MULTILINE)
PROGRESS = re.compile(r"^\[(RUN |PASS)\]|^\[----\] *$")
# What ctest says of a test that skipped itself; all else that was not run is a failure.
SKIP_WORDS = ("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION", "Disabled")
TAIL_LINES = 40


def criterion_counts(passed_ctest, text):
    """Counts of one Criterion program, and why the program itself fails, if it does."""
    found = SYNTHESIS.findall(text)
    if len(found) != 1:
        return 0, 1, 0, f"{len(found)} syntheses in its output, expected one"
    tested, passing, failing, crashing = map(int, found[0])
    # Criterion counts a crashed test among the failing ones.
    failed = max(failing, crashing)
    skipped = len(SKIPPED.findall(text))
    if passing + failed != tested:
        return passing, failed + 1, skipped, f"its synthesis does not add up: {found[0]}"
    if tested + skipped == 0:
        return 0, 1, 0, "it has no tests"
    if not passed_ctest and failed == 0:
        return passing, 1, skipped, "its tests pass, but not the program"
    return passing, failed, skipped, "failed tests" if failed else ""


def plain_counts(status, message):
    if status == "run":
        return 1, 0, 0, ""
    if status in ("notrun", "disabled") and any(word in message for word in SKIP_WORDS):
        return 0, 0, 1, ""
    return 0, 1, 0, message or status


def message_of(case):
    for kind in ("failure", "skipped", "error"):
        found = case.find(kind)
        if found is not None:
            return found.get("message") or found.text or kind
    return ""


def show_failure(name, why, text):
    print(f"FAIL {name}: {why}")
    for test in dict.fromkeys(NAMED.findall(text)):
        print(f"  {test}")
    lines = [line for line in text.splitlines() if not PROGRESS.match(line)]
    for line in lines[-TAIL_LINES:]:
        print(f"    {line}")


def count_case(case, criterion):
    name, status, message = case.get("name"), case.get("status", "?"), message_of(case)
    text = case.findtext("system-out") or ""
    counts = plain_counts(status, message)
    if criterion and not counts[2]:
        counts = criterion_counts(status == "run", text)
    if counts[1]:
        why = counts[3] if not message or message in counts[3] else f"{counts[3]} ({message})"
        show_failure(name, why, text)
    if counts[2] and counts[:2] == (0, 0):
        print(f"skip {name}: {message}")
    for test in SKIPPED.findall(text) if criterion else ():
        print(f"skip {test}")
    return counts[:3]


def main(junit, counts_file, *options):
    cases = xml.etree.ElementTree.parse(junit).getroot().findall(".//testcase")
    counts = [count_case(case, "--criterion" in options) for case in cases]
    total = [sum(column) for column in zip(*counts)] or [0, 1, 0]
    if not counts:
        print("FAIL: the suite has no tests")
    with open(counts_file, "w", encoding="ascii") as out:
        print(*total, file=out)


if __name__ == "__main__":
    main(*sys.argv[1:])
