"""What `COMMAND --help` tells beside the options: when to use it, examples that work, exit codes and variables."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

from packflow_app.variables import HONOURED, VARIABLES

_WIDTH = 76
_STANDARD = {
    0: "done",
    2: "wrong usage, or input is missing and nobody can be asked",
    3: "something is not found, or packflow.yaml is not valid",
    4: "the model raised, timed out or died",
    5: "the output cannot be written",
    130: "interrupted, and nothing half-written is left",
}


@dataclass(frozen=True)
class HelpPage:
    """``exits`` are the exit codes with what they mean here; those without a text mean what they do everywhere."""

    when: str
    examples: tuple[str, ...]
    exits: dict[int, str] = field(default_factory=dict)
    codes: tuple[int, ...] = (0, 2, 3, 5)
    variables: tuple[str, ...] = ()

    def epilog(self) -> str:
        """What stands below the options; each block is kept as it is written."""
        told = {**{code: _STANDARD[code] for code in self.codes}, **self.exits}
        blocks = ["Examples:\n" + "\n".join(f"  {one}" for one in self.examples)]
        blocks.append("Exit codes:\n" + _rows({str(code): told[code] for code in sorted(told)}))
        if self.variables:
            meanings = VARIABLES | HONOURED
            blocks.append("Environment:\n" + _rows({name: meanings[name] for name in self.variables}))
        return "\n\n".join(f"\b\n{block}" for block in blocks)


def _rows(told: dict[str, str]) -> str:
    """Words with their meanings, folded to the width of a narrow terminal; the parser indents them by two more."""
    width = max(3, *map(len, told))
    rows = (
        textwrap.fill(
            meaning,
            _WIDTH,
            initial_indent=f"  {word:<{width}}  ",
            subsequent_indent=" " * (width + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for word, meaning in told.items()
    )
    return "\n".join(rows)


_RUNS = (0, 2, 3, 4, 5, 130)

PAGES = {
    "init": HelpPage(
        "Use it first: beside a model file and a file of events. On a terminal it asks for what is missing.",
        (
            "packflow init",
            "packflow init dns-score --events dns.ndjson.gz",
            "packflow init churn --model model.joblib --trust-model --events e.csv",
            "packflow init . --events example --plan",
        ),
        codes=_RUNS,
        variables=("PACKFLOW_MAINTAINER", "PACKFLOW_LICENSE"),
    ),
    "inspect": HelpPage(
        "Use it before init, to see what the events hold, and whenever a stream looks different than it did.",
        (
            "packflow inspect dns.ndjson.gz",
            "packflow inspect march.ndjson april.ndjson",
            "packflow inspect flows.parquet --schema",
            "packflow inspect e.ndjson --filter \"action = 'deny'\" --save deny.ndjson",
        ),
    ),
    "dry-run": HelpPage(
        "Use it after every change of the model or its code: whether one by one gives what batches give, how fast it "
        "is, and which events fail.",
        (
            "packflow dry-run",
            "packflow -C dns-score dry-run events.ndjson --batch-size 1,8,64",
            "packflow dry-run --against dist/dns_score-0.1.0.zip",
            "packflow dry-run --report report.html --no-probes",
        ),
        exits={1: "runs differ that must agree, or events failed"},
        codes=_RUNS,
        variables=("VIRTUAL_ENV", "CONDA_PREFIX"),
    ),
    "validate": HelpPage(
        "Use it before an export, or in CI: all that an export checks, without writing an archive.",
        (
            "packflow validate",
            "packflow validate dns-score --strict",
            "packflow validate --fix",
            "packflow validate -v",
        ),
        exits={1: "a check failed; with --strict also a warning"},
        codes=(0, 2, 3, 4),
    ),
    "export": HelpPage(
        "Use it to ship a project. It runs the dry run first where its verdict is missing or stale.",
        (
            "packflow export",
            "packflow export dns-score -o dist",
            "packflow export --plan",
            "packflow export -o dist --golden 20 --sign release.key --kit kit -y",
        ),
        exits={1: "a check keeps it from being exported", 2: "wrong usage, or another archive stands there"},
        codes=_RUNS,
        variables=("SOURCE_DATE_EPOCH", "PACKFLOW_KEY_PASSPHRASE"),
    ),
    "verify": HelpPage(
        "Use it on archives that you received, before anything of them runs. Nothing is written.",
        (
            "packflow verify dist/dns_score-0.1.0.zip",
            "packflow verify model.zip --key release.pub --require parity,sbom",
            "packflow verify a.zip b.zip --json",
            "packflow verify model.zip --replay --wheelhouse wheels",
        ),
        exits={1: "an archive is not whole, or does not meet what is required"},
        codes=(0, 2, 3, 4),
    ),
    "run": HelpPage(
        "Use it to run a model here; elsewhere `python3 ARCHIVE run` does the same without Packflow.",
        (
            "packflow run dist/dns_score-0.1.0.zip < events.ndjson",
            "packflow run model.zip events.ndjson.gz -o outcomes.ndjson --resume",
            "packflow run dns-score events.ndjson --set threshold=0.8",
            "packflow run model.zip events.ndjson --workers 4 --dead-letters bad.ndjson",
        ),
        exits={1: "more events failed than --max-errors allows"},
        codes=_RUNS,
        variables=("PACKFLOW_CACHE", "PACKFLOW_CONFIG", "PACKFLOW_LOG_LEVEL"),
    ),
    "serve": HelpPage(
        "Use it where events come from a broker, as a service that runs on; `python3 ARCHIVE serve` does the same.",
        (
            "packflow serve model.zip --source 'kafka://b/in?group=s' --sink kafka://b/out",
            "packflow serve model.zip --source 'redis://r/in?group=s' --sink redis://r/out",
            "packflow serve model.zip --source stdin: --sink stdout: --http 9100",
        ),
        exits={
            1: "more events failed than --max-errors allows",
            130: "interrupted, like 143 for SIGTERM: the batch in hand was finished and acknowledged",
        },
        codes=_RUNS,
        variables=("PACKFLOW_CACHE", "PACKFLOW_CONFIG", "PACKFLOW_LOG_LEVEL"),
    ),
    "show": HelpPage(
        "Use it to see what an archive brings and asks for, or what a new one changes. `packflow info` is the same.",
        ("packflow show dist/dns_score-0.1.0.zip", "packflow show old.zip new.zip", "packflow show model.zip -v"),
        exits={1: "the archive is not whole"},
        codes=(0, 2, 3),
    ),
    "sign": HelpPage(
        "Use it on an archive that others are to trust; export --sign does it at once. It needs the extra `sign`.",
        (
            "packflow sign dist/model-1.0.0.zip --key release.key",
            "packflow sign model.zip --sign-command ./token-sign --public-key release.pub",
            "packflow sign model.zip --key release.key -o model.sig --force",
        ),
        exits={1: "the archive, or the key's file, is not as it must be"},
        variables=("PACKFLOW_KEY_PASSPHRASE",),
    ),
    "kit": HelpPage(
        "Use it for receivers who reach no index: archive, wheels, a verifier and a README in one folder.",
        (
            "packflow kit dist/model-1.0.0.zip -o kit",
            "packflow kit model.zip -o kit --target linux-x86_64-cp311 --sign release.key",
            "packflow kit model.zip -o kit --wheelhouse wheels --force",
        ),
        exits={1: "the archive is not whole, or a target lacks a wheel"},
        variables=("PACKFLOW_KEY_PASSPHRASE",),
    ),
    "keygen": HelpPage(
        "Use it once, before you sign. Give the public file, and its fingerprint, to your receivers.",
        ("packflow keygen -o release.key", "packflow keygen --no-passphrase -o ci.key"),
        codes=(0, 2, 5),
        variables=("PACKFLOW_KEY_PASSPHRASE",),
    ),
    "compare": HelpPage(
        "Use it to see what a new model changes on real events, field by field.",
        (
            "packflow compare old.zip new.zip events.ndjson",
            "packflow compare old.zip my-project events.ndjson.gz --limit 1000",
            "packflow compare old.zip new.zip e.ndjson --atol 1e-6 --ignore model_version",
        ),
        exits={1: "the outputs differ"},
        codes=_RUNS,
    ),
    "update": HelpPage(
        "Use it when the model was trained again: it is tried beside the old one before anything changes.",
        (
            "packflow update --model model.joblib",
            "packflow update dns-score --model new.onnx --plan",
            "packflow update --model model.joblib --trust-model --bump minor -y",
        ),
        exits={1: "the new model is not to be trusted, its runs differ, or another change is going on"},
        codes=_RUNS,
    ),
    "demo": HelpPage(
        "Use it to see what Packflow does, in about a minute, without files of your own.",
        ("packflow demo", "packflow demo -o tour"),
        codes=(0, 2, 5, 130),
    ),
    "ui": HelpPage(
        "Use it to work by keys instead of commands; `packflow` alone opens it too. It needs a terminal, or with "
        "--serve a browser on this machine and the extra `serve`.",
        (
            "packflow ui",
            "packflow -C dns-score ui dry-run",
            "packflow ui --plain",
            "packflow ui --serve --port 0",
        ),
        exits={
            2: "wrong usage, no terminal, or the port cannot be had",
            3: "--serve, and textual-serve is not installed",
            130: "--serve was ended by Ctrl-C, like 143 by SIGTERM",
        },
        codes=(0,),
        variables=("PACKFLOW_THEME", "PACKFLOW_PLAIN", "NO_COLOR", "TERM", "VISUAL", "EDITOR"),
    ),
    "migrate": HelpPage(
        "Use it once for a project of packflow 0.4: the changes are shown first, and can be taken back.",
        (
            "packflow migrate old-project --plan",
            "packflow migrate old-project -y",
            "packflow migrate old-project --old-python ~/venv-0.4/bin/python",
            "packflow migrate old-project --undo",
        ),
        exits={1: "runs or outputs differ, or a file cannot be read"},
        codes=_RUNS,
    ),
    "skeletons": HelpPage(
        "Use it to choose what `packflow init --kind` starts from.",
        ("packflow skeletons list", "packflow skeletons show stateful"),
        codes=(0, 2, 3),
    ),
    "skeletons list": HelpPage("", ("packflow skeletons list", "packflow skeletons list --json"), codes=(0, 2)),
    "skeletons show": HelpPage(
        "", ("packflow skeletons show xgboost", "packflow skeletons show ./our-skeleton"), codes=(0, 2, 3)
    ),
    "cache": HelpPage(
        "Use it when the disk fills: archives that were run leave an extracted copy, and environments, in the cache.",
        ("packflow cache list", "packflow cache clean --older-than 30"),
        variables=("PACKFLOW_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"),
    ),
    "cache list": HelpPage(
        "",
        ("packflow cache list", "packflow cache list --cache /srv/cache --json"),
        codes=(0, 2, 3),
        variables=("PACKFLOW_CACHE",),
    ),
    "cache clean": HelpPage(
        "",
        ("packflow cache clean", "packflow cache clean dns-score-0.1.0", "packflow cache clean --all"),
        variables=("PACKFLOW_CACHE",),
    ),
    "env": HelpPage(
        "Use it where the model needs libraries: the project's .venv and its lock.",
        ("packflow env sync", "packflow env lock", "packflow env info"),
        variables=("PACKFLOW_INSTALLER", "VIRTUAL_ENV", "CONDA_PREFIX"),
    ),
    "env sync": HelpPage(
        "",
        (
            "packflow env sync",
            "packflow env sync dns-score --python 3.12",
            "packflow env sync --wheelhouse wheels",
            "packflow env sync --installer pip --upgrade",
        ),
        exits={1: "a download is not what the lock pins"},
        codes=(0, 2, 3, 5, 130),
        variables=("PACKFLOW_INSTALLER", "VIRTUAL_ENV", "CONDA_PREFIX"),
    ),
    "env lock": HelpPage(
        "", ("packflow env lock", "packflow env lock --upgrade", "packflow env lock dns-score"), codes=(0, 2, 3, 5, 130)
    ),
    "env wheel": HelpPage("", ("packflow env wheel", "packflow env wheel -o wheels")),
    "env info": HelpPage(
        "",
        ("packflow env info", "packflow env info dns-score --python 3.12 --json"),
        codes=(0, 2, 3),
        variables=("VIRTUAL_ENV", "CONDA_PREFIX"),
    ),
    "env remove": HelpPage("", ("packflow env remove", "packflow env remove dns-score --force")),
    "config": HelpPage(
        "Use it for what you would otherwise write into every command. An option outranks its variable, which "
        "outranks what is kept here.",
        ("packflow config list", "packflow config set license MIT", "packflow config unset theme"),
        variables=(
            "PACKFLOW_COLOR",
            "PACKFLOW_PLAIN",
            "PACKFLOW_THEME",
            "PACKFLOW_INSTALLER",
            "PACKFLOW_MAINTAINER",
            "PACKFLOW_LICENSE",
        ),
    ),
    "config path": HelpPage("", ("packflow config path", "packflow config path --json"), codes=(0, 2)),
    "config list": HelpPage("", ("packflow config list", "packflow config list --json"), codes=(0, 2, 3)),
    "config get": HelpPage("", ("packflow config get theme",), exits={1: "it has no value"}, codes=(0, 2, 3)),
    "config set": HelpPage(
        "", ("packflow config set theme light", "packflow config set maintainer 'Ann <ann@example.org>'")
    ),
    "config unset": HelpPage("", ("packflow config unset theme",)),
    "doctor": HelpPage(
        "Use it when something does not work, or before you report that. It runs no model and asks no network; with "
        "--bundle it makes a folder from which Packflow itself installs elsewhere.",
        (
            "packflow doctor",
            "packflow -C dns-score doctor --json",
            "packflow doctor --bundle bundle --target linux-x86_64-cp311",
        ),
        exits={1: "something is wrong; with --strict also a warning"},
        codes=(0, 2, 3, 5),
        variables=("PACKFLOW_CACHE", "TMPDIR"),
    ),
    "completion": HelpPage(
        "Use it once for each shell; docs/completion.md says where the script goes.",
        (
            "packflow completion bash > ~/.packflow-completion.bash",
            "packflow completion zsh > ~/.zfunc/_packflow",
            "packflow completion fish > ~/.config/fish/completions/packflow.fish",
        ),
        codes=(0, 2, 5),
    ),
    "create": HelpPage(
        "Use it where scripts for packflow 0.4 do; everything else is in init.",
        ("packflow create my-model", "packflow create my-model -f --no-input"),
        codes=_RUNS,
    ),
}
"""Of each command, and of each command of a group, as `env sync`; what to use those for is in their first line."""
