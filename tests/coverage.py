"""Read gcovr's JSON and say how much of Herald the tests reach.

    coverage.py REPORT [--missing PREFIX | --lines N]

Branches count in what decides (journal, wire, delivery, the cores); lines everywhere else. Two rules,
for all files alike, say which branches do not count:

- those of a CHECK and of mem_*: our own bugs and an empty memory, which end the process;
- those marked `UNREACHED: why` in a comment of their line or the line before: at most 2 %.

The aim is 100 % of the branches of what decides, and 90 % of the lines elsewhere. What is reached and
must not be lost is in HELD; exit code 1 when it is. --missing lists the lines of a part that have
branches left. --lines N looks at what decides only, and wants N percent of its lines: for an optimised
build, which has other branches than the source.
"""

import collections
import json
import re
import sys

DECIDING = ("shared/journal", "shared/wire", "shared/delivery", "services/producer",
            "services/retry-scheduler", "services/compensator")
# Shells and mains of the services: no core.
SHELL = re.compile(r"services/[^/]+/(main|\w+_settings|\w+_shell)\.c$")
HELD = {  # part -> percent of branches
    "shared/delivery": 100.0, "shared/wire": 100.0, "shared/journal": 100.0, "services/producer": 100.0,
    "services/retry-scheduler": 100.0, "services/compensator": 100.0}
LINES_AT_LEAST = 90.0  # everywhere else; herald-bench is run by the documentation's commands
MARKED_AT_MOST = 2.0


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split("\n")


def check_lines(lines):
    """Numbers of the lines that belong to a CHECK(...), which may go over several."""
    found, depth = set(), 0
    for number, line in enumerate(lines, 1):
        start = re.search(r"\bCHECK\(", line)
        if depth == 0 and not start:
            continue
        text = line if depth else line[start.start():]
        depth = max(0, depth + text.count("(") - text.count(")"))
        found.add(number)
    return found


class Part:
    def __init__(self):
        self.lines = self.lines_hit = 0
        self.branches = self.branches_hit = self.marked = 0
        self.missing = []


def add_file(part, file):
    path = file["file"]
    lines = lines_of(path)
    checks = check_lines(lines)
    for line in file["lines"]:
        number = line["line_number"]
        if line.get("gcovr/noncode"):
            continue
        part.lines += 1
        part.lines_hit += line["count"] > 0
        if number in checks:
            continue
        left = [branch for branch in line["branches"] if branch["count"] == 0]
        near = lines[max(0, number - 2):number]
        if left and any("UNREACHED:" in text for text in near):
            part.marked += len(left)
            continue
        part.branches += len(line["branches"])
        part.branches_hit += len(line["branches"]) - len(left)
        if left:
            part.missing.append((path, number, len(left), lines[number - 1].strip()))


def parts_of(report):
    parts = collections.defaultdict(Part)
    for file in report["files"]:
        path = file["file"]
        name = "/".join(path.split("/")[:2])
        if name.startswith("services/") and SHELL.search(path):
            name += " (shell)"
        add_file(parts[name], file)
    return parts


def percent(hit, total):
    return 100.0 if total == 0 else 100.0 * hit / total


def main(report, *options):
    with open(report, encoding="utf-8") as file:
        parts = parts_of(json.load(file))
    if options[:1] == ("--missing",):
        for name, part in sorted(parts.items()):
            for path, number, left, text in part.missing if name.startswith(options[1]) else ():
                print(f"{path}:{number}: {left} {text}")
        return 0
    if options[:1] == ("--lines",):
        parts = {name: part for name, part in parts.items() if name in DECIDING}
        print("lines that the unit tests reach: " + ", ".join(
            f"{name} {percent(part.lines_hit, part.lines):.1f} %" for name, part in sorted(parts.items())))
        return 0 if len(parts) == len(DECIDING) and all(
            percent(part.lines_hit, part.lines) >= float(options[1]) for part in parts.values()) else 1
    failed = 0
    marked = sum(part.marked for part in parts.values())
    deciding = sum(part.branches for name, part in parts.items() if name in DECIDING)
    for name, part in sorted(parts.items()):
        lines = percent(part.lines_hit, part.lines)
        branches = percent(part.branches_hit, part.branches)
        bound = HELD.get(name)
        bad = branches < bound if bound else lines < LINES_AT_LEAST
        failed += bad
        print(f"{'FAIL' if bad else 'ok':4} {name:34} lines {part.lines_hit:5}/{part.lines:<5} "
              f"{lines:5.1f} %  branches {part.branches_hit:5}/{part.branches:<5} {branches:5.1f} %"
              + (f"  (held: {bound})" if bound else ""))
    share = percent(marked, deciding + marked)
    print(f"branches marked as unreached: {marked}, {share:.2f} % of those that decide")
    return 1 if failed or share > MARKED_AT_MOST else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
