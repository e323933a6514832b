"""The fields of ``dry-run --json``: the document, the report's types and a real run say the same."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import types
import typing
from pathlib import Path
from typing import Any

from packflow_app import runtime
from packflow_app.actions.export import ExportOptions, export
from packflow_app.dryrun import needs_report, probe_report, report, timings
from packflow_app.projects import requirements
from projects import backend, write_project

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "dry-run.md"
NAMES = {
    name: kind
    for module in (requirements, timings, needs_report, probe_report, runtime, report)
    for name, kind in vars(module).items()
}
BESIDE = {"pickles.allowlist[]", "events_file", "events_read", "events_invalid", "report"}


def documented() -> set[str]:
    """Each field of the table, its braces expanded."""
    table = DOCUMENT.read_text("utf-8").partition("| field | meaning |")[2]
    rows = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert len(rows) > 30
    return {field for row in rows for field in expanded(row)}


def expanded(row: str) -> list[str]:
    found = re.fullmatch(r"(.*)\{(.+)\}", row)
    return [found[1] + name for name in found[2].split(", ")] if found else [row]


def of_types(kind: Any, path: str = "") -> set[str]:
    """The fields that a report's types give."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return {field for part in arguments if part is not type(None) for field in of_types(part, path)}
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, NAMES)
        fields = dataclasses.fields(kind)
        return {found for item in fields for found in of_types(hints[item.name], f"{path}.{item.name}".lstrip("."))}
    if origin is list:
        return of_types(arguments[0], f"{path}[]")
    return of_types(arguments[1], f"{path}.*") if origin is dict else {path}


def of_values(value: Any, known: set[str], path: str = "") -> set[str]:
    """The documented fields that a real object has; raises for one that the document does not know."""
    if path in known or value is None:
        return {path}
    if f"{path}.*" in known:
        return {f"{path}.*"}
    if isinstance(value, list):
        return {field for item in value for field in of_values(item, known, f"{path}[]")}
    assert isinstance(value, dict), f"{path} is not documented"
    if any(field.startswith(f"{path}.*") for field in known):
        return {field for item in value.values() for field in of_values(item, known, f"{path}.*")}
    return {found for key, item in value.items() for found in of_values(item, known, f"{path}.{key}".lstrip("."))}


def test_the_document_has_exactly_the_fields_of_the_types() -> None:
    assert documented() == of_types(report.DryRunReport) | BESIDE


def test_a_real_run_has_what_is_documented(tmp_path: Path) -> None:
    events = [{"n": n, "x": n * 0.5} for n in range(40)]
    honest = "return [{'n': e['n'], 'y': e['x'] * 2} for e in inputs]"
    old = write_project(tmp_path / "old" / "model", backend(honest), events)
    archive = export(ExportOptions(project=old, output=tmp_path)).exported.path
    faulty = (
        "print('hello')\nimport packaging.version\n"
        "if any(e['n'] == 5 for e in inputs): raise ValueError('five')\n"
        "(self.project_dir / 'written.txt').write_text(str(time.time()))\n"
        "return [{'n': e.pop('n'), 'y': e['x'] * len(inputs)} for e in inputs]"
    )
    golden = {
        f"golden/{name}.ndjson": (old / "golden" / f"{name}.ndjson").read_bytes() for name in ("inputs", "outputs")
    }
    project = write_project(tmp_path / "new" / "model", backend(faulty), events, files=golden)
    command = [
        sys.executable,
        "-m",
        "packflow_app",
        "dry-run",
        "--json",
        "--against",
        str(archive),
        "--python",
        sys.executable,
    ]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    answer = json.loads(done.stdout)
    assert answer["schema"] == "packflow.dry-run/1"
    known = documented()
    found = of_values(answer["data"], known)
    for field in (
        *("failures[].line", "modes[].histogram.counts[]", "parity.first_difference.step", "parity.cause.kind"),
        *("parity.smallest_batch[]", "golden.first_difference.path", "changed_inputs[].path", "written_files[]"),
        *("needs.missing[].places[].line", "against.fields[].first.event", "log"),
    ):
        assert field in found, field
