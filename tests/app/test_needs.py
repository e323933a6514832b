"""What a run used against what requirements.txt declares."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import packflow_runtime
from packflow_app.dryrun.brought import brought_by
from packflow_app.dryrun.needs import needs_of, planned_rewrite, public_version
from packflow_app.dryrun.needs_report import (
    DifferentVersion,
    Missing,
    Needs,
    NotToBeListed,
    Place,
    UnknownSource,
    Unpinned,
    UnseenImport,
    Unused,
    WrongMarker,
)
from packflow_app.environments.installed import Installed
from packflow_app.projects.requirements import DeclaredRequirements, read_declared
from packflow_app.projects.requirements_edits import write_requirements

MARKERS = {"python_version": "3.11", "sys_platform": "linux", "os_name": "posix", "platform_machine": "x86_64"}


def used(module: str, *distributions: str, at: list[Any] | None = None, pickled: list[str] | None = None) -> Any:
    places = [["inference.py", 3]] if at is None and pickled is None else at or []
    return {"module": module, "distributions": list(distributions), "places": places, "globals": pickled or []}


def unseen(module: str, *distributions: str, line: int = 9) -> Any:
    known = {"file": "inference.py", "line": line, "optional": True, "loaded": True}
    return {"module": module, "distributions": list(distributions), **known}


def record(*entries: Any, versions: dict[str, str], **others: Any) -> dict[str, Any]:
    return {
        "unseen": [],
        "loaded": [],
        "origins": {},
        "unreadable": [],
        **others,
        "used": [*entries],
        "versions": versions,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def compare(folder: Path, text: str, found: dict[str, Any], installed: dict[str, str] | None = None) -> Needs:
    return needs_of(
        found, declare(folder, text), Installed(found["versions"] if installed is None else installed, MARKERS)
    )


def declare(folder: Path, text: str) -> DeclaredRequirements:
    (folder / "requirements.txt").write_text(text, encoding="utf-8")
    return read_declared(folder / "requirements.txt")


def test_a_project_that_declares_what_it_uses_has_nothing_to_do(folder: Path) -> None:
    found = record(used("sklearn.tree", "scikit-learn"), used("numpy", "numpy", pickled=["numpy.ndarray"]),
                   versions={"scikit-learn": "1.5.0", "numpy": "2.1.0"})  # fmt: skip
    needs = compare(folder, "Scikit_learn==1.5.0\nnumpy==2.1\n", found)
    assert needs.ok
    assert needs == Needs({"numpy": "2.1.0", "scikit-learn": "1.5.0"}, *([[]] * 9))


def test_what_is_used_and_not_declared_is_missing_with_every_reason(folder: Path) -> None:
    found = record(
        used("sklearn.tree", "scikit-learn", at=[["b.py", 7], ["a.py", 2]]),
        used("sklearn.tree._tree", "scikit-learn", pickled=["sklearn.tree._tree.Tree"]),
        used("packflow", "packflow"),
        versions={"scikit-learn": "1.5.0", "packflow": "0.4.1"},
    )
    needs = compare(folder, "", found)
    assert needs.missing == [
        Missing(
            name="scikit-learn",
            version="1.5.0",
            modules=["sklearn.tree", "sklearn.tree._tree"],
            places=[Place("a.py", 2), Place("b.py", 7)],
            globals=["sklearn.tree._tree.Tree"],
        )
    ]
    assert not needs.ok


def test_one_of_several_owners_is_enough(folder: Path) -> None:
    both = used("cv2", "opencv-python", "opencv-python-headless")
    versions = {"opencv-python": "4.1", "opencv-python-headless": "4.2"}
    assert compare(folder, "opencv-python-headless==4.2\n", record(both, versions=versions)).missing == []
    [missing] = compare(folder, "", record(both, versions=versions)).missing
    assert (missing.name, missing.alternatives) == ("opencv-python", ["opencv-python-headless"])
    certain = record(both, used("cv2.extra", "opencv-python"), versions=versions)
    assert [one.alternatives for one in compare(folder, "", certain).missing] == [[]]


def test_unused_says_whether_something_else_loaded_it_or_an_import_did_not_run(folder: Path) -> None:
    found = record(
        versions={"pyarrow": "17.0", "rich": "13.0"},
        loaded=["PyArrow"],
        unseen=[unseen("rich.console", "rich")],
    )
    needs = compare(folder, "pyarrow==17.0\nrich==13.0\nnever==1\nelsewhere==1; sys_platform=='win32'\n", found)
    assert needs.unused == [
        Unused("pyarrow", "requirements.txt", 1, loaded=True, unseen=[]),
        Unused("rich", "requirements.txt", 2, loaded=False, unseen=[Place("inference.py", 9)]),
        Unused("never", "requirements.txt", 3, loaded=False, unseen=[]),
    ]
    [not_run] = needs.unseen
    assert not_run == UnseenImport(
        "rich.console", ["rich"], "inference.py", 9, optional=True, loaded=True, declared=True
    )
    assert needs.ok


def test_open_versions_are_unpinned_unless_a_constraint_pins_them(folder: Path) -> None:
    (folder / "limits.txt").write_text("pandas==2.2\nscipy<2\n")
    text = (
        "numpy>=1\npandas\nscipy\n-c limits.txt\nlib @ https://host/lib.zip\n./local.whl\n"
        "colorama; sys_platform == 'win32'\n"
    )
    needs = compare(folder, text, record(versions={}), {"numpy": "2.1.0", "scipy": "1.14"})
    assert needs.unpinned == [
        Unpinned("numpy", "requirements.txt", 1, "numpy>=1", "2.1.0"),
        Unpinned("scipy", "requirements.txt", 3, "scipy", "1.14"),
        Unpinned("lib", "requirements.txt", 5, "lib @ https://host/lib.zip", None),
    ]


@pytest.mark.parametrize(
    ("line", "installed", "different"),
    [
        ("numpy==2.0", "2.1", True),
        ("numpy==2.1", "2.1.0", False),
        ("numpy==2.1", "2.1+cpu", False),
        ("numpy~=2.0", "2.1rc1", False),
        ("numpy<2", "2.1", True),
        ("numpy==2.0; sys_platform == 'win32'", "2.1", False),
        ("numpy @ https://host/numpy.zip", "2.1", False),
    ],
)
def test_another_version_than_declared(folder: Path, line: str, installed: str, different: bool) -> None:
    needs = compare(folder, line, record(used("numpy", "numpy"), versions={"numpy": installed}))
    wanted = line.removeprefix("numpy")
    assert needs.different == (
        [DifferentVersion("numpy", "requirements.txt", 1, wanted, installed)] if different else []
    )


def test_a_marker_that_shuts_out_what_is_used_here_is_wrong(folder: Path) -> None:
    found = record(used("numpy", "numpy"), used("zstd", "zstd"), versions={"numpy": "2.1", "zstd": "1"})
    text = "numpy==2.1; sys_platform == 'win32'\nzstd==1; os_name=='nt'\nzstd==1; os_name=='posix'\n"
    needs = compare(folder, text, found)
    assert needs.wrong_marker == [WrongMarker("numpy", "requirements.txt", 1, 'sys_platform == "win32"')]
    assert needs.missing == []
    assert not needs.ok


def test_a_marker_that_compares_what_cannot_be_compared_harms_nothing(folder: Path) -> None:
    needs = compare(folder, "numpy==2.1; python_version ~= 'x'", record(versions={}))
    assert [one.name for one in needs.unused] == ["numpy"]


def test_packflow_itself_is_not_to_be_listed(folder: Path) -> None:
    needs = compare(folder, "Packflow==0.4.1\npackflow_runtime\n", record(versions={}))
    assert needs.not_to_be_listed == [
        NotToBeListed("packflow", "requirements.txt", 1),
        NotToBeListed("packflow-runtime", "requirements.txt", 2),
    ]
    assert (needs.unused, needs.unpinned, needs.ok) == ([], [], False)


def test_modules_of_no_distribution_are_reported(folder: Path) -> None:
    needs = compare(folder, "", record(used("stray"), versions={}))
    assert needs.unknown == [UnknownSource("stray", [Place("inference.py", 3)], [])]


def test_a_folder_or_repository_is_known_by_where_it_was_installed_from(folder: Path) -> None:
    found = record(
        used("mine", "my-lib"),
        used("theirs", "their-lib"),
        versions={"my-lib": "1.0", "their-lib": "2.0"},
        origins={"my-lib": (folder / "lib").as_uri(), "their-lib": "https://host/their.git"},
    )
    needs = compare(folder, "-e ./lib\ngit+https://host/their.git@main\n", found)
    assert (needs.missing, needs.unused) == ([], [])


def test_findings_are_plain_json(folder: Path) -> None:
    found = record(used("a", "a"), versions={"a": "1"}, unseen=[unseen("b")])
    needs = compare(folder, "=bad\nc\n", found)
    data = json.loads(json.dumps(needs.as_json()))
    assert data["missing"][0]["places"] == [{"file": "inference.py", "line": 3}]
    assert data["problems"][0]["code"] == "requirement-invalid"
    assert data["unseen"][0]["declared"] is False


# --- --write-requirements


def test_missing_ones_are_added_and_open_ones_pinned_and_nothing_is_removed(folder: Path) -> None:
    found = record(used("sklearn", "scikit-learn"), used("torch", "torch"), used("x", "one", "two"),
                   versions={"scikit-learn": "1.5.0", "torch": "2.1.0+cpu", "one": "1", "two": "1"})  # fmt: skip
    declared = declare(folder, "# mine\ntorch >= 2 # gpu\nold<2\nunused==1\n")
    installed = {"torch": "2.1.0+cpu", "old": "3.0", "scikit-learn": "1.5.0"}
    needs = needs_of(found, declared, Installed(installed, MARKERS))
    plan = planned_rewrite(needs, declared)
    assert plan.after.decode() == "# mine\ntorch ==2.1.0 # gpu\nold<2\nunused==1\nscikit-learn==1.5.0\n"
    corrected = planned_rewrite(needs, declared, correct_versions=True)
    assert corrected.after == plan.after.replace(b"old<2", b"old==3.0")


def test_writing_twice_changes_nothing_more(folder: Path) -> None:
    found = record(used("sklearn", "scikit-learn"), versions={"scikit-learn": "1.5.0"})
    text = "numpy>=1\npandas==2.0"
    installed = {"numpy": "2.1", "pandas": "2.2", "scikit-learn": "1.5.0"}
    declared = declare(folder, text)
    needs = needs_of(found, declared, Installed(installed, MARKERS))
    assert write_requirements(planned_rewrite(needs, declared, correct_versions=True))
    again = read_declared(declared.path)
    assert declared.path.read_text() == "numpy==2.1\npandas==2.2\nscikit-learn==1.5.0\n"
    after = needs_of(found, again, Installed(installed, MARKERS))
    assert (after.missing, after.unpinned, after.different) == ([], [], [])
    assert not write_requirements(planned_rewrite(after, again, correct_versions=True))


def test_a_local_version_is_left_out_of_pins() -> None:
    assert public_version("2.1.0+cu121") == "2.1.0"


def test_the_record_of_a_real_run_is_understood(folder: Path) -> None:
    (folder / "packflow.yaml").write_text("name: model\n")
    body = "import packaging.version\nfrom packflow_runtime import InferenceBackend\nclass Backend(InferenceBackend):\n"
    (folder / "inference.py").write_text(body + "    def execute(self, inputs):\n        return inputs\n")
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from packflow_runtime.import_record import ImportRecord\n"
        "record = ImportRecord.start(sys.argv[2]); from packflow_runtime import load; load(sys.argv[2])\n"
        "record.stop(); print(json.dumps(record.as_json(['packaging.version.Version'])))"
    )
    sources = str(Path(packflow_runtime.__file__).parents[1])
    done = subprocess.run([sys.executable, "-B", "-c", program, sources, str(folder)], capture_output=True, check=True)
    needs = needs_of(json.loads(done.stdout), declare(folder, "rich\n"), Installed({"rich": "13.0"}, MARKERS))
    assert [(one.name, one.globals) for one in needs.missing] == [("packaging", ["packaging.version.Version"])]
    assert [one.name for one in needs.unused] == ["rich"]
    assert needs.unknown == []


def test_what_a_requirement_brings_along_is_told_with_it(tmp_path: Path) -> None:
    requires = {
        "scikit-learn": ["numpy>=1.22", "scipy>=1.8", 'pandas; extra == "examples"', "not a requirement (", "gone"],
        "scipy": ["numpy<3", 'colorama; sys_platform == "nowhere"'],
        "loops": ["rounds"],
        "rounds": ["loops[all]"],
    }
    versions = dict.fromkeys(("scikit-learn", "numpy", "scipy", "pandas", "colorama", "loops", "rounds"), "1.0")
    there = Installed(versions, MARKERS, requires)
    plain = declare(tmp_path, "Scikit_Learn==1.0\nloops\n").declarations
    assert brought_by(plain, there) == {
        "numpy": "scikit-learn",
        "scipy": "scikit-learn",
        "rounds": "loops",
        "loops": "loops",
    }
    assert brought_by(declare(tmp_path, "scikit-learn[examples]\n").declarations, there)["pandas"] == "scikit-learn"
