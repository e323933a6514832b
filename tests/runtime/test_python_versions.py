"""Which Pythons satisfy ``python_requires``."""

from __future__ import annotations

import unittest

from packflow_runtime.python_versions import satisfies

# Requirement, versions that meet it, versions that do not.
CASES = (
    ("", [(2, 7, 18), (3, 10, 0)], []),
    (" , ", [(3, 10, 0)], []),
    (">=3.10", [(3, 10, 0), (3, 10, 13), (3, 11, 0), (4, 0, 0)], [(3, 9, 18), (2, 7, 18)]),
    (">=3.10.5", [(3, 10, 5), (3, 11, 0)], [(3, 10, 4)]),
    (">=3", [(3, 0, 0), (3, 10, 1)], [(2, 7, 18)]),
    (">3.10", [(3, 10, 1), (3, 11, 0)], [(3, 10, 0), (3, 9, 1)]),
    ("<3.13", [(3, 12, 9), (3, 9, 0)], [(3, 13, 0), (3, 13, 1)]),
    ("<=3.12", [(3, 12, 0), (3, 11, 9)], [(3, 12, 1)]),
    ("==3.11.7", [(3, 11, 7)], [(3, 11, 8), (3, 11, 70)]),
    ("==3.11", [(3, 11, 0)], [(3, 11, 7)]),
    ("==3.11.*", [(3, 11, 0), (3, 11, 7)], [(3, 12, 0), (3, 1, 1)]),
    ("==3.*", [(3, 1, 1), (3, 99, 0)], [(4, 0, 0)]),
    ("!=3.11.*", [(3, 12, 0)], [(3, 11, 7)]),
    ("!=3.11.7", [(3, 11, 8)], [(3, 11, 7)]),
    ("~=3.10", [(3, 10, 0), (3, 14, 0)], [(3, 9, 0), (4, 0, 0)]),
    ("~=3.10.2", [(3, 10, 2), (3, 10, 13)], [(3, 10, 1), (3, 11, 0)]),
    (">=3.10,<3.13,!=3.11.*", [(3, 10, 0), (3, 12, 9)], [(3, 9, 9), (3, 11, 5), (3, 13, 0)]),
    (" >= 3.10 , < 4 ,", [(3, 10, 0)], [(3, 9, 0), (4, 0, 0)]),
)


class Satisfying(unittest.TestCase):
    def test_clauses(self) -> None:
        for requirement, yes, no in CASES:
            for version in yes:
                self.assertIs(satisfies(version, requirement), True, (version, requirement))
            for version in no:
                self.assertIs(satisfies(version, requirement), False, (version, requirement))

    def test_versions_of_any_length(self) -> None:
        for requirement in (">=3.10.0", "==3.10.0", "~=3.10.0", "==3.10.0.*", "<=3.10.0"):
            self.assertIs(satisfies((3, 10), requirement), True, requirement)
        self.assertIs(satisfies((3,), ">=3.0"), True)
        self.assertIs(satisfies((3,), ">=3.1"), False)

    def test_what_is_no_clause(self) -> None:
        for clause in ("3.10", "=3.10", "===3.10", ">=3.x", ">= ", "~=3.10.*", ">=3.*", "<3.*", ">=3.10rc1", "^3.10"):
            with self.subTest(clause), self.assertRaises(ValueError) as caught:
                satisfies((3, 10, 0), clause)
            self.assertEqual(str(caught.exception), f"{clause.strip()!r} is not a version clause such as >=3.10")
        with self.assertRaises(ValueError) as caught:
            satisfies((3, 10, 0), "~=3")
        self.assertEqual(str(caught.exception), "'~=3' needs a second number, such as ~=3.10")

    def test_every_clause_is_read_also_when_one_already_says_no(self) -> None:
        with self.assertRaises(ValueError):
            satisfies((3, 9, 0), ">=3.10,rubbish")


if __name__ == "__main__":
    unittest.main()
