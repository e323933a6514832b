"""git as a program: who the user is, and a copy of somebody's repository."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 120
_REMOTE = re.compile(r"(https?|ssh|git|file)://|[\w.-]+@[\w.-]+:")
# Nothing is ever asked for on the terminal, and no transport that runs a command of the URL's choice is used.
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "LC_ALL": "C"}


def is_repository_url(text: str) -> bool:
    """Whether ``text`` names a repository elsewhere, as git spells them, rather than a file or folder."""
    return _REMOTE.match(text) is not None


def is_bare_repository(folder: Path) -> bool:
    """Whether a folder is a bare repository, whose files git must give out."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()


def clone(source: str, folder: Path) -> None:
    """Put the newest commit of a repository (``URL`` or ``URL#BRANCH``) into ``folder``; raises NotFoundError."""
    url, _, branch = source.partition("#")
    command = ["git", "clone", "--quiet", "--depth", "1", "--no-tags", "--config", "core.symlinks=false"]
    command += ["--branch", branch] if branch else []
    shown = re.sub(r"(?<=://)[^/\s@]+@", "***@", url)
    try:
        done = subprocess.run(
            [*command, "--", url, str(folder)],
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise NotFoundError(
            f"{shown} needs git, which is not installed.",
            code="git-not-found",
            hint="Install git, or name a folder that holds the skeleton.",
        ) from None
    except subprocess.TimeoutExpired:
        raise NotFoundError(
            f"{shown} did not answer within {_SECONDS} s.",
            code="skeleton-not-found",
            hint="Clone it by hand and name the folder.",
        ) from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git gives no reason"]
        fatal = next((line for line in lines if line.startswith("fatal: ")), lines[-1])
        said = re.sub(r"(?<=://)[^/\s@]+@", "***@", fatal).removeprefix("fatal: ").rstrip(".")
        raise NotFoundError(
            f"{shown} could not be cloned: {said}.",
            code="skeleton-not-found",
            hint="Check the address (URL or URL#BRANCH), or clone it by hand and name the folder.",
        )


def user_of_git() -> str:
    """``Name <mail>`` as git is configured; empty where it is not, or is not there."""
    name, mail = _configured("user.name"), _configured("user.email")
    return f"{name} <{mail}>" if name and mail else name


def _configured(key: str) -> str:
    try:
        done = subprocess.run(
            ["git", "config", "--get", key], capture_output=True, timeout=10, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
