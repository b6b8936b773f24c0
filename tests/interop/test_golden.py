"""The golden bytes, docs/PROTOCOL.md and the headers say the same, read without Herald's code."""

import ast
import os
import re
import unittest

import interop

try:
    import msgpack
except ImportError:
    msgpack = None


def read(path):
    with open(os.path.join(interop.ROOT, path), encoding="utf-8") as file:
        return file.read()


def literal(text):
    """The notation of wire.txt as a Python value."""
    text = re.sub(r"h'([0-9a-f]*)'", r"bytes.fromhex('\1')", text)
    text = re.sub(r"\bnil\b", "None", text)
    text = re.sub(r"\btrue\b", "True", text)
    text = re.sub(r"\bfalse\b", "False", text)
    tree = ast.parse(text, mode="eval")
    return eval(compile(tree, "wire.txt", "eval"), {"__builtins__": {}, "bytes": bytes})


def golden():
    """(name, value, bytes) of every message in wire.txt."""
    for part in read("tests/golden/wire.txt").strip().split("\n\n"):
        name, value, encoded = part.split("\n")
        yield name, value, bytes.fromhex(encoded)


def block(text, title):
    """The lines of the enum that begins with `enum title {`."""
    return text[text.index(f"enum {title} {{"):].split("};")[0]


class GoldenTest(unittest.TestCase):
    @unittest.skipIf(msgpack is None, "this python has no msgpack")
    def test_another_msgpack_library_reads_every_message_as_it_is_written_down(self):
        for name, value, encoded in golden():
            with self.subTest(name):
                self.assertEqual(msgpack.unpackb(encoded), literal(value))


class DocumentTest(unittest.TestCase):
    def setUp(self):
        self.text = read("docs/PROTOCOL.md")

    def names(self, path, title, prefix):
        members = re.findall(rf"^\s*{prefix}([A-Z_]+) = (\d+)", block(read(path), title), re.M)
        return [(name, int(value)) for name, value in members if not name.endswith("COUNT")]

    def assert_rows(self, names):
        for name, value in names:
            self.assertRegex(self.text, rf"(?m)^\| {value} \| `?{name}`? \|")

    def test_the_examples_stay_short(self):
        for name in ("provider", "receiver"):
            self.assertLess(len(read(f"examples/{name}.py").splitlines()), 60)

    def test_every_message_type_has_a_row_with_its_number(self):
        self.assert_rows(self.names("shared/wire/wire_message.h", "wire_type", "WIRE_"))

    def test_every_status_has_a_row_with_its_number(self):
        names = self.names("shared/wire/wire_message.h", "wire_status", "WIRE_")
        self.assert_rows([("CASE" if name == "IS_CASE" else name, value) for name, value in names])

    def test_every_outcome_has_a_row_with_its_number(self):
        names = self.names("shared/wire/wire_deliver.h", "wire_outcome_code", "WIRE_OUTCOME_")
        self.assert_rows(names)

    def test_every_state_has_a_row_with_its_number(self):
        self.assert_rows(self.names("shared/wire/wire_query.h", "wire_state", "WIRE_STATE_"))

    def test_the_grammar_of_every_message_has_as_many_fields_as_the_bytes(self):
        counts = {}
        for _, value, _ in golden():
            message = literal(value)
            counts[message[1]] = len(message)
        seen = set()
        for rule in re.split(r"\n    (?=[a-z-]+ +=)", self.text):
            body = " ".join(line.split(";")[0] for line in rule.split("\n\n")[0].split("\n"))
            found = re.search(r'= "\[" version +(\d+) (.*)\*later "\]"', body)
            if found:
                kind, fields = int(found.group(1)), re.sub(r'"\[".*?"\]"', "list", found.group(2))
                with self.subTest(rule.split()[0]):
                    self.assertEqual(counts[kind], 2 + len(fields.split()))
                seen.add(kind)
        self.assertEqual(set(counts), seen)

    def test_the_rule_of_a_message_has_every_message(self):
        rules = set(re.findall(r'(?m)^    ([a-z-]+) += "\[" version +\d', self.text))
        message = re.search(r"(?m)^    message +=((?:.+\n)+)", self.text)[1]
        self.assertEqual(rules, set(re.findall(r"[a-z-]+", message)))
        types = self.names("shared/wire/wire_message.h", "wire_type", "WIRE_")
        self.assertEqual(len(types), len(rules))

    def test_who_sends_a_message_is_whose_role_may(self):
        """The tables of 6.1 and 13; of HELLO and PING there are two kinds."""
        words = ("provider", "consumer", "operator", "service")
        rows = re.findall(r"(?m)^\| ([A-Z][^|]*?) \|((?: (?:yes)? ?\|){4})$", self.text)
        may = {name: [word for word, cell in zip(words, cells.split("|")) if "yes" in cell]
               for names, cells in rows for name in re.findall(r"\b[A-Z]{4,}\b", names)}
        self.assertGreater(len(may), 10)
        senders = re.findall(r"(?m)^\| \d+ \| `([A-Z_]+)` \| ([^,|]+), to ", self.text)
        for name, sender in senders:
            if name in may and name not in ("HELLO", "PING"):
                with self.subTest(name):
                    self.assertEqual(" or ".join(may[name]), sender)

    def test_the_worked_example_has_the_golden_bytes(self):
        shown = "".join(re.findall(r"(?m)^    ((?:[0-9a-f]{2} ?)+)(?:  .*)?$", self.text))
        shown = shown.replace(" ", "")
        messages = {name: encoded.hex() for name, _, encoded in golden()}
        for name in ("SUBMIT", "SUBMITTED"):
            self.assertIn(messages[name], shown)


if __name__ == "__main__":
    unittest.main()
