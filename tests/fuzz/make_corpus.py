"""Write the corpora that follow from the golden files: wire_message, notification, record_codec.

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


def main():
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
