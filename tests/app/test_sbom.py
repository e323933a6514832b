"""The bill of materials: valid by CycloneDX's strict schema, complete, and the same bytes for the same archive."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from packflow_app.actions.export import ExportOptions, export
from packflow_app.errors import CheckFailedError
from packflow_app.packaging.locked_packages import locked_packages
from packflow_app.packaging.sbom import Subject, sbom
from packflow_app.runtime import Parity, ProjectConfig, open_archive
from projects import HONEST, write_project

A, B, C = "a" * 64, "b" * 64, "c" * 64
LOCK = f"""\
# packflow lock 1: requirements sha256:{"0" * 64}
--extra-index-url https://example.org/simple
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{B} \\
    --hash=sha256:{A}
    # via uvicorn
local @ https://example.org/local-1.0-py3-none-any.whl \\
    --hash=sha256:{C}
    # via -r requirements.txt
numpy==2.2.6 ; python_full_version < '3.11' \\
    --hash=sha256:{A}
    # via
    #   pandas
    #   scipy
numpy==2.4.6 ; python_full_version >= '3.11' \\
    --hash=sha256:{B}
    # via
    #   pandas
    #   scipy
pandas==2.2.3 \\
    --hash=sha256:{C}
    # via -r requirements.txt
scipy==1.15.3 ; python_full_version < '3.11' \\
    --hash=sha256:{A}
    # via -r requirements.txt
scipy==1.17.1 ; python_full_version >= '3.11' \\
    --hash=sha256:{B}
    # via -r requirements.txt
Uvicorn[standard]==0.30.0 \\
    --hash=sha256:{C}
    # via
    #   -r requirements.txt
    #   Some_Other[extra]
"""


def subject(**changes: Any) -> Subject:
    fields: dict[str, Any] = {
        "config": ProjectConfig(name="model-one", description="What it does.", maintainers=["A <a@example.org>", "B"]),
        "version": "1.0rc1",
        "python_requires": ">=3.10",
        "runtime_version": "0.1.0",
        "requirements": ["pandas==2.2.3"],
        "locked": locked_packages(LOCK.encode()),
        "files": ["packflow-info/dry-run.json", "project/MODEL_CARD.md"],
        "parity": Parity(equal=True, events=20, rule={}),
        "created": "2026-01-01T00:00:00Z",
    }
    return Subject(**{**fields, **changes})


def validated(document: bytes) -> dict[str, Any]:
    """The document, once it passed the strict schema."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(document.decode()) is None
    data = json.loads(document)
    refs = [one["bom-ref"] for one in [data["metadata"]["component"], *data["components"]]]
    assert len(set(refs)) == len(refs)
    assert sorted(refs) == [one["ref"] for one in data["dependencies"]]
    assert all(set(one["dependsOn"]) <= set(refs) for one in data["dependencies"])
    return dict(data)


class TestLock:
    def test_what_it_pins(self) -> None:
        found = locked_packages(LOCK.encode())
        assert [(one.name, one.version) for one in found] == [
            ("colorama", "0.4.6"),
            ("local", None),
            ("numpy", "2.2.6"),
            ("numpy", "2.4.6"),
            ("pandas", "2.2.3"),
            ("scipy", "1.15.3"),
            ("scipy", "1.17.1"),
            ("uvicorn", "0.30.0"),
        ]
        assert found[0].hashes == (A, B)
        assert found[0].marker == 'sys_platform == "win32"'
        assert found[0].wanted_by == ("uvicorn",)
        assert found[1].url == "https://example.org/local-1.0-py3-none-any.whl"
        assert found[2].wanted_by == ("pandas", "scipy")
        assert found[7].wanted_by == (None, "some-other")

    @pytest.mark.parametrize("line", ["numpy", "numpy>=1", "<<<<<<< ours", "numpy=1"])
    def test_a_line_that_pins_nothing(self, line: str) -> None:
        with pytest.raises(CheckFailedError, match="pins no version") as caught:
            locked_packages(f"# comment\n{line} \\\n    --hash=sha256:{A}\n".encode())
        assert (caught.value.line, caught.value.code) == (2, "lock-unreadable")


class TestDocument:
    def test_a_full_one(self) -> None:
        data = validated(sbom(subject()))
        assert (data["specVersion"], data["bomFormat"], data["version"]) == ("1.6", "CycloneDX", 1)
        assert data["metadata"]["timestamp"] == "2026-01-01T00:00:00Z"
        model = data["metadata"]["component"]
        assert (model["type"], model["name"], model["version"]) == ("machine-learning-model", "model-one", "1.0rc1")
        assert model["authors"] == [{"name": "A <a@example.org>"}, {"name": "B"}]
        properties = {one["name"]: one["value"] for one in model["modelCard"]["properties"]}
        assert properties["packflow:single-equals-batch"] == "equal on 20 events"
        assert model["externalReferences"] == [{"type": "model-card", "url": "project/MODEL_CARD.md"}]

    def test_every_locked_package_with_its_hashes(self) -> None:
        data = validated(sbom(subject()))
        found = {(one["name"], one.get("version")): one for one in data["components"]}
        for package in locked_packages(LOCK.encode()):
            component = found.pop((package.name, package.version))
            assert component["hashes"] == [{"alg": "SHA-256", "content": one} for one in package.hashes]
        assert list(found) == [("packflow-runtime", "0.1.0")]

    def test_who_needs_whom(self) -> None:
        edges = {one["ref"]: one["dependsOn"] for one in validated(sbom(subject()))["dependencies"]}
        assert edges["pypi:pandas@2.2.3"] == ["pypi:numpy@2.2.6", "pypi:numpy@2.4.6"]
        assert edges["pypi:scipy@1.15.3"] == ["pypi:numpy@2.2.6"]
        assert edges["pypi:uvicorn@0.30.0"] == ["pypi:colorama@0.4.6"]
        assert edges["model:model-one@1.0rc1"] == [
            "pypi:local@https://example.org/local-1.0-py3-none-any.whl",
            "pypi:packflow-runtime@0.1.0",
            "pypi:pandas@2.2.3",
            "pypi:scipy@1.15.3",
            "pypi:scipy@1.17.1",
            "pypi:uvicorn@0.30.0",
        ]

    def test_the_least(self) -> None:
        bare = subject(
            config=ProjectConfig(name="m"), requirements=[], locked=None, files=[], parity=None, created=None
        )
        data = validated(sbom(bare))
        assert "timestamp" not in data["metadata"]
        assert [one["name"] for one in data["components"]] == ["packflow-runtime"]

    def test_requirements_that_no_lock_pins(self) -> None:
        wanted = ["numpy>=1.26", "uvicorn[standard]==0.30.0 ; sys_platform != 'win32'", "x @ https://example.org/x.zip"]
        data = validated(sbom(subject(locked=None, requirements=wanted)))
        told = {one["name"]: one["properties"][0]["value"] for one in data["components"] if "properties" in one}
        assert told == dict(zip(["numpy", "uvicorn", "x"], wanted, strict=True))
        assert len(data["dependencies"][0]["dependsOn"]) == 4

    def test_a_version_that_is_pinned_twice(self) -> None:
        twice = f"x==1 ; os_name == 'a' \\\n    --hash=sha256:{A}\nx==1 ; os_name == 'b' \\\n    --hash=sha256:{B}\n"
        data = validated(sbom(subject(locked=locked_packages(twice.encode()))))
        component = data["components"][1]
        assert [one["content"] for one in component["hashes"]] == [A, B]
        assert component["properties"][0]["value"] == '(os_name == "a") or (os_name == "b")'

    def test_the_serial_number_is_of_the_content(self) -> None:
        first, again, other = (json.loads(sbom(one)) for one in (subject(), subject(), subject(version="2")))
        assert first == again
        assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first["serialNumber"])
        assert first["serialNumber"] != other["serialNumber"]

    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]", fullmatch=True),
                st.from_regex(r"(1!)?[0-9]{1,3}(\.[0-9]{1,3}){0,2}(rc1)?(\+[a-z]{1,4})?", fullmatch=True),
                st.sampled_from(["", " ; os_name == 'nt'", " ; python_version < '3.12'"]),
            ),
            max_size=8,
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    )
    def test_any_lock_makes_a_valid_one(self, pins: list[tuple[str, str, str]], description: str) -> None:
        text = "".join(f"{name}=={version}{marker} \\\n    --hash=sha256:{A}\n" for name, version, marker in pins)
        config = ProjectConfig(name="m", description=description)
        validated(sbom(subject(locked=locked_packages(text.encode()), config=config)))


def test_an_archive_ships_it(tmp_path: Path) -> None:
    project = write_project(tmp_path / "one", HONEST)
    for name in ("first", "second"):
        export(ExportOptions(project=project, output=tmp_path / name, golden=0))
    with open_archive(tmp_path / "first" / "one-0.1.0.zip") as archive:
        archive.verify_contents()
        data = validated(archive.read("packflow-info/sbom.cdx.json"))
    assert data["metadata"]["component"]["name"] == "one"
    demanded = ["verify", str(tmp_path / "first" / "one-0.1.0.zip"), "--require", "sbom"]
    assert subprocess.run([sys.executable, "-m", "packflow_app", *demanded], capture_output=True).returncode == 0
    first, second = ((tmp_path / name / "one-0.1.0.zip").read_bytes() for name in ("first", "second"))
    assert first == second
