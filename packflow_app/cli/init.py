"""``packflow init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from packflow_app.actions.init_options import InitOptions
from packflow_app.cli.asking import TerminalPage, can_ask, program_words, prompter_of
from packflow_app.cli.options import JsonOption, NoInputOption, TrustModelOption, TrustPickleOption, terminal_of
from packflow_app.errors import UsageError
from packflow_app.questions.init_interview import lacks_answers
from packflow_app.questions.names import placed, proposed_name
from packflow_app.result import Result
from packflow_app.wizards.init import InitWizard


def _folder(text: str) -> Path:
    if not text:  # as a variable that is not set leaves; Path would take it for the current folder
        raise UsageError("The name of the new project's folder is empty.", hint="Name a folder, or . for this one.")
    return Path(text)


def command(
    context: typer.Context,
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", parser=_folder, help="The new project's folder; . adds what is missing to this one."
        ),
    ] = None,
    *,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="FILE",
            help="The fitted model: joblib, pickle, skops, XGBoost, LightGBM, ONNX, TorchScript, PyTorch weights; or "
            "the word example.",
        ),
    ] = None,
    from_mlflow: Annotated[
        Path | None,
        typer.Option(
            "--from-mlflow",
            metavar="FOLDER",
            help="An MLflow model folder: its model, features, requirements and input example; other flags outrank it.",
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            "--events", metavar="FILE", help="Example events: JSON, CSV or Parquet, also packed; or the word example."
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            metavar="A,B,C|@FILE",
            help="The fields that the model takes, in its order; or some as feature=field (default: by its own names).",
        ),
    ] = None,
    trust_model: TrustModelOption = False,
    trust_pickle: TrustPickleOption = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The project's name (default: the folder's).")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER|URL",
            help="The skeleton: see `packflow skeletons list` (default: what the model is, else python).",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Answer a question of the skeleton (repeatable)."),
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="NAME==VERSION",
            help="A requirement beside what the model file tells, or its version (repeatable).",
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            "--python",
            metavar="PYTHON",
            help="The Python that runs the model: taken as it is where it has what the model needs, else .venv is made "
            "of it; new: always a .venv (default: as `packflow env info` lists).",
        ),
    ] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="One sentence about the model.")] = None,
    maintainer: Annotated[
        list[str] | None,
        typer.Option("--maintainer", metavar="'NAME <MAIL>'", help="Who looks after it (repeatable; default: git's)."),
    ] = None,
    license: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option("--license", metavar="SPDX", help="The licence, such as MIT (default: none yet).")
    ] = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Take the default for what is not given.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Add the missing files to a folder that holds others; overwrite none.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be made, and write nothing.")] = False,
    no_input: NoInputOption = False,
    as_json: JsonOption = False,
) -> int:
    terminal = terminal_of(context, as_json=as_json)
    options = InitOptions(
        target=target,
        events=events,
        name=name,
        kind=kind,
        description=description,
        model=model,
        trust_model=trust_model,
        trust_pickles=tuple(trust_pickle or ()),
        features=features,
        requirements=tuple(require or ()),
        python=python,
        maintainers=tuple(maintainer or ()),
        license=license,
        settings=dict(map(_setting, settings or ())),
        from_mlflow=from_mlflow,
        yes=yes,
        force=force,
        plan=plan,
    )
    if yes and target is None:
        options = placed(options, name or proposed_name(Path.cwd()))
    wizard = None
    if not no_input and not yes and can_ask(terminal):
        page = TerminalPage(terminal)
        whole = lacks_answers(options)
        wizard = InitWizard(options, prompter_of(page), page, program_words(terminal.command), whole=whole)
        options = wizard.ask()
    from packflow_app.actions.init import init  # noqa: PLC0415 - behind the first question
    from packflow_app.cli.env import describe_progress  # noqa: PLC0415
    from packflow_app.cli.init_view import init_data, init_warnings, show_init  # noqa: PLC0415

    done = init(
        options,
        report=lambda told: terminal.progress(told if isinstance(told, str) else describe_progress(told)),
        consulted=wizard,
    )
    show_init(terminal, done, options)
    return terminal.emit(Result(init_data(done), warnings=init_warnings(done)))


def _setting(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise UsageError(f"--set {text!r} is no setting.", hint="Write for example --set key=src.ip.")
    return name, value
