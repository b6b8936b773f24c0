#!/usr/bin/env python3
"""Run the commands of a document in its order, and compare what they print with what it says.

    run_commands.py DOCUMENT DIRECTORY

A command is a line of an indented or fenced block that begins with "$ ", or with ./, heraldctl or
herald-. Lines after "$ command" are its output, up to the next command or the block's end; a line
"..." stands for any number of lines, "..." in a line for anything. Times, numbers and hexadecimal
identities may differ. "# exit code N" at a command's end says that it ends so. Without "$ " only the
exit code is looked at.
"""
import re
import subprocess
import sys

COMMAND = re.compile(r"\$ |\./|heraldctl |herald-[a-z-]+ ")
# What cannot run in a test, and why.
LEFT_OUT = ((r"\./deploy/run\.sh", "builds, and serves until it is stopped"),
            (r"\./tests/run\.sh", "runs this very test"),
            (r".* tcp://127\.0\.0\.1:7101 ", "needs the containers: tests/compose runs it"),
            (r".*&$", "a service that the sandbox has started"),
            (r".*# not in a test: ", "says itself why not"))
VARIABLE = ((r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"), (r"\b[0-9a-f]{32}\b", "IDENTITY"),
            (r"\bup for \S+", "up for TIME"), (r"\b\d+(\.\d+)?\b", "N"), (r"\s+", " "))


def blocks(text):
    """The lines of each indented or fenced block."""
    block, fenced = [], False
    for line in [*text.splitlines(), "end"]:
        if line.startswith("```"):
            fenced, line = not fenced, ""
        inside = fenced or line.startswith("    ") or (block and not line.strip() and not fenced)
        if inside and line:
            block.append(line.strip())  # lists indent their blocks further
        elif not line.startswith("    ") and block and (line or fenced is False):
            yield block
            block = []


def commands(block):
    """(command, expected output or None) of each."""
    found = []
    for line in block:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif COMMAND.match(line):
            found.append((line, None))
        elif found and found[-1][1] is not None:
            found[-1][1].append(line)
    return found


def plain(line):
    for pattern, word in VARIABLE:
        line = re.sub(pattern, word, line)
    return line.strip()


def pattern(expected):
    """A regular expression over all of the output."""
    whole = ""
    for line in expected:
        if line.strip() == "...":
            whole += r"(?:.*\n)*?"
        else:
            whole += ".*".join(re.escape(plain(part)) for part in line.split("...")) + r"\s*\n"
    return re.compile(whole)


def run(command, expected, directory):
    wanted = re.search(r"# exit code (\d+)", command)
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=directory, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120)
    said = "".join(plain(line) + "\n" for line in done.stdout.splitlines())
    if done.returncode != (int(wanted[1]) if wanted else 0):
        return f"ended with {done.returncode}:\n{done.stdout}"
    if expected is not None and not pattern(expected).fullmatch(said):
        return f"says not what the document says, but\n{done.stdout}"
    return None


def main(document, directory):
    failed = ran = 0
    with open(document, encoding="utf-8") as file:
        text = file.read()
    for block in blocks(text):
        for command, expected in commands(block):
            why = next((why for left, why in LEFT_OUT if re.match(left, command)), None)
            if why:
                print(f"left {command}  ({why})")
                continue
            ran += 1
            wrong = run(command, expected, directory)
            print(f"{'FAIL' if wrong else 'ran '} {command}{' ' + wrong if wrong else ''}")
            failed += wrong is not None
    print(f"{ran} commands ran, {failed} failed")
    return failed > 0 or ran == 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
