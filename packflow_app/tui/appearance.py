"""Which colours to use, decided before Textual is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

THEMES = ("dark", "light", "ansi", "none")
"""``ansi`` takes the terminal's own sixteen colours, ``none`` takes no colour at all."""


def chosen_theme(
    flag: str | None,
    environment: Mapping[str, str],
    remembered: str | None,
    background_is_light: Callable[[], bool | None],
) -> str:
    """The theme: ``--theme``, PACKFLOW_THEME, NO_COLOR, the one chosen last, the terminal's background, dark.

    What was chosen last by a key counts less than NO_COLOR, which is set on purpose for every program. Over SSH the
    terminal is not asked: its answer may come so late that it would be taken for keys. Raises UsageError for a theme
    that there is not.
    """
    for source, name in (("--theme", flag), ("PACKFLOW_THEME=", environment.get("PACKFLOW_THEME"))):
        if name:
            if name not in THEMES:
                from packflow_app.errors import UsageError  # noqa: PLC0415 - not before the first picture

                raise UsageError(
                    f"{source} {name}: there is no such theme.".replace("= ", "="),
                    code="theme-unknown",
                    hint=f"Choose one of: {', '.join(THEMES)}.",
                )
            return name
    if environment.get("NO_COLOR"):
        return "none"
    if remembered in THEMES:
        return str(remembered)
    is_remote = "SSH_CONNECTION" in environment or "SSH_TTY" in environment
    return "light" if not is_remote and background_is_light() else "dark"
