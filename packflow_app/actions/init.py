"""Make a project from a file of sample events."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import UsageError
from packflow_app.events.survey import EventsSurvey, survey_events
from packflow_app.locations import SAMPLE_EVENTS
from packflow_app.projects.scaffold import check_free, check_project_name, create_project
from packflow_app.projects.skeletons import check_kind, render_skeleton

if TYPE_CHECKING:
    from pathlib import Path

BASELINE = "artifacts/baseline.json"


@dataclass(frozen=True)
class InitOptions:
    """What ``packflow init`` needs: the new folder, and a file of events. The name is the folder's by default."""

    target: Path | None
    events: Path | None
    name: str | None = None
    kind: str = "python"
    description: str | None = None


@dataclass(frozen=True)
class Initialized:
    """The project that was made."""

    path: Path
    name: str
    kind: str
    files: list[str]
    events: EventsSurvey


def init(options: InitOptions) -> Initialized:
    """Create the project; nothing is written unless everything is in order."""
    target, events = _complete(options)
    name = options.name or target.absolute().name
    check_project_name(name)
    check_kind(options.kind)
    check_free(target)
    survey = survey_events(events)
    values = {
        "name": name,
        "description": options.description or f"Scores events by how unusual their numbers are ({name}).",
        "sample_events": SAMPLE_EVENTS,
        "events_seen": survey.events,
        "field_count": len(survey.numeric_fields),
    }
    files = render_skeleton(options.kind, values)
    files[SAMPLE_EVENTS] = b"".join(event.raw.strip() + b"\n" for event in survey.sample)
    files[BASELINE] = _baseline(survey)
    create_project(target, files)
    return Initialized(target.absolute(), name, options.kind, sorted(files), survey)


def _complete(options: InitOptions) -> tuple[Path, Path]:
    missing = [flag for flag, value in (("DIR", options.target), ("--events FILE", options.events)) if value is None]
    if options.target is None or options.events is None:
        raise UsageError(
            f"Missing: {' and '.join(missing)}.",
            code="input-missing",
            hint="Run for example: packflow init dns-score --events events.ndjson",
        )
    return options.target, options.events


def _baseline(survey: EventsSurvey) -> bytes:
    content = {"events": survey.events, "fields": [asdict(field) for field in survey.numeric_fields]}
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"
