"""Write the corpora that follow from the golden files: wire_message, notification, record_codec,
producer_front and compensator_front.

    make_corpus.py        into corpus/ beside this file

The other corpora are written by hand.
"""

import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent / "golden"


def blocks(name):
    text = (GOLDEN / name).read_text(encoding="utf-8")
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        if re.fullmatch("[0-9a-f]+", lines[-1]):
            yield lines[0], bytes.fromhex(lines[-1])


def write(corpus, title, data):
    name = re.sub("[^a-z0-9]+", "-", title.lower()).strip("-")
    directory = HERE / "corpus" / corpus
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(data)


def front(frame, peer=0):
    return bytes([peer]) + len(frame).to_bytes(2, "little") + frame


def later(tenths):
    return bytes([3]) + tenths.to_bytes(2, "little")


def answer(number, outcome):
    """As fuzz_world.h has it: the values of enum outcome begin at 1."""
    return bytes([5]) + number.to_bytes(2, "little") + bytes([outcome - 1])


RESTART, STEP = bytes([4]), bytes([6])
DONE, RETRY, REJECT, FENCED, UNDONE = 1, 3, 4, 7, 9


def write_front(golden):
    """Stories for the cores (fuzz_world.h), told in golden frames."""
    said = {name: front(frame) for name, frame in golden.items()}
    join, submit, ask = said["HELLO consumer"], said["SUBMIT"], said["QUERY"]
    ended = submit + join + answer(0, DONE) + answer(1, REJECT) + ask
    tried = join + submit + answer(0, RETRY) + later(60) + said["PING"] + ask
    talk = submit + said["WATCH"] + said["CANCEL"] + ask + said["GROUP"] + said["LEAVE"]
    silent = join + submit + STEP + RESTART + ask + later(600) + ask
    for name, story in (("ended", ended), ("tried", tried), ("talk", talk), ("silent", silent)):
        write("producer_front", name, story)
    write("producer_front", "outcome", bytes([2]) + said["OUTCOME"][1:])
    cases, case = said["CASES"], said["CASE"]
    # The golden case is number 312, and the list begins behind case 300; these are early ones.
    early = cases.replace(b"\xcd\x01\x2c", b"\xcd\x00\x00")
    orders = b"".join(case.replace(b"\xcd\x01\x38", bytes([0xcd, 0, n])) for n in range(1, 25))
    decided = join + answer(0, REJECT) + answer(1, REJECT) + early + orders + RESTART + early
    undone = join + answer(0, REJECT) + answer(1, UNDONE) + later(20) + said["PING"] + cases
    fenced = join + answer(1, FENCED) + answer(2, RETRY) + later(20) + answer(3, DONE) + cases
    lost = join + RESTART + cases + case + later(6000) + cases + said["LEAVE"] + said["RESULT"]
    stories = {"decided": decided, "undone": undone, "fenced": fenced, "lost": lost}
    for name, story in stories.items():
        write("compensator_front", name, story)


# Notifications whose last three fields have other encodings than the golden ones.
ENDS = {"zero-in-two": b"\x00\xc0\xcc\x00", "zero-in-nine": b"\x00\xc0\xcf" + bytes(8),
        "no-policy": b"\x00\xa0\x00", "newer": b"\x05\xa21s\xcd\x01\x00\xc3"}


def main():
    for name, end in ENDS.items():
        head = b"\x97" if name == "newer" else b"\x96"
        write("notification", name, head + b"\xa1a\xa1b\xc4\x00" + end)
    write_front(dict(blocks("wire.txt")))
    for title, frame in blocks("wire.txt"):
        write("wire_message", title, frame)
        if title == "SUBMIT":
            # [1, 6, request, [notification, ...]], each an array of six that begins with a text.
            starts = [at.start() for at in re.finditer(rb"\x96[\xa1-\xbf]", frame)]
            for number, (start, end) in enumerate(zip(starts, starts[1:] + [len(frame)]), 1):
                write("notification", f"{title} {number}", frame[start:end])
    for title, body in blocks("records.txt"):
        name, kind = re.fullmatch(r"(.*), kind (\d+)", title).groups()
        write("record_codec", name, bytes([int(kind)]) + body)


if __name__ == "__main__":
    main()
