"""How ``packflow init`` shows what it made, or would make."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from packflow_app.actions.init_values import baseline_fields
from packflow_app.cli.terminal import columns, visible
from packflow_app.cli.wording import counted, shown_path
from packflow_app.questions.init_summary import project_tree
from packflow_app.result import Problem

if TYPE_CHECKING:
    from packflow_app.actions.init import Initialized
    from packflow_app.actions.init_mlflow import TakenFromMlflow
    from packflow_app.actions.init_options import InitOptions
    from packflow_app.cli.terminal import Terminal

_SHOWN_FIELDS = 6
_SHOWN_FEATURES = 40
_HOW = {"exact": "", "similar": "alike by name", "last-part": "last part of the path", "given": "as you said"}
_HOW |= {"signature": "by MLflow's signature"}


def show_init(terminal: Terminal, done: Initialized, options: InitOptions) -> None:
    """What was made, of what, and what to do next."""
    terminal.prose(
        f"[bold]{'Would create' if done.planned else 'Created'} {escape(done.name)}[/] in {escape(str(done.path))} "
        f"from the skeleton {escape(done.kind)}"
    )
    if done.mlflow is not None:
        _show_mlflow(terminal, done.mlflow)
    for line in done.assumed:
        terminal.prose(f"  {escape(line)}")
    kept = "to be kept" if done.planned else "kept"
    terminal.prose(f"  {done.events.events:,} events read, {len(done.events.sample)} of them {kept} as sample events")
    _show_model(terminal, done)
    _show_python(terminal, done)
    if done.kind == "python":
        _show_baseline(terminal, done)
    if done.features is not None:
        _show_features(terminal, done)
    if done.planned:
        _show_tree(terminal, done)
        return
    if len(done.added) < len(done.files):
        terminal.prose(f"  added to the folder: {escape(', '.join(done.added) or 'nothing, all files are there')}")
    _show_next(terminal, done, options)


def _show_mlflow(terminal: Terminal, taken: TakenFromMlflow) -> None:
    by = f", saved by MLflow {taken.model.mlflow_version}" if taken.model.mlflow_version else ""
    terminal.prose(escape(f"  from the MLflow folder {taken.model.folder} (flavor {taken.model.flavor}{by})"))
    for what, source in taken.sources.items():
        if source != "flag":
            terminal.prose(escape(f"    {what}: {source}"))


def _show_model(terminal: Terminal, done: Initialized) -> None:
    file, model = done.model_file, done.model
    if file is None:
        return
    saved = ", ".join(f"{name} {version}" for name, version in file.packages.items() if version)
    text = f"  {file.path.name} is {file.format.title}{f', saved with {saved}' if saved else ''}"
    terminal.prose(escape(text))
    if model is not None:
        classes = f", classes {', '.join(map(str, model.classes[:8]))}" if model.classes else ""
        count = f", {counted(model.feature_count, 'feature')}" if model.feature_count is not None else ""
        terminal.prose(f"  it holds {escape(model.type)}{count}{escape(classes)}")


def _show_python(terminal: Terminal, done: Initialized) -> None:
    pins = ", ".join(done.requirements)
    if done.made_environment:
        verb = "would be made" if done.planned else "made"
        terminal.prose(f"  .venv {verb}{f' with {escape(pins)}' if pins else ''}")
    elif done.python is not None and pins:
        terminal.prose(
            f"  runs in {escape(str(done.python.path))} ({escape(done.python.origin)}), which has {escape(pins)}"
        )


def _show_baseline(terminal: Terminal, done: Initialized) -> None:
    numbers = baseline_fields(done.events)
    fields = ", ".join(".".join(field.path) for field in numbers[:_SHOWN_FIELDS])
    more = f" and {len(numbers) - _SHOWN_FIELDS} more" if len(numbers) > _SHOWN_FIELDS else ""
    if fields:
        terminal.prose(f"  scores by {counted(len(numbers), 'numeric field')}: {escape(fields)}{more}")


def _show_features(terminal: Terminal, done: Initialized) -> None:
    assert done.features is not None  # noqa: S101 - the caller has looked
    table = columns("feature", "field of the events", "type", "there in", "matched")
    features = done.features.features
    for one in features[:_SHOWN_FEATURES]:
        share = "all events" if one.present == one.events else f"{min(one.present / one.events, 0.999):.1%}"
        cells = (one.feature, one.field, one.kind, share, _HOW[one.how])
        table.add_row(*(escape(visible(cell)) for cell in cells))
    terminal.say()
    terminal.show(table)
    if len(features) > _SHOWN_FEATURES:
        terminal.say(f"  and {len(features) - _SHOWN_FEATURES} more: packflow.yaml lists all of them")


def _show_tree(terminal: Terminal, done: Initialized) -> None:
    terminal.say()
    for line in project_tree(done):
        terminal.say(escape(line))
    if done.model_file is not None and done.model is None:
        terminal.say()
        terminal.say("  The model's features are matched once its libraries are there.")
    terminal.say()
    terminal.say("Nothing was written.")


def _show_next(terminal: Terminal, done: Initialized, options: InitOptions) -> None:
    here = shown_path(done.path)
    python = f" --python {shlex.quote(options.python)}" if options.python and not done.made_environment else ""
    there = "" if here == "." else f" -C {here}"
    steps = {
        f"packflow{there} dry-run{python}": "run it one by one and in batches, and compare",
        f"packflow export{'' if here == '.' else f' {here}'}{python}": "write the one file",
        f"edit {shown_path(done.path / 'inference.py')}": "put your own model in"
        if done.model_file is None
        else "the code that runs the model",
    }
    width = max(map(len, steps))
    terminal.say()
    terminal.say("[bold]Next[/]")
    for step, meaning in steps.items():
        terminal.say(f"  {escape(step.ljust(width))}   {meaning}")


def init_data(done: Initialized) -> dict[str, Any]:
    """The ``data`` of ``--json``."""
    survey = done.events
    return {
        "path": str(done.path),
        "name": done.name,
        "kind": done.kind,
        "planned": done.planned,
        "files": done.files,
        "added": done.added,
        "events": {"read": survey.events, "invalid": survey.invalid_count, "sample": len(survey.sample)},
        "numeric_fields": [list(field.path) for field in survey.numeric_fields],
        "model": _model_data(done),
        "features": [vars(one) for one in done.features.features] if done.features is not None else None,
        "python": str(done.python.path) if done.python is not None else None,
        "made_environment": done.made_environment,
        "requirements": list(done.requirements),
        "assumed": list(done.assumed),
        "mlflow": _mlflow_data(done.mlflow) if done.mlflow is not None else None,
    }


def _mlflow_data(taken: TakenFromMlflow) -> dict[str, Any]:
    return {
        "folder": str(taken.model.folder),
        "flavor": taken.model.flavor,
        "mlflow_version": taken.model.mlflow_version,
        "framework_version": taken.model.framework_version,
        "sources": taken.sources,
        "notes": list(taken.notes),
    }


def _model_data(done: Initialized) -> dict[str, Any] | None:
    file, model = done.model_file, done.model
    if file is None:
        return None
    known = {"file": str(file.path), "format": file.format.key, "bytes": file.size, "packages": file.packages}
    if file.listing is not None:
        known["globals"] = list(file.listing.names)
    if model is None:
        return known
    ports = {
        what: [{"name": port.name, "type": port.type, "shape": list(port.shape)} for port in some]
        for what, some in (("inputs", model.inputs), ("outputs", model.outputs))
    }
    return {
        **known,
        **ports,
        "type": model.type,
        "feature_names": list(model.feature_names) if model.feature_names is not None else None,
        "feature_count": model.feature_count,
        "classes": list(model.classes) if model.classes is not None else None,
        "methods": list(model.methods),
        "objective": model.objective,
    }


def init_warnings(done: Initialized) -> list[Problem]:
    """What the user should know and need not act on."""
    found: list[Problem] = []
    survey = done.events
    if survey.invalid_count:
        first = survey.invalid[0]
        found.append(
            Problem(
                "events-invalid",
                f"{survey.invalid_count:,} lines are no events and were left out; the first is line {first.position}: "
                f"{first.message}.",
            )
        )
    if done.kind == "python" and not baseline_fields(survey):
        found.append(
            Problem(
                "no-numeric-fields",
                "The events have no numeric field that varies, so every score will be 0.",
                hint="Write a rule of your own in inference.py.",
            )
        )
    found += [Problem("mlflow-left-out", text) for text in (done.mlflow.notes if done.mlflow is not None else ())]
    found += [Problem("model-warning", text) for text in (done.model.warnings if done.model is not None else ())]
    return found
