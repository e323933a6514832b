"""The colours of each theme; every text colour has a contrast of at least 4.5 to 1 on every background it stands on."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

_DARK = {
    "muted": "#97a3b6",
    "key": "#79c7ea",
    "string": "#a5d6a0",
    "number": "#e3b778",
    "literal": "#d2a4ef",
    "cursor-background": "#1a3653",
    "cursor-foreground": "#ffffff",
    "line": "#36465c",
    "block-cursor-background": "#1a3653",
    "block-cursor-foreground": "#ffffff",
    "block-cursor-text-style": "none",
    "block-cursor-blurred-background": "#22303f",
    "block-cursor-blurred-foreground": "#d8e0ea",
    "input-selection-background": "#2c5d8f",
    "input-cursor-background": "#d8e0ea",
    "input-cursor-foreground": "#12171e",
    "scrollbar": "#33415a",
    "scrollbar-hover": "#4a5f80",
    "scrollbar-active": "#5fa8d3",
    "scrollbar-background": "#12171e",
    "scrollbar-background-hover": "#12171e",
    "scrollbar-background-active": "#12171e",
    "scrollbar-corner-color": "#12171e",
}
_LIGHT = {
    "muted": "#586174",
    "key": "#0a5c86",
    "string": "#2a6b2c",
    "number": "#8a4f00",
    "literal": "#6f3aa8",
    "cursor-background": "#cfe3f4",
    "cursor-foreground": "#10161e",
    "line": "#c3cad4",
    "block-cursor-background": "#cfe3f4",
    "block-cursor-foreground": "#10161e",
    "block-cursor-text-style": "none",
    "block-cursor-blurred-background": "#e4e9ef",
    "block-cursor-blurred-foreground": "#20262f",
    "input-selection-background": "#b5d5ee",
    "input-cursor-background": "#20262f",
    "input-cursor-foreground": "#ffffff",
    "scrollbar": "#bcc5d1",
    "scrollbar-hover": "#97a4b5",
    "scrollbar-active": "#0a5c86",
    "scrollbar-background": "#fbfbf9",
    "scrollbar-background-hover": "#fbfbf9",
    "scrollbar-background-active": "#fbfbf9",
    "scrollbar-corner-color": "#fbfbf9",
}


def _plain() -> dict[str, str]:
    """Variables of a theme that leaves the background to the terminal."""
    named = dict(BUILTIN_THEMES["ansi-dark"].variables)
    named |= {"muted": "ansi_default", "line": "ansi_default", "cursor-background": "ansi_blue"}
    named |= {"key": "ansi_cyan", "string": "ansi_green", "number": "ansi_yellow", "literal": "ansi_magenta"}
    named |= {"cursor-foreground": "ansi_bright_white", "block-cursor-text-style": "none"}
    named |= {"block-cursor-background": "ansi_blue", "block-cursor-foreground": "ansi_bright_white"}
    named |= {"block-cursor-blurred-background": "ansi_default", "block-cursor-blurred-foreground": "ansi_default"}
    named |= {"input-cursor-text-style": "reverse"}
    named |= {f"scrollbar{part}": "ansi_default" for part in ("-background", "-background-hover", "-corner-color")}
    named |= {"scrollbar": "ansi_bright_black", "scrollbar-hover": "ansi_white", "scrollbar-active": "ansi_white"}
    return named


def _ansi(name: str, variables: dict[str, str], colors: dict[str, str]) -> Theme:
    backgrounds = dict.fromkeys(("foreground", "background", "surface", "panel", "boost"), "ansi_default")
    return Theme(name=name, ansi=True, variables=variables, **backgrounds, **colors)  # type: ignore[arg-type]


DARK = Theme(
    name="packflow-dark",
    primary="#5fa8d3",
    secondary="#79c7ea",
    accent="#d2a4ef",
    success="#7fc98a",
    warning="#e8b75d",
    error="#f38b82",
    foreground="#d8e0ea",
    background="#12171e",
    surface="#12171e",
    panel="#1b232d",
    dark=True,
    variables=_DARK,
)
LIGHT = Theme(
    name="packflow-light",
    primary="#0a5c86",
    secondary="#0a5c86",
    accent="#6f3aa8",
    success="#22692c",
    warning="#835200",
    error="#a9261e",
    foreground="#20262f",
    background="#fbfbf9",
    surface="#fbfbf9",
    panel="#eceff3",
    dark=False,
    variables=_LIGHT,
)
ANSI = _ansi(
    "packflow-ansi",
    _plain(),
    {
        "primary": "ansi_blue",
        "secondary": "ansi_cyan",
        "accent": "ansi_magenta",
        "success": "ansi_green",
        "warning": "ansi_yellow",
        "error": "ansi_red",
    },
)
_REVERSED = {"block-cursor-text-style": "reverse", "input-cursor-text-style": "reverse"}
NONE = _ansi(
    "packflow-none",
    dict.fromkeys(_plain(), "ansi_default") | _REVERSED,
    dict.fromkeys(("primary", "secondary", "accent", "success", "warning", "error"), "ansi_default"),
)
BY_NAME = {"dark": DARK, "light": LIGHT, "ansi": ANSI, "none": NONE}
