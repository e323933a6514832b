"""What pip is configured to use, said to uv, which reads no pip.conf: users of a private index set it there once."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SECONDS = 30
_OPTION = re.compile(r"(?:global|install|:env:)\.([a-z-]+)=(.+)")
_OWN_VARIABLES = (
    "UV_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_NO_INDEX",
)
# pip's option, uv's variable, and what stands between several values.
_TRANSLATED = (
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
)


def index_variables(pythons: Iterable[Path], project_dir: Path, written: Sequence[str] = ()) -> dict[str, str]:
    """Environment variables that tell uv of the indexes that pip is configured for.

    The first of ``pythons`` that has pip is asked; ``written`` are the options in the requirements, whose --index-url
    outranks pip's configuration and would not outrank a variable. Empty where uv has a configuration of its own. The
    values may hold passwords: they go into the environment of a process, never on a command line or a screen.
    """
    if any(os.environ.get(name) for name in _OWN_VARIABLES) or _uv_is_configured(project_dir):
        return {}
    configured = next((options for python in pythons if (options := pip_options(python)) is not None), {})
    if any(line.startswith(("-i", "--index-url")) for line in written):
        configured.pop("index-url", None)
    found = {
        variable: between.join(configured[option].split())
        for option, variable, between in _TRANSLATED
        if configured.get(option) and not os.environ.get(variable)
    }
    if configured.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        found["UV_NO_INDEX"] = "1"
    if "UV_INDEX" in found and not os.environ.get("UV_INDEX_STRATEGY"):
        # pip looks at all of its indexes, so one of them may be a partial mirror. Unlike pip, a version that the extra
        # index has is preferred to a newer one of the same name elsewhere, which an attacker may have put there.
        found["UV_INDEX_STRATEGY"] = "unsafe-first-match"
    return found


def pip_options(python: Path) -> dict[str, str] | None:
    """The options of pip by name, from its files and variables as it ranks them; None where that Python has no pip."""
    try:
        answer = subprocess.run(
            [str(python), "-I", "-m", "pip", "config", "list"],
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PIP_NO_COLOR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    by_rank: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in answer.stdout.decode("utf-8", "replace").splitlines():
        match = _OPTION.fullmatch(line.strip())
        if match:
            by_rank[line.strip().partition(".")[0]][match[1]] = _text(match[2])
    return {**by_rank["global"], **by_rank["install"], **by_rank[":env:"]}


def _text(literal: str) -> str:
    try:
        return str(ast.literal_eval(literal))
    except (ValueError, SyntaxError):
        return literal


def _uv_is_configured(project_dir: Path) -> bool:
    """Whether a file that uv reads names an index or a folder of wheels."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    above = [project_dir, *project_dir.parents]
    files = [Path("/etc/uv/uv.toml"), home / "uv" / "uv.toml"]
    files += [folder / name for folder in above for name in ("uv.toml", "pyproject.toml")]
    return any(_names_an_index(path) for path in files)


def _names_an_index(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    if path.name == "pyproject.toml":
        text = "\n".join(re.findall(r"^\[+tool\.uv[\s\S]*?(?=^\[(?!\[?tool\.uv)|\Z)", text, re.MULTILINE))
    return bool(
        re.search(
            r"^\s*(\[\[(tool\.uv\.)?index\]\]|(index|index-url|extra-index-url|find-links)\s*=)", text, re.MULTILINE
        )
    )
