"""What is asked about a file, and the lines that bring a class of a script home."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from packflow_runtime.known_globals import Verdict
from packflow_runtime.pickle_containers import list_pickles
from packflow_runtime.pickle_findings import hint_for, project_globals, questions_about
from packflow_runtime.pickle_listing import PickleGlobal, PickleListing
from runtime.hostile_pickles import call, raw, stack_global

SCRIPT = """
import pickle
class Scorer:
    def __init__(self): self.weight = 0.5
def clip(value): return value
open("model.pkl", "wb").write(pickle.dumps({"scorer": Scorer(), "clip": clip}))
"""


class Questions(unittest.TestCase):
    def test_dangerous_ones_come_first_and_trusted_ones_never(self) -> None:
        names = ("a.b", "builtins.set", "os.system", "z.z")
        listing = PickleListing("m/model.pkl", "raw", tuple(PickleGlobal(name) for name in names))
        self.assertEqual([item.found.name for item in questions_about(listing)], ["os.system", "a.b", "z.z"])
        self.assertEqual([item.found.name for item in questions_about(listing, {"a.b", "os.system"})], ["z.z"])
        first = questions_about(listing)[0]
        self.assertEqual((first.judgement.verdict, first.advice), (Verdict.DANGEROUS, ()))
        self.assertEqual(
            first.hint, "If you know why it is in model.pkl and trust who made the file, pass --trust-pickle os.system."
        )

    def test_a_hint_without_a_file(self) -> None:
        self.assertEqual(
            hint_for("a.b"), "If you know why it is there and trust who made the file, pass --trust-pickle a.b."
        )


class Scripts(unittest.TestCase):
    def test_the_lines_that_resave_do(self) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            self.run_in(folder, SCRIPT)
            questions = questions_about(list_pickles(folder / "model.pkl"))
            self.assertEqual([item.found.name for item in questions], ["__main__.Scorer", "__main__.clip"])
            self.assertIn("Move the class Scorer from the script", questions[0].advice[0])
            self.assertIn("Move the function clip", questions[1].advice[0])
            (folder / "inference.py").write_text(SCRIPT.rpartition("open(")[0], encoding="utf-8")
            head = "import sys; sys.path.insert(0, '')\nimport __main__\nfrom inference import *\n"
            lines = [line.strip() for line in questions[0].advice if line.startswith("    ")]
            self.run_in(folder, head + "__main__.clip = clip\n" + "\n".join(lines))
            names = list_pickles(folder / "model.pkl").names
            self.assertEqual(names, ("inference.Scorer", "inference.clip"))
            self.assertEqual(questions_about(list_pickles(folder / "model.pkl"), project_globals(temporary)), ())

    def test_each_kind_is_saved_by_its_own_library(self) -> None:
        for kind, words in {
            "joblib": "joblib.dump",
            "torch": "torch.save",
            "npy": "numpy.save",
            "raw": "pickle.dumps",
        }.items():
            listing = PickleListing("model.bin", kind, (PickleGlobal("__main__.Scorer", ("NEWOBJ",)),))
            advice = questions_about(listing, module="model_parts")[0].advice
            self.assertIn(words, "\n".join(advice))
            self.assertIn("from model_parts import Scorer", "\n".join(advice))
            compile("\n".join(line.strip() for line in advice if line.startswith("    ")), "advice", "exec")

    def test_a_class_within_a_class_moves_with_it(self) -> None:
        listing = PickleListing("model.pkl", "raw", (PickleGlobal("__main__:Outer.Inner"),))
        self.assertIn("Move the class Outer ", questions_about(listing)[0].advice[0])

    def run_in(self, folder: Path, program: str) -> None:
        subprocess.run([sys.executable, "-S", "-c", program], cwd=folder, check=True, timeout=60)


class ProjectNames(unittest.TestCase):
    def test_definitions_count_and_imports_do_not(self) -> None:
        files = {
            "inference.py": "from os import system\nimport os\nclass A:\n    class B: pass\n    def m(self): pass\n"
            "def f(): pass\nif f:\n    class C: pass\ntry:\n    import x\nexcept ImportError:\n    def g(): pass\n",
            "parts/__init__.py": "class Part: pass\n",
            "parts/more.py": "class More: pass\n",
            "broken.py": "class (",
            "no-module.py": "class Hidden: pass\n",
            ".venv/lib/thing.py": "class Thing: pass\n",
            "env/pyvenv.cfg": "",
            "env/lib/thing.py": "class Thing: pass\n",
            "notes.txt": "class Text: pass\n",
        }
        with tempfile.TemporaryDirectory() as temporary:
            for name, content in files.items():
                path = Path(temporary, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
            found = project_globals(temporary)
        expected = {
            "inference.A",
            "inference:A.B",
            "inference:A.m",
            "inference.f",
            "inference.C",
            "inference.g",
            "parts.Part",
            "parts.more.More",
        }
        self.assertEqual(found, expected)

    def test_what_a_module_imports_stays_a_question(self) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            Path(temporary, "inference.py").write_text("from os import system\nimport os\n", encoding="utf-8")
            path = Path(temporary, "model.pkl")
            for name in ("system", "os.system"):
                path.write_bytes(raw(call(stack_global("inference", name))))
                self.assertEqual(len(questions_about(list_pickles(path), project_globals(temporary))), 1)
            path.write_bytes(pickle.dumps({"plain": 1}))
            self.assertEqual(questions_about(list_pickles(path)), ())


if __name__ == "__main__":
    unittest.main()
