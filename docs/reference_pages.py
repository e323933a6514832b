"""Pages of the reference that are made of the code when the site is built, so that they cannot drift from it."""

from __future__ import annotations

import ast
import inspect
import os
import re
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, get_args

from typer.testing import CliRunner

from packflow_app.cli import handing_over, main, run, serve
from packflow_app.cli.top_help import TOP_HELP
from packflow_app.result import COMMANDS, EARLIER
from packflow_app.runtime import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    import typer

# Commands whose options the runtime's own parser knows.
_HANDED_OVER = {"run": (run.TAKES, run.run_parser), "serve": (serve.TAKES, serve.serve_parser)}
EXIT_CODES = {
    ExitCode.OK: "done, and every check that was asked for passed",
    ExitCode.CHECK_FAILED: "a check failed",
    ExitCode.USAGE: "the command cannot be carried out as given",
    ExitCode.NOT_FOUND: "project, events, Python or requirement not found, or packflow.yaml invalid",
    ExitCode.MODEL_FAILED: "the model raised, timed out or died",
    ExitCode.NOT_WRITABLE: "the output cannot be written",
    ExitCode.INTERNAL: "a fault in Packflow",
    ExitCode.INTERRUPTED: "ended by Ctrl-C",
    ExitCode.TERMINATED: "ended by SIGTERM",
}


def pages() -> dict[str, str]:
    """Each page by its place in the site."""
    return {
        "reference/cli.md": command_line(),
        "reference/packflow-yaml.md": packflow_yaml(),
        "reference/exit-codes.md": exit_codes(),
    }


def command_line() -> str:
    """What every command's ``--help`` says, by the parser that runs."""
    parts = ["# The command line\n\nMade of the program itself: this is what `--help` prints.\n", _block(TOP_HELP)]
    for name in (*COMMANDS, *EARLIER):
        text = (COMMANDS | EARLIER)[name]
        parts.append(f"## packflow {name}\n\n{text[:1].upper()}{text[1:]}.\n")
        parts += [_block(help_text) for help_text in _helps(name)]
    return "\n".join(parts)


def _helps(name: str) -> Iterator[str]:
    if name in _HANDED_OVER:
        takes, parser = _HANDED_OVER[name]
        yield handing_over.help_text(name, takes, parser())
        return
    app = main.build_app([name], with_help=True)
    yield _help_of(app, [name])
    for group in app.registered_groups:
        for sub in group.typer_instance.registered_commands if group.typer_instance is not None else ():
            yield _help_of(app, [name, str(sub.name)])


def _help_of(app: typer.Typer, words: list[str]) -> str:
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        shown = CliRunner().invoke(app, [*words, "--help"], prog_name="packflow")
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
    if shown.exit_code:
        raise RuntimeError(f"packflow {' '.join(words)} --help: {shown.output}")
    return shown.stdout


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"


def packflow_yaml() -> str:
    """The keys of packflow.yaml with types and defaults, and what the classes that read it say."""
    from packflow_runtime.config import BackendConfig, InputFormats  # noqa: PLC0415 - after the door
    from packflow_runtime.project import DryRunConfig, OutputConfig, ProjectConfig  # noqa: PLC0415

    head = (
        "# packflow.yaml\n\nMade of the classes that read it. [Formats](../formats.md#packflowyaml) says which YAML it "
        "is, and what each key means.\n"
    )
    parts = [head]
    for title, kind in (("", ProjectConfig), ("output", OutputConfig), ("dry_run", DryRunConfig)):
        if title:
            parts.append(f"## {title}\n\n{_docstring(kind)}\n")
        parts.append(_table((one.name, _type(vars(kind)["_hints"][one.name]), _default(one)) for one in fields(kind)))
    rows = []
    for name, hint in inspect.get_annotations(BackendConfig).items():
        default = getattr(BackendConfig, name)
        written = (
            f"one of `{'`, `'.join(one.value for one in InputFormats)}`" if hint == "InputFormats" else _written(hint)
        )
        rows.append((name, written, f"`{default.value if isinstance(default, InputFormats) else default}`"))
    parts.append(f"## backend_config\n\n{_docstring(BackendConfig)}\n\n{_table(rows)}")
    return "\n".join(parts)


def _default(one: Any) -> str:  # noqa: ANN401 - a dataclass' field
    if one.default is MISSING and one.default_factory is MISSING:
        return "required"
    value = one.default if one.default_factory is MISSING else one.default_factory()
    if hasattr(value, "_hints"):
        return "see below"
    return "–" if value in (None, "") else f"`{value}`"


def _type(hint: Any) -> str:  # noqa: ANN401 - a type
    if hasattr(hint, "_hints"):
        return "map"
    if str(hint).startswith("typing.Literal"):
        return f"one of `{'`, `'.join(map(str, get_args(hint)))}`"
    return _written(getattr(hint, "__name__", str(hint)) if not get_args(hint) else str(hint))


def _written(hint: str) -> str:
    words = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}
    if hint.startswith("Literal"):
        return f"one of `{'`, `'.join(ast.literal_eval('[' + hint[8:-1] + ']'))}`"
    if hint.startswith("list"):
        return f"list of {words[hint[5:-1]]}"
    return "map" if hint.startswith("dict") else words[hint]


def _table(rows: Any) -> str:  # noqa: ANN401 - rows of cells
    lines = [f"| `{name}` | {kind} | {default} |" for name, kind, default in rows]
    return "\n".join(["| key | value | default |", "|---|---|---|", *lines, ""])


def _docstring(kind: type) -> str:
    text = inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
    return re.sub(
        r"(?m)::\n\n((?:    .*\n|\n)+)",
        lambda found: ":\n\n```python\n" + inspect.cleandoc(found[1]) + "\n```\n\n",
        text,
    )


def exit_codes() -> str:
    """The exit codes of app, runtime and archives."""
    rows = [f"| {int(code)} | `{code.name}` | {EXIT_CODES[code]} |" for code in ExitCode]
    head = (
        "# Exit codes\n\nThe same numbers in the app, the runtime and every archive; made of its `ExitCode`.\n"
        "[Formats](../formats.md#exit-codes) says more about each.\n\n| code | name | meaning |\n|---|---|---|\n"
    )
    tail = """

An event that fails ends nothing: its outcome is an error record, and the code stays 0 unless `--max-errors` or
`--strict` says otherwise. Warnings change no code, except with `--strict`. `COMMAND --help` lists the codes that a
command has. With `--json` the object is printed for every code but those of a standard output that cannot be written,
and `ok` is true exactly for 0; `errors[].code` tells apart what shares a number.
"""
    return head + "\n".join(rows) + tail
