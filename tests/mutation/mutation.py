"""Seed one bug at a time into a copy of the source and see that a named test catches it.

    mutation.py TREE COUNTS [NAME...]   the 12 quickest, or those named; COUNTS: "passed failed skipped"
    mutation.py --table                 the table of docs/TESTING.md

MUTANTS=all in the environment takes all of them. TREE is where the copy and its build are kept, so
that a second run builds what has changed only.

Each tests/mutation/*.patch begins with lines "Key: value":

    Bug     what is wrong
    Target  the program that shows it, as the build names it
    Run     its arguments
    Says    what it then says: the test's or the invariant's name
    Quick   yes: at every push

A patch that no longer applies fails, and so does a test that fails without the bug. What is not
caught means that the suite is blind.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT_SECONDS = 180
# Debug builds are built twice as fast, and no mutant needs more.
CONFIGURE = ["cmake", "-S", "source", "-B", "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
             "-DHERALD_TESTS=ON", "-DHERALD_WERROR=OFF"]


class Mutant:
    """One patch with what its head says."""

    def __init__(self, path):
        self.path, self.name = path, path.stem
        head = dict(re.findall(r"^(\w+): (.*)$", path.read_text().split("\n--- ")[0], re.MULTILINE))
        self.bug, self.target, self.says = head["Bug"], head["Target"], head["Says"]
        self.arguments, self.quick = head["Run"].split(), head.get("Quick") == "yes"
        self.source = re.findall(r"^\+\+\+ b/(\S+)", path.read_text(), re.MULTILINE)


def mutants():
    """All of them, by name."""
    return [Mutant(path) for path in sorted(HERE.glob("*.patch"))]


def copy_source(tree):
    """Bring the copy up to date; what has not changed keeps its time, and is not built again."""
    source = tree / "source"
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    wanted = {name for name in names if name and (ROOT / name).is_file()}
    for old in [path for path in source.rglob("*") if path.is_file()]:
        if str(old.relative_to(source)) not in wanted:
            old.unlink()
    for name in wanted:
        to = source / name
        if not to.is_file() or to.read_bytes() != (ROOT / name).read_bytes():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to)


def run(command, tree):
    """Exit code and output; a hang counts as a failure that says so. What a broken program leaves
    running is ended with it: it has a process group of its own."""
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(command, cwd=tree, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT, start_new_session=True) as child:
            try:
                code, end = child.wait(LIMIT_SECONDS), ""
            except subprocess.TimeoutExpired:
                code, end = 1, f"still running after {LIMIT_SECONDS} s"
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        output.seek(0)
        return code, output.read().decode(errors="replace") + end


def build(tree, targets):
    """Why it cannot be built, or nothing."""
    jobs = os.environ.get("HERALD_JOBS", "2")
    code, text = run(["cmake", "--build", "build", "-j", jobs, "--target", *targets], tree)
    return "" if code == 0 else "it does not build:\n" + text[-2000:]


def program(tree, target):
    """Where the build put it."""
    return next(path for path in (tree / "build").rglob(target)
                if path.is_file() and os.access(path, os.X_OK))


def healthy(tree, mutant, seen):
    """Why the test says nothing: it fails without the bug. Each is run once."""
    key = (mutant.target, *mutant.arguments)
    if key not in seen:
        code, text = run([program(tree, mutant.target), *mutant.arguments], tree)
        seen[key] = "" if code == 0 else "its test fails without the bug:\n" + text[-2000:]
    return seen[key]


def caught(tree, mutant, seen):
    """Why it was not caught, or nothing."""
    wrong = healthy(tree, mutant, seen)
    if wrong:
        return wrong
    source = tree / "source"
    kept = {name: (source / name).read_bytes() for name in mutant.source}
    try:
        code, text = run(["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "-d", str(source),
                          "-i", str(mutant.path)], tree)
        if code != 0:
            return "the patch does not apply:\n" + text
        wrong = build(tree, [mutant.target])
        if wrong:
            return wrong
        code, text = run([program(tree, mutant.target), *mutant.arguments], tree)
        if code == 0:
            return "nothing failed: the suite is blind to it"
        if not re.search(mutant.says, text):
            return f"it failed, but without saying {mutant.says!r}:\n" + text[-2000:]
        return ""
    finally:
        for name, was in kept.items():
            (source / name).write_bytes(was)


def chosen(names):
    """Which ones are asked for."""
    everyone = mutants()
    if names:
        unknown = set(names) - {mutant.name for mutant in everyone}
        if unknown:
            sys.exit(f"no such mutant: {', '.join(sorted(unknown))}")
        return [mutant for mutant in everyone if mutant.name in names]
    if os.environ.get("MUTANTS") == "all":
        return everyone
    return [mutant for mutant in everyone if mutant.quick]


def table():
    """The rows of docs/TESTING.md."""
    print("| mutant | bug | caught by | push |")
    print("| --- | --- | --- | --- |")
    for mutant in mutants():
        says = mutant.says.replace("\\", "").replace("|", " or ")
        print(f"| {mutant.name} | {mutant.bug} | `{mutant.target}`: {says} |"
              f" {'yes' if mutant.quick else ''} |")


def main(arguments):
    """Run them; the exit code says whether all were caught."""
    if arguments == ["--table"]:
        table()
        return 0
    tree, counts = pathlib.Path(arguments[0]).resolve(), pathlib.Path(arguments[1])
    wanted = chosen(arguments[2:])
    tree.mkdir(parents=True, exist_ok=True)
    copy_source(tree)
    code, text = run(CONFIGURE, tree)
    if code != 0:
        sys.exit("the copy cannot be configured:\n" + text[-2000:])
    wrong = build(tree, sorted({mutant.target for mutant in wanted}))
    if wrong:
        sys.exit(wrong)
    seen, failed = {}, 0
    for mutant in wanted:
        began = time.monotonic()
        wrong = caught(tree, mutant, seen)
        failed += bool(wrong)
        took = f"({time.monotonic() - began:.0f} s)"
        print(f"FAIL mutant {mutant.name}: {wrong}" if wrong else f"caught {mutant.name} {took}",
              flush=True)
    counts.write_text(f"{len(wanted) - failed} {failed} 0\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
