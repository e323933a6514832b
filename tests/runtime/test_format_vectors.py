"""The format as docs/archive-format.md has it: two readers that share no code agree on every archive."""

from __future__ import annotations

import json
import random
import re
import tempfile
import unittest
from pathlib import Path

from packflow_runtime import verification
from packflow_runtime.verification import verify
from runtime.archives import archive_of, runnable_files, tiny_files
from runtime.hostile_archives import hostile_archives
from runtime.second_reader import RefusedError, read

VECTORS = Path(__file__).resolve().parents[1] / "data" / "vectors"
SPECIFICATION = Path(__file__).resolve().parents[2] / "docs" / "archive-format.md"
INDEX = json.loads((VECTORS / "index.json").read_bytes())


def accepts(data: bytes) -> bool:
    """The second reader's verdict; an error of another kind is a fault of its own."""
    try:
        read(data)
    except RefusedError:
        return False
    return True


class Vectors(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "archive.zip")

    def test_the_index_has_every_vector(self) -> None:
        self.assertEqual(set(INDEX), {path.name for path in VECTORS.glob("*.zip")})
        verdicts = [told["verdict"] for told in INDEX.values()]
        self.assertGreaterEqual((verdicts.count("accept"), verdicts.count("refuse")), (12, 60))

    def test_both_readers_give_the_verdict_of_the_index(self) -> None:
        for name, told in INDEX.items():
            with self.subTest(name):
                found = verify(VECTORS / name)
                reason = found.faults[0].reason if found.faults else None
                self.assertEqual((found.passed, reason), (told["verdict"] == "accept", told.get("reason")))
                self.assertEqual(accepts((VECTORS / name).read_bytes()), found.passed)

    def test_both_refuse_the_whole_corpus(self) -> None:
        for good in (archive_of(tiny_files()), archive_of(runnable_files())):
            self.assertTrue(accepts(good))
        for hostile in hostile_archives(archive_of(tiny_files())):
            with self.subTest(kind=hostile.kind, what=hostile.what):
                self.assertFalse(accepts(hostile.data))

    def test_both_agree_on_what_chance_makes_of_good_archives(self) -> None:
        chance = random.Random(7)
        good = [(VECTORS / name).read_bytes() for name, told in sorted(INDEX.items()) if told["verdict"] == "accept"]
        for number in range(1500):
            data = bytearray(chance.choice(good))
            place = chance.randrange(len(data))
            change = chance.randrange(4)
            if change == 0:
                data[place] ^= 1 << chance.randrange(8)
            elif change == 1:
                del data[place : place + chance.choice((1, 2, 30, 46))]
            elif change == 2:
                data[place:place] = chance.randbytes(chance.choice((1, 4, 22)))
            else:
                other = chance.choice(good)
                data[place:] = other[place:]
            self.path.write_bytes(data)
            self.assertEqual(accepts(bytes(data)), verify(self.path).passed, number)


@unittest.skipUnless(SPECIFICATION.exists(), "needs docs/, which a checkout has")
class Specification(unittest.TestCase):
    def test_it_lists_exactly_the_reasons_that_there_are(self) -> None:
        text = SPECIFICATION.read_text(encoding="utf-8")
        table = text.partition("\n## 6. ")[2]
        listed: dict[str, set[str]] = {}
        for row in re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE):
            listed[row[0]] = set(re.findall(r"`([a-z0-9-]+)`", row[1]))
        self.assertEqual(list(listed), list(verification.MEANINGS))
        every = {reason for reasons in listed.values() for reason in reasons}
        sources = "".join(
            (Path(verification.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
            for name in ("archive", "canonical_zip", "zip_reader", "portable_names", "manifest", "jsonlines")
        )
        # In the code a reason may be a literal, a part of one (`manifest-` before a code), or a field's name.
        for reason in every:
            self.assertIn(reason.removeprefix("manifest-"), sources)
        given = {told["reason"] for told in INDEX.values() if told["verdict"] == "refuse"}
        self.assertLessEqual(given, every)
        raised = set(
            re.findall(
                r"reason=\"([a-z0-9-]+)\"|_contradiction\(\s*\"([a-z0-9-]+)\"|_invalid\(\"([a-z0-9-]+)\"", sources
            )
        )
        known = {"".join(groups) for groups in raised} - {"invalid", "manifest-invalid"}
        self.assertLessEqual(known, every)

    def test_each_reason_belongs_to_the_check_that_it_is_listed_under(self) -> None:
        table = SPECIFICATION.read_text(encoding="utf-8").partition("\n## 6. ")[2]
        rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
        for name, told in INDEX.items():
            if told["verdict"] == "refuse":
                fault = verify(VECTORS / name).faults[0]
                self.assertIn(f"`{told['reason']}`", rows[fault.check])


if __name__ == "__main__":
    unittest.main()
