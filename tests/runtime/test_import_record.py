"""What a project's files import, while it runs in a process of its own with small distributions of our making."""

from __future__ import annotations

import builtins
import importlib
import json
import subprocess
import sys
import tempfile
import textwrap
import unittest
import warnings
from pathlib import Path
from typing import Any

import packflow_runtime
from packflow_runtime.distributions import find_providers
from packflow_runtime.import_record import ImportRecord
from packflow_runtime.import_scan import scan_imports

SOURCES = str(Path(packflow_runtime.__file__).parents[1])
PROJECT = "name: model\n"
BACKEND = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{} for _ in inputs]
"""

# Loads the project in argv[2] as a worker does and calls it once; prints the record.
_PROGRAM = """\
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
sys.dont_write_bytecode = True
from packflow_runtime.import_record import ImportRecord
record = ImportRecord.start(sys.argv[2])
from packflow_runtime import load
backend = load(sys.argv[2])
backend([{"n": 1}])
record.stop()
print(json.dumps(record.as_json(**json.loads(sys.argv[3]))))
"""


class FakeInstalls(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.site = self.folder / "site-packages"
        self.site.mkdir()
        self.project = self.folder / "project"
        self.write("project/packflow.yaml", PROJECT)

    def write(self, name: str, text: str = "") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def install(
        self,
        name: str,
        files: dict[str, str] | None = None,
        *,
        version: str = "1.0",
        record: bool = True,
        site: str = "site-packages",
        **metadata: str,
    ) -> Path:
        """Put a distribution and its modules into a folder as an installer would."""
        files = files or {}
        for path, text in files.items():
            self.write(f"{site}/{path}", text)
        info = self.folder / site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: other\n")
        if record:
            rows = [f"{path},sha256=x,1" for path in files] + [f"{info.name}/METADATA,,", f"{info.name}/RECORD,,"]
            (info / "RECORD").write_text("\n".join(rows) + "\n")
        for file, text in metadata.items():
            (info / file.replace("_", ".", 1) if file == "direct_url_json" else info / file).write_text(text)
        return info

    def run_project(self, *, first: str = "", path: list[str] | None = None, **arguments: Any) -> dict[str, Any]:
        """The record of one run of the project in a fresh process; ``first`` and ``path`` go around its libraries."""
        search = [SOURCES, *([first] if first else []), str(self.site), *(path or [])]
        command = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", _PROGRAM]
        done = subprocess.run(
            [*command, json.dumps(search), str(self.project), json.dumps(arguments)], capture_output=True, text=True
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        record: dict[str, Any] = json.loads(done.stdout)
        return record

    def used(self, record: dict[str, Any]) -> dict[str, list[str]]:
        return {entry["module"]: entry["distributions"] for entry in record["used"]}

    def places(self, record: dict[str, Any], module: str) -> list[list[Any]]:
        [found] = [entry["places"] for entry in record["used"] if entry["module"] == module]
        return list(found)


class Watching(FakeInstalls):
    def test_every_way_of_importing_counts_with_its_place(self) -> None:
        for name in ("one", "two", "three", "four", "five", "six", "seven"):
            self.install(f"dist-{name}", {f"mod_{name}/__init__.py": "value = 1", f"mod_{name}/sub.py": "value = 2"})
        self.write(
            "project/inference.py",
            """\
            import json, mod_one as first
            from mod_two import value
            from mod_three.sub import *
            import importlib
            from importlib import import_module as bring
            from packflow_runtime import InferenceBackend
            bring("mod_four.sub")
            __import__("mod_five", fromlist=["value"])
            exec("import mod_six")

            class Backend(InferenceBackend):
                def execute(self, inputs):
                    import mod_seven.sub
                    return [{} for _ in inputs]
            """,
        )
        record = self.run_project()
        self.assertEqual(
            self.used(record),
            {
                "mod_one": ["dist-one"],
                "mod_two": ["dist-two"],
                "mod_three.sub": ["dist-three"],
                "mod_four.sub": ["dist-four"],
                "mod_five": ["dist-five"],
                "mod_six": ["dist-six"],
                "mod_seven.sub": ["dist-seven"],
            },
        )
        lines = {module: self.places(record, module)[0][1] for module in self.used(record)}
        self.assertEqual(lines["mod_one"], 1)
        self.assertEqual(lines["mod_two"], 2)
        self.assertEqual(lines["mod_four.sub"], 7)
        self.assertEqual(lines["mod_five"], 8)
        self.assertEqual(lines["mod_six"], 9)
        self.assertEqual(lines["mod_seven.sub"], 13)
        self.assertEqual(record["versions"]["dist-one"], "1.0")
        self.assertEqual(record["unseen"], [])

    def test_what_libraries_import_for_themselves_is_loaded_but_not_used(self) -> None:
        self.install("engine", {"engine.py": "def run(): import lazy_engine"})
        self.install("lazy-engine", {"lazy_engine.py": ""})
        self.install("frames", {"frames.py": "import engine\ndef read(): engine.run()"})
        self.install("bystander", {"bystander.py": ""})
        self.write("project/inference.py", "import frames\nframes.read()\n" + BACKEND)
        record = self.run_project()
        self.assertEqual(self.used(record), {"frames": ["frames"]})
        self.assertEqual(record["loaded"], ["engine", "frames", "lazy-engine"])

    def test_a_module_that_a_library_had_loaded_before_counts_for_the_project_too(self) -> None:
        self.install("base", {"base.py": ""})
        self.install("frames", {"frames.py": "import base"})
        self.write("project/inference.py", "import frames\nimport base\n" + BACKEND)
        self.assertEqual(self.used(self.run_project()), {"base": ["base"], "frames": ["frames"]})

    def test_the_projects_own_modules_and_the_standard_library_are_no_needs(self) -> None:
        self.install("used-by-sibling", {"lib.py": ""})
        self.install("shadowed", {"steps.py": ""})
        self.write("project/steps/__init__.py", "from . import deep\nfrom .deep import inner")
        self.write("project/steps/deep/__init__.py", "")
        self.write("project/steps/deep/inner.py", "import lib, csv, xml.dom\nimport steps.deep.inner\n")
        self.write("project/plain/part.py", "")
        self.write("project/inference.py", "import steps\nfrom plain import part\nimport plain.part\n" + BACKEND)
        record = self.run_project()
        self.assertEqual(self.used(record), {"lib": ["used-by-sibling"]})
        self.assertEqual(self.places(record, "lib"), [["steps/deep/inner.py", 1]])

    def test_an_environment_inside_the_project_is_not_the_project(self) -> None:
        self.install("lib", {"lib.py": "import deeper"}, site="project/env/lib/python3/site-packages")
        self.install("deeper", {"deeper.py": ""}, site="project/env/lib/python3/site-packages")
        self.write("project/env/pyvenv.cfg")
        self.write("project/env/lib/unseen.py", "import nothing_at_all")
        self.write("project/inference.py", "import lib\n" + BACKEND)
        inside = str(self.project / "env/lib/python3/site-packages")
        record = self.run_project(path=[inside])
        self.assertEqual((self.used(record), record["unseen"]), ({"lib": ["lib"]}, []))

    def test_compiled_code_that_a_project_file_calls_does_not_count_as_its_import(self) -> None:
        self.install("pickled", {"pickled_lib.py": "class Model: pass"})
        body = "import pickle\npickle.loads(b'cpickled_lib\\nModel\\n.')\n"
        self.write("project/inference.py", body + BACKEND)
        record = self.run_project()
        self.assertEqual((record["used"], record["loaded"]), ([], ["pickled"]))

    def test_an_import_that_fails_is_no_need(self) -> None:
        body = "try:\n    import not_there\nexcept ImportError:\n    not_there = None\n"
        self.write("project/inference.py", body + BACKEND)
        record = self.run_project()
        self.assertEqual(record["used"], [])
        [unseen] = record["unseen"]
        self.assertEqual((unseen["module"], unseen["line"], unseen["optional"]), ("not_there", 2, True))

    def test_a_stand_in_that_refuses_every_attribute_harms_nothing(self) -> None:
        stand_in = """\
            import sys
            class Proxy:
                def __getattr__(self, name):
                    raise RuntimeError(name)
            sys.modules[__name__] = Proxy()
            """
        self.install("proxied", {"proxied.py": textwrap.dedent(stand_in)})
        self.write("project/inference.py", "import proxied\n" + BACKEND)
        self.assertEqual(self.used(self.run_project()), {"proxied": ["proxied"]})


class Hooks(unittest.TestCase):
    def setUp(self) -> None:
        before = builtins.__import__, importlib.import_module
        self.addCleanup(lambda: self.assertEqual((builtins.__import__, importlib.import_module), before))

    def test_stopping_leaves_the_import_system_as_it_was(self) -> None:
        before = builtins.__import__, importlib.import_module
        record = ImportRecord.start("anywhere")
        self.assertNotEqual((builtins.__import__, importlib.import_module), before)
        record.stop()
        record.stop()
        self.assertEqual((builtins.__import__, importlib.import_module), before)

    def test_a_hook_that_was_put_over_ours_stays_and_works(self) -> None:
        original, asked = builtins.__import__, []
        record = ImportRecord.start("anywhere")
        below = builtins.__import__

        def theirs(name: str, *arguments: Any, **named: Any) -> Any:
            asked.append(name)
            return below(name, *arguments, **named)

        builtins.__import__ = theirs
        try:
            record.stop()
            self.assertIs(builtins.__import__, theirs)
            import colorsys

            self.assertIn("colorsys", asked)
            self.assertTrue(colorsys.rgb_to_hsv)
        finally:
            builtins.__import__ = original

    def test_errors_and_results_are_those_of_python(self) -> None:
        record = ImportRecord.start("anywhere")
        try:
            with self.assertRaises(ModuleNotFoundError) as caught:
                import not_there_at_all  # noqa: F401
            self.assertEqual(caught.exception.name, "not_there_at_all")
            self.assertIs(__import__("os.path"), sys.modules["os"])
            self.assertIs(importlib.import_module(".path", "os"), sys.modules["os.path"])
            with self.assertRaises(TypeError):
                importlib.import_module(".relative")
        finally:
            record.stop()

    def test_a_warning_about_an_imported_module_names_the_line_that_imports_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "warns_on_import.py").write_text("import warnings\nwarnings.warn('old', stacklevel=2)\n")
            sys.path.insert(0, folder)
            record = ImportRecord.start("anywhere")
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    import warns_on_import  # noqa: F401
            finally:
                record.stop()
                sys.path.remove(folder)
                sys.modules.pop("warns_on_import", None)
        self.assertEqual([Path(warning.filename).name for warning in caught], [Path(__file__).name])


class Owners(FakeInstalls):
    def test_parts_of_a_namespace_belong_to_who_installed_them(self) -> None:
        self.install("google-storage", {"google/cloud/storage/__init__.py": "", "google/cloud/storage/blob.py": ""})
        self.install("google-query", {"google/cloud/query.py": ""})
        self.install("google-core", {"google/core/__init__.py": ""})
        body = "from google.cloud import storage\nimport google.cloud.query\nfrom google import core\n"
        self.write("project/inference.py", body + BACKEND)
        expected = {
            "google.cloud.storage": ["google-storage"],
            "google.cloud.query": ["google-query"],
            "google.core": ["google-core"],
        }
        self.assertEqual(self.used(self.run_project()), expected)

    def test_a_module_that_several_distributions_claim_names_them_all(self) -> None:
        self.install("vision", {"cv.py": ""}, version="4.1")
        self.install("vision-headless", {"cv.py": ""}, version="4.2")
        self.write("project/inference.py", "import cv\n" + BACKEND)
        record = self.run_project()
        self.assertEqual(self.used(record), {"cv": ["vision", "vision-headless"]})
        self.assertEqual(record["versions"], {"vision": "4.1", "vision-headless": "4.2"})

    def test_a_module_of_no_distribution_is_reported_even_when_a_distribution_has_its_name(self) -> None:
        self.install("numbers-lib", {"numbers_lib.py": ""})
        self.write("stray/numbers_lib.py")
        self.write("stray/nobodys.py")
        self.write("project/inference.py", "import numbers_lib, nobodys\n" + BACKEND)
        record = self.run_project(first=str(self.folder / "stray"))
        self.assertEqual(self.used(record), {"nobodys": [], "numbers_lib": []})
        self.assertEqual((record["loaded"], record["unseen"]), ([], []))

    def test_an_editable_install_owns_its_source_tree_but_not_an_environment_inside_it(self) -> None:
        source = self.folder / "checkout"
        self.write("checkout/src/edited/__init__.py")
        self.install("other", {"other.py": ""}, site="checkout/.venv/lib/site-packages")
        info = self.install("edited-lib")
        url = {"url": source.as_uri(), "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(url))
        self.write("project/inference.py", "import edited, unowned, other\n" + BACKEND)
        self.write("checkout/.venv/lib/site-packages/unowned.py")
        inside = str(source / ".venv/lib/site-packages")
        record = self.run_project(path=[str(source / "src"), inside])
        self.assertEqual(self.used(record), {"edited": ["edited-lib"], "other": ["other"], "unowned": []})
        self.assertEqual(record["origins"], {"edited-lib": source.as_uri()})

    def test_without_a_list_of_files_top_level_names_decide(self) -> None:
        self.install("with-names", {"named.py": "", "_named/__init__.py": ""}, record=False)
        (self.site / "with_names-1.0.dist-info" / "top_level.txt").write_text("named\n_named\n")
        self.install("bare-name", {"bare_name/__init__.py": ""}, record=False)
        self.write("site-packages/old-2.0.egg-info/PKG-INFO", "Name: old\nVersion: 2.0\n")
        self.write("site-packages/old-2.0.egg-info/top_level.txt", "oldest\n")
        self.write("site-packages/oldest.py")
        self.write("project/inference.py", "import named, _named, bare_name, oldest\n" + BACKEND)
        expected = {
            "_named": ["with-names"],
            "bare_name": ["bare-name"],
            "named": ["with-names"],
            "oldest": ["old"],
        }
        self.assertEqual(self.used(self.run_project()), expected)

    def test_the_first_of_two_installs_on_the_path_counts(self) -> None:
        self.install("lib", {"lib.py": ""}, version="2.0")
        self.install("lib", {"lib.py": ""}, version="1.0", site="later")
        self.write("project/inference.py", "import lib\n" + BACKEND)
        record = self.run_project(path=[str(self.folder / "later")])
        self.assertEqual(record["versions"], {"lib": "2.0"})

    def test_broken_metadata_is_passed_over(self) -> None:
        self.install("lib", {"lib.py": ""})
        (self.site / "left-1.0.dist-info").mkdir()
        nameless = self.site / "odd-1.0.dist-info"
        nameless.mkdir()
        (nameless / "METADATA").write_bytes(b"\xff\xfe Name\n")
        bad_url = self.install("bad-url", {"bad_url.py": ""})
        (bad_url / "direct_url.json").write_text("[1]")
        self.write("project/inference.py", "import lib, bad_url\n" + BACKEND)
        self.assertEqual(self.used(self.run_project()), {"bad_url": ["bad-url"], "lib": ["lib"]})

    def test_names_decide_where_there_is_no_file_and_only_modules_count(self) -> None:
        self.install("compiled", {"fast/_core.cpython-311-x86_64-linux-gnu.so": "", "fast/data.txt": ""})
        self.install("other", {"fasten.py": ""})
        sys.path.insert(0, str(self.site))
        self.addCleanup(sys.path.remove, str(self.site))
        importlib.invalidate_caches()
        found = find_providers([], ["fast._core", "fast.data", "fast", "fasten"]).modules
        self.assertEqual({name: [owner.name for owner in owners] for name, owners in found.items()}, {
            "fast._core": ["compiled"],
            "fasten": ["other"],
        })  # fmt: skip


class Pickles(FakeInstalls):
    def test_globals_of_pickles_are_needs_by_the_module_that_defines_them(self) -> None:
        self.install("arrays", {"arrays/__init__.py": "", "arrays/core.py": "class Array: pass"})
        self.install("trees", {"trees/__init__.py": "", "trees/tree.py": ""}, version="3.1")
        self.write("project/inference.py", "import arrays.core\n" + BACKEND)
        self.write("project/own.py", "")
        names = ["arrays.core.Array", "trees.tree:Tree.Node", "own.Thing", "builtins.set", "collections.OrderedDict"]
        record = self.run_project(pickle_globals=[*names, "__main__.Model", "nowhere.at.all.Thing"])
        self.assertEqual(self.used(record), {"arrays.core": ["arrays"], "nowhere.at.all": [], "trees.tree": ["trees"]})
        [tree] = [entry for entry in record["used"] if entry["module"] == "trees.tree"]
        self.assertEqual((tree["places"], tree["globals"]), ([], ["trees.tree:Tree.Node"]))
        self.assertEqual(record["versions"]["trees"], "3.1")

    def test_a_global_of_compiled_code_without_a_file_belongs_to_the_package_around_it(self) -> None:
        self.install("trees", {"trees/__init__.py": ""})
        self.write("project/inference.py", BACKEND)
        self.assertEqual(self.used(self.run_project(pickle_globals=["trees._C.Node"])), {"trees._C": ["trees"]})


class Unseen(FakeInstalls):
    def unseen(self, source: str) -> list[tuple[str, int, bool]]:
        self.write("project/inference.py", source)
        return [(one.module, one.line, one.optional) for one in scan_imports(str(self.project)).imports]

    def test_branches_that_did_not_run_are_named_with_what_they_would_need(self) -> None:
        self.install("lib", {"lib/__init__.py": "", "lib/extra.py": ""})
        self.install("plots", {"plots/__init__.py": ""})
        self.install("google-query", {"google/query.py": ""})
        body = "import lib\n" + BACKEND + textwrap.indent(
            "import lib.extra\nimport plots.axes\nfrom google import query\nimport absent\n", "        "
        ).replace("        ", "    def never(self):\n        ", 1)  # fmt: skip
        self.write("project/inference.py", body)
        self.write("project/train.py", "import plots\nimport steps_of_mine\n")
        self.write("project/steps_of_mine/part.py", "")
        self.write("project/.hidden/no.py", "import hidden_need")
        unseen = self.run_project()["unseen"]
        self.assertEqual(
            [(one["module"], one["distributions"], one["file"], one["loaded"]) for one in unseen],
            [
                ("plots.axes", [], "inference.py", True),
                ("google", ["google-query"], "inference.py", True),
                ("absent", [], "inference.py", True),
                ("plots", ["plots"], "train.py", False),
            ],
        )

    def test_type_checkers_and_scripts_imports_do_not_count(self) -> None:
        source = """\
            import typing as t
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                import only_types
            elif t:
                import one
            if t.TYPE_CHECKING:
                import only_types
            else:
                import two
            if not TYPE_CHECKING:
                import three
            else:
                import only_types
            if __name__ == "__main__":
                import only_script
            """
        found = [name for name, _, _ in self.unseen(source)]
        self.assertEqual(found, ["typing", "typing", "one", "two", "three"])

    def test_optional_is_what_the_code_goes_on_without(self) -> None:
        source = """\
            try:
                import one
            except (ValueError, ImportError):
                import two
            try:
                import three
            except KeyError:
                pass
            try:
                import four
            except:
                pass
            finally:
                import five
            def f():
                importlib.import_module("six.deep")
                import_module(".relative", "pack")
                __import__(name)
            """
        self.assertEqual(
            self.unseen(source),
            [
                ("one", 2, True),
                ("two", 4, True),
                ("three", 6, False),
                ("four", 10, True),
                ("five", 14, False),
                ("six.deep", 16, False),
            ],
        )

    def test_files_that_are_no_python_are_named(self) -> None:
        self.write("project/inference.py", BACKEND)
        self.write("project/broken.py", "x = 1\ndef (:\n")
        (self.project / "binary.py").write_bytes(b"\xff\x00")
        (self.project / "escape.py").write_text('"\\d"\n')
        (self.project / "deep.py").write_text("(" * 5000 + ")" * 5000)
        record = self.run_project()
        found = {entry["file"]: entry["line"] for entry in record["unreadable"]}
        self.assertEqual(sorted(found), ["binary.py", "broken.py", "deep.py"])
        self.assertEqual(found["broken.py"], 2)
        self.assertTrue(all(entry["reason"] for entry in record["unreadable"]))

    def test_only_the_files_that_are_asked_for_are_looked_through(self) -> None:
        self.write("project/inference.py", BACKEND)
        self.write("project/a.py", "import need_a")
        self.write("project/b.py", "import need_b")
        record = self.run_project(files=["b.py", "gone.py"])
        self.assertEqual([one["module"] for one in record["unseen"]], ["need_b"])
        self.assertEqual([one["file"] for one in record["unreadable"]], ["gone.py"])


if __name__ == "__main__":
    unittest.main()
