"""Import a project's backend, each time in a process of its own: it loads one project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import packflow_runtime

SOURCES = str(Path(packflow_runtime.__file__).parents[1])

BACKEND = """\
from packflow_runtime import InferenceBackend

class Backend(InferenceBackend):
    def execute(self, inputs):
        return [{"n": event["n"] + 1} for event in inputs]
"""

# Loads the project named by the first argument; prints what `report` makes of the backend, or the error.
_PROGRAM = """\
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from packflow_runtime import PackflowError, load
def refusal(call):
    try:
        call()
    except PackflowError as error:
        return error.title
try:
    backend = load(Path(sys.argv[2]), **json.loads(sys.argv[3]))
except PackflowError as error:
    result = {"kind": type(error).__name__, "title": error.title, "hint": error.hint, "where": error.where,
              "code": error.code, "exit_code": error.exit_code, "step": getattr(error, "step", None)}
else:
    result = REPORT
print(json.dumps(result))
"""


class Loading(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        # Resolved, since errors name files relative to the folder that Python found them in.
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.project = self.folder / "project"
        self.write("packflow.yaml", "name: model\n")

    def write(self, name: str, source: str) -> None:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")

    def load(
        self,
        report: str = 'backend({"n": 1})',
        *,
        target: str | None = None,
        cwd: Path | None = None,
        overrides: dict[str, Any] | None = None,
        warnings: str = "error",
    ) -> Any:
        done = subprocess.run(
            [
                sys.executable,
                *("-I", "-S", "-B", "-W", warnings, "-c", _PROGRAM.replace("REPORT", report)),
                *(SOURCES, target or str(self.project), json.dumps(overrides or {})),
            ],
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def assert_error(self, kind: str, title: str, **facts: object) -> None:
        error = self.load()
        self.assertEqual({**error, "kind": kind, "title": title, **facts}, error)

    # --- what is imported ---------------------------------------------------------------------------------

    def test_the_least(self) -> None:
        self.write("inference.py", BACKEND)
        self.assertEqual(
            self.load('[backend({"n": 1}), backend([{"n": 1}, {"n": 5}])]'), [{"n": 2}, [{"n": 2}, {"n": 6}]]
        )

    def test_siblings_and_subpackages(self) -> None:
        self.write("steps.py", "from lib.numbers_of import add\n")
        self.write("lib/__init__.py", "")
        self.write("lib/numbers_of.py", "from . import amounts\ndef add(n):\n    return n + amounts.ONE\n")
        self.write("lib/amounts.py", "ONE = 1\n")
        self.write("plain/thing.py", "TEN = 10\n")  # a folder without __init__.py
        self.write(
            "inference.py",
            """\
            import plain.thing
            from steps import add
            from packflow_runtime import InferenceBackend

            class Backend(InferenceBackend):
                def execute(self, inputs):
                    import lazy
                    return [{"n": add(event["n"]) + plain.thing.TEN + lazy.HUNDRED} for event in inputs]
            """,
        )
        self.write("lazy.py", "HUNDRED = 100\n")
        self.assertEqual(self.load(), {"n": 112})

    def test_a_dotted_module(self) -> None:
        self.write("packflow.yaml", "name: model\ninference_backend: models.deep.fraud:Fraud\n")
        self.write("models/deep/fraud.py", BACKEND.replace("class Backend", "class Fraud"))
        self.assertEqual(self.load(), {"n": 2})

    def test_a_package(self) -> None:
        self.write("packflow.yaml", "name: model\ninference_backend: model:Backend\n")
        self.write("model/__init__.py", "from .code_of import Backend\n")
        self.write("model/code_of.py", BACKEND)
        self.assertEqual(self.load(), {"n": 2})

    def test_the_module_loader(self) -> None:
        self.write("packflow.yaml", "name: model\nloader: module\ninference_backend: inference:Backend\n")
        self.write("inference.py", BACKEND)
        self.assertEqual(self.load(), {"n": 2})
        self.write("packflow.yaml", "name: model\nloader: module\ninference_backend: not_installed_here:Backend\n")
        self.assert_error(
            "InferenceBackendLoadError",
            "Importing not_installed_here raised ModuleNotFoundError: No module named 'not_installed_here'",
        )

    def test_files_called_like_standard_modules_replace_nothing(self) -> None:
        for name in ("json", "runpy", "__main__", "typing", "logging", "abc", "os", "site", "re"):
            self.write(f"{name}.py", f"raise AssertionError('{name} of the project was imported')\n")
        self.write("inference.py", "import json, logging, re, runpy, typing\njson.loads('1')\n" + BACKEND)
        self.assertEqual(self.load(), {"n": 2})

    def test_a_backend_called_like_a_standard_module(self) -> None:
        self.write("packflow.yaml", "name: model\ninference_backend: json:Backend\n")
        self.write("json.py", "import sibling, json as standard\nstandard.loads('1')\n" + BACKEND)
        self.write("sibling.py", "")
        self.assertEqual(self.load('[backend({"n": 1}), json.loads("[7]")]'), [{"n": 2}, [7]])

    def test_a_backend_package_called_like_a_standard_module(self) -> None:
        self.write("packflow.yaml", "name: model\ninference_backend: statistics:Backend\n")
        self.write("statistics/__init__.py", "from .inner import Backend\n")
        self.write("statistics/inner.py", BACKEND)
        self.assertEqual(self.load('[backend({"n": 1}), "statistics" in sys.modules]'), [{"n": 2}, False])

    def test_only_the_project_is_searched(self) -> None:
        (self.folder / "beside.py").write_text("", encoding="utf-8")
        self.write("inference.py", "import beside\n" + BACKEND)
        self.assert_error(
            "InferenceBackendLoadError",
            "Importing inference raised ModuleNotFoundError: No module named 'beside'",
            hint="Install what provides 'beside' in the project's environment.",
            where="inference.py:1",
        )

    def test_the_hosts_path_is_not_changed(self) -> None:
        self.write("inference.py", BACKEND)
        self.assertIs(self.load("sys.argv[2] in ''.join(sys.path)"), False)

    def test_two_projects_in_one_process_share_no_module(self) -> None:
        source = "import helpers\n" + BACKEND.replace('event["n"] + 1', 'helpers.shift(event["n"])')
        source += (
            "\n    def late(self):\n        import helpers.extra\n        return helpers.extra.NAME, helpers.NAME\n"
        )
        for name in ("project", "other"):
            project = self.folder / name
            (project / "helpers").mkdir(parents=True, exist_ok=True)
            (project / "packflow.yaml").write_text(f"name: {name}\n", encoding="utf-8")
            (project / "inference.py").write_text(source, encoding="utf-8")
            shift = {"project": 10, "other": 100}[name]
            (project / "helpers" / "__init__.py").write_text(
                f"NAME = {name!r}\ndef shift(n): return n + {shift}\n", encoding="utf-8"
            )
            (project / "helpers" / "extra.py").write_text(f"NAME = {name!r}\n", encoding="utf-8")
        found = self.load(
            "(lambda one, two: [one({'n': 1}), two({'n': 1}), one.late(), two.late(), one.late(), one({'n': 1}),"
            " load(Path(sys.argv[2])).late()])(load(Path(sys.argv[2])), load(Path(sys.argv[2]).with_name('other')))"
        )
        one, two = ["project", "project"], ["other", "other"]
        self.assertEqual(found, [{"n": 11}, {"n": 101}, one, two, one, {"n": 11}, one])

    def test_modules_of_the_host_come_back(self) -> None:
        self.write("inference.py", "import helpers\n" + BACKEND.replace("+ 1", "+ helpers.ONE"))
        self.write("helpers.py", "ONE = 1\n")
        found = self.load(
            "[sys.modules.__setitem__('helpers', sys), load(Path(sys.argv[2]))({'n': 2}),"
            " sys.modules['helpers'] is sys][1:]"
        )
        self.assertEqual(found, [{"n": 3}, True])

    # --- what is built ------------------------------------------------------------------------------------

    def test_an_instance_instead_of_a_class(self) -> None:
        self.write("packflow.yaml", "name: model\ninference_backend: inference:model\noutput: {keep: [n], under: in}\n")
        self.write("inference.py", BACKEND + "\nmodel = Backend()\n")
        self.assertEqual(self.load(), {"n": 2, "in": {"n": 1}})

    def test_the_configuration(self) -> None:
        self.write("packflow.yaml", "name: model\nbackend_config:\n  a: 1\n  inner: {x: 1, y: 2}\n")
        self.write(
            "inference.py",
            """\
            from packflow_runtime import BackendConfig, InferenceBackend

            class Config(BackendConfig):
                a: int = 0
                b: str = "b"
                inner: dict[str, int]

            class Backend(InferenceBackend):
                backend_config_model = Config
            """,
        )
        self.assertEqual(
            self.load(
                "{key: backend.config.as_dict()[key] for key in ('a', 'b', 'inner')}",
                overrides={"b": "c", "inner": {"y": 5}},
            ),
            {"a": 1, "b": "c", "inner": {"x": 1, "y": 5}},
        )
        self.assertEqual(
            self.load(overrides={"self": 1}),
            {
                "kind": "InferenceBackendInitializationError",
                "title": "backend_config: self is not a key of Config.",
                "hint": "Config takes: a, b, inner, " + ", ".join(packflow_runtime.BackendConfig().as_dict()) + ".",
                "where": "",
                "code": "config-invalid",
                "exit_code": 4,
                "step": "",
            },
        )

    def test_the_configuration_class_may_stand_in_a_module_called_like_a_standard_one(self) -> None:
        self.write("packflow.yaml", "name: model\ninference_backend: types:Backend\nbackend_config: {a: 1}\n")
        self.write(
            "types.py",
            """\
            from __future__ import annotations
            from packflow_runtime import BackendConfig, InferenceBackend

            class Config(BackendConfig):
                a: int

            class Backend(InferenceBackend):
                backend_config_model = Config
            """,
        )
        self.assertEqual(self.load("backend.config.as_dict()['a']"), 1)

    def test_stateful_and_kept_fields_come_from_the_project(self) -> None:
        self.write("packflow.yaml", "name: model\nstateful: true\noutput: {keep: [id]}\n")
        self.write("inference.py", BACKEND)
        self.assertEqual(self.load('[backend.stateful, backend({"n": 1, "id": "x"})]'), [True, {"n": 2, "id": "x"}])

    def test_the_operator_has_the_last_word(self) -> None:
        self.write("packflow.yaml", "name: model\nbackend_config: {a: 1, b: 1, c: 1, d: 1}\n")
        self.write(
            "inference.py",
            """\
            from packflow_runtime import BackendConfig, InferenceBackend

            class Config(BackendConfig):
                a: int = 0
                b: int = 0
                c: int = 0
                d: int = 0
                e: int = 0

            class Backend(InferenceBackend):
                backend_config_model = Config

                def execute(self, inputs):
                    return [{} for _ in inputs]
            """,
        )
        (self.folder / "new.json").write_text('{"d": 4}', encoding="utf-8")
        (self.folder / "old.json").write_text('{"configs": {"c": 3, "d": 3}}', encoding="utf-8")
        values = "[getattr(backend.config, key) for key in 'abcde']"
        loader = "__import__('packflow_runtime.loaders').loaders.LocalLoader"
        from_project = f"{loader}.from_project(sys.argv[2], b=2, c=2, d=2).config"
        environment = {
            "PACKFLOW_CONFIG": str(self.folder / "new.json"),
            "BACKEND_CONFIG_FILE_PATH": str(self.folder / "old.json"),
        }
        with mock.patch.dict(os.environ, environment):
            given = {"b": 2, "c": 2, "d": 2}
            self.assertEqual(self.load(values, overrides=given, warnings="ignore"), [1, 2, 3, 4, 0])
            self.assertEqual(
                self.load(values.replace("backend.config", from_project), warnings="ignore")[1:4], [2, 3, 4]
            )
            del os.environ["BACKEND_CONFIG_FILE_PATH"]
            self.assertEqual(self.load(values), [1, 1, 1, 4, 0])  # and no warning

    def test_paths_do_not_depend_on_the_current_folder(self) -> None:
        self.write("artifacts/one.txt", "41")
        self.write(
            "inference.py",
            """\
            from packflow_runtime import InferenceBackend

            class Backend(InferenceBackend):
                def initialize(self):
                    self.n = int((self.project_dir / "artifacts" / "one.txt").read_text())

                def execute(self, inputs):
                    import lazy
                    return [{"n": self.n + lazy.ONE} for _ in inputs]
            """,
        )
        self.write("lazy.py", "ONE = 1\n")
        (self.folder / "elsewhere").mkdir()
        for cwd, target in (
            (self.folder, "project"),
            (self.project, "."),
            (self.folder / "elsewhere", str(Path("..", "project"))),
            (self.folder / "elsewhere", str(self.project)),
        ):
            with self.subTest(cwd=cwd, target=target):
                report = "[os.chdir('/'), backend({})][1]" if os.name == "posix" else "backend({})"
                report = report.replace("os.", "__import__('os').")
                self.assertEqual(self.load(report, cwd=cwd, target=target), {"n": 42})

    def test_the_environment_is_there_at_import(self) -> None:
        self.write("packflow.yaml", "name: model\nenv:\n  PACKFLOW_TEST_A: no\n  PACKFLOW_TEST_B: 1.0\n")
        self.write("inference.py", "import os\nA = os.environ['PACKFLOW_TEST_A']\n" + BACKEND)
        self.assertEqual(
            self.load("[sys.modules['inference'].A, __import__('os').environ['PACKFLOW_TEST_B']]"), ["no", "1.0"]
        )

    # --- what goes wrong ----------------------------------------------------------------------------------

    def test_no_module(self) -> None:
        self.assert_error(
            "InferenceBackendLoadError",
            "The project has no inference.py, which inference_backend names.",
            code="backend-not-found",
            where="packflow.yaml",
        )

    def test_no_such_class(self) -> None:
        self.write("inference.py", BACKEND.replace("class Backend", "class Fraud"))
        self.assert_error(
            "InferenceBackendLoadError",
            "inference has no InferenceBackend called Backend.",
            hint="Set inference_backend to inference:Fraud.",
        )
        self.write("inference.py", "from packflow_runtime import InferenceBackend\nclass Backend:\n    pass\n")
        self.assert_error(
            "InferenceBackendLoadError",
            "inference has no InferenceBackend called Backend.",
            hint="Define `class Backend(InferenceBackend)` in inference.py.",
        )

    def test_a_syntax_error(self) -> None:
        self.write("inference.py", "import broken\n" + BACKEND)
        self.write("broken.py", "x = 1\n\nif x\n    pass\n")
        error = self.load()
        self.assertTrue(error["title"].startswith("Importing inference raised SyntaxError: "), error)
        self.assertEqual((error["where"], error["step"]), ("broken.py:3", "import"))

    def test_a_missing_requirement(self) -> None:
        self.write("inference.py", "import os\nimport lib.needs\n" + BACKEND)
        self.write("lib/needs.py", "\n\nimport not_installed_here.part\n")
        self.assert_error(
            "InferenceBackendLoadError",
            "Importing inference raised ModuleNotFoundError: No module named 'not_installed_here'",
            hint="Install what provides 'not_installed_here' in the project's environment.",
            where=f"{Path('lib', 'needs.py')}:3",
            code="backend-load-failed",
            exit_code=4,
        )

    def test_code_that_raises_or_exits_at_import(self) -> None:
        for code, said in (("raise ValueError('no')", "ValueError: no"), ("raise SystemExit(0)", "SystemExit: 0")):
            self.write("inference.py", f"\n{code}\n" + BACKEND)
            self.assert_error(
                "InferenceBackendLoadError", f"Importing inference raised {said}", where="inference.py:2", step="import"
            )

    def test_init_without_super(self) -> None:
        self.write("inference.py", BACKEND + "\n    def __init__(self, **config):\n        pass\n")
        self.assert_error(
            "InferenceBackendLoadError",
            "inference:Backend defines __init__ without calling super().__init__().",
            hint="Move the code to initialize(), or call super().__init__(**config) first.",
        )

    def test_init_that_raises(self) -> None:
        for body, said, where in (
            ("raise KeyError('model')", "KeyError: 'model'", "inference.py:8"),
            ("raise SystemExit(1)", "SystemExit: 1", "inference.py:8"),
        ):
            self.write("inference.py", f"{BACKEND}\n    def __init__(self):\n        {body}\n")
            self.assert_error(
                "InferenceBackendInitializationError",
                f"initialize raised {said}",
                where=where,
                step="initialize",
                code="backend-init-failed",
            )
        self.write("packflow.yaml", "name: model\nbackend_config: {a: 1}\n")
        error = self.load()
        self.assertTrue(error["title"].startswith("initialize raised TypeError: "), error)
        self.assertIn("'a'", error["title"])

    def test_initialize_that_raises(self) -> None:
        self.write("inference.py", BACKEND + "\n    def initialize(self):\n        open(self.project_dir / 'no.bin')\n")
        error = self.load()
        self.assertTrue(error["title"].startswith("initialize raised FileNotFoundError: "), error)
        self.assertEqual((error["kind"], error["where"]), ("InferenceBackendInitializationError", "inference.py:8"))

    def test_a_configuration_that_cannot_be_understood(self) -> None:
        self.write(
            "inference.py",
            """\
            from packflow_runtime import BackendConfig, InferenceBackend

            class Config(BackendConfig):
                a: "Unknown" = 1

            class Backend(InferenceBackend):
                backend_config_model = Config
            """,
        )
        self.assert_error(
            "InferenceBackendInitializationError", "initialize raised NameError: name 'Unknown' is not defined"
        )

    def test_a_project_that_is_none(self) -> None:
        (self.project / "packflow.yaml").unlink()
        self.assert_error(
            "ProjectConfigError",
            f"{self.project} is not a Packflow project: it has no packflow.yaml.",
            code="project-not-found",
            exit_code=3,
        )


if __name__ == "__main__":
    unittest.main()
