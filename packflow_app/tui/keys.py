"""Every key of the app, once: bindings, footers, the help and the palette are made from this table."""

from __future__ import annotations

from dataclasses import dataclass

SCREENS = {
    "home": "Home",
    "inspect": "Events",
    "dry-run": "Dry run",
    "validate": "Validate",
    "export": "Export",
    "verify": "Archive",
}
"""The screens by the names of their steps; their keys are 1 to 6."""


@dataclass(frozen=True)
class Key:
    """A key: ``keys`` as Textual names them, how it is shown, a word for the footer, a sentence for help and palette.

    ``action`` is Textual's; ``footer`` is its place there, the lowest first, 0 for none. ``screen`` is the only one
    that has it, or None. ``palette`` False leaves it out where it makes no sense to choose it from a list.
    """

    keys: str
    shown: str
    label: str
    title: str
    action: str
    footer: int = 0
    screen: str | None = None
    palette: bool = True


EVERYWHERE = (
    *(
        Key(str(number), str(number), title, f"Go to {title}", f"app.go('{name}')")
        for number, (name, title) in enumerate(SCREENS.items(), 1)
    ),
    Key("escape", "esc", "Back", "Stop what is running, or go back", "screen.back", palette=False),
    Key("y", "y", "Copy", "Copy the selection, or the command that is shown", "app.copy"),
    Key("c", "c", "Copy error", "Copy the error that is shown", "app.copy_problem"),
    Key("Y", "Y", "Copy screen", "Copy the whole screen as text", "app.copy_screen"),
    Key("t", "t", "Theme", "Take the next theme: dark, light, ansi", "app.next_theme"),
    Key("m", "m", "Mouse", "Give the mouse to the terminal, or take it back", "app.toggle_mouse"),
    Key("question_mark,f1", "?", "Keys", "Show the keys of this screen", "app.show_keys", footer=80),
    Key("ctrl+p", "^p", "Commands", "Search all commands", "app.command_palette", palette=False),
    Key("q", "q", "Quit", "Quit", "app.leave", footer=90),
    Key("ctrl+c", "^c", "Stop", "Stop what is running, or copy the selection", "app.interrupt", palette=False),
)

OF_SCREENS = (
    Key("r", "r", "Run", "Run the next step", "screen.run", 10, "home"),
    Key("enter", "enter", "Open", "Open the step, or do what is marked", "screen.open", 20, "home", palette=False),
    Key("n", "n", "New project", "Make a new project", "app.new_project", 30, "home"),
    Key("o", "o", "Open folder", "Open another project's folder", "app.open_project", 40, "home"),
    Key("a", "a", "Open archive", "Open an archive", "app.open_archive", 0, "home"),
    Key("e", "e", "Edit", "Edit packflow.yaml, at the line of its error", "screen.edit", 0, "home"),
    Key(
        "slash",
        "/",
        "Filter",
        "Filter the events by a text or an SQL expression",
        "screen.filter",
        20,
        "inspect",
    ),
    Key(
        "n", "n", "Next problem", "Go to the next invalid line or conflict of types", "screen.problem(1)", 30, "inspect"
    ),
    Key("N", "N", "Previous", "Go to the previous problem", "screen.problem(-1)", 0, "inspect"),
    Key("s", "s", "Save", "Save the sample of these events", "screen.save", 40, "inspect"),
    Key("r", "r", "Profile", "Read the file again and profile it", "screen.run", 50, "inspect"),
    Key("o", "o", "Open", "Open another file of events, or read it otherwise", "screen.open_events", 45, "inspect"),
    Key("enter", "enter", "Event", "Show the event alone", "screen.open", 10, "inspect", palette=False),
    Key("left_square_bracket", "[", "Columns left", "Show earlier columns", "screen.columns(-1)", 0, "inspect"),
    Key("right_square_bracket", "]", "Columns right", "Show further columns", "screen.columns(1)", 0, "inspect"),
    Key("r", "r", "Run", "Run the model on the sample events", "screen.run", 10, "dry-run"),
    Key(
        "enter",
        "enter",
        "Side by side",
        "Show both outputs of the first difference",
        "screen.open",
        20,
        "dry-run",
        palette=False,
    ),
    Key("o", "o", "Options", "Choose events, batch sizes, tolerances, and more", "screen.options", 25, "dry-run"),
    Key("n", "n", "Next", "Go to the next problem", "screen.problem(1)", 30, "dry-run"),
    Key("N", "N", "Previous", "Go to the previous problem", "screen.problem(-1)", 0, "dry-run"),
    Key("p", "p", "Panes", "Show the next of problems, speed, probes and log", "screen.next_pane", 40, "dry-run"),
    Key("e", "e", "Edit", "Open the editor where the problem is", "screen.edit", 50, "dry-run"),
    Key("r", "r", "Check", "Check again, running the model where that is due", "screen.run", 10, "validate"),
    Key("e", "e", "Edit", "Open the editor at the line of the finding", "screen.edit", 20, "validate"),
    Key("f", "f", "Fix", "Show the safe fix of this finding, and apply it", "screen.fix", 30, "validate"),
    Key("F", "F", "Fix all", "Show all safe fixes, and apply them", "screen.fix_all", 0, "validate"),
    Key("n", "n", "Next", "Go to the next finding", "screen.problem(1)", 0, "validate"),
    Key("N", "N", "Previous", "Go to the previous finding", "screen.problem(-1)", 0, "validate"),
    Key("slash", "/", "Filter", "Show only findings with a text", "screen.filter", 40, "validate"),
    Key("r", "r", "Export", "Write the archive", "screen.run", 10, "export"),
    Key(
        "o",
        "o",
        "Options",
        "Choose the folder, the golden events, and more",
        "screen.options",
        20,
        "export",
    ),
    Key("r", "r", "Verify", "Read every byte again and check it", "screen.run", 10, "verify"),
    Key("R", "R", "Replay", "Run its golden events in a new environment", "screen.replay", 30, "verify"),
    Key("s", "s", "Signer", "Choose whose signature is demanded, and what else", "screen.demand", 40, "verify"),
    Key("d", "d", "Difference", "Show what another archive changes", "screen.compare", 50, "verify"),
    Key("o", "o", "Open", "Open another archive", "app.open_archive", 20, "verify"),
    Key("p", "p", "Panes", "Show the next pane, such as needs or difference", "screen.next_pane", 60, "verify"),
    Key("enter", "enter", "Look", "Show the chosen file", "screen.open", 70, "verify", palette=False),
    Key("n", "n", "Next", "Go to the next file that is wrong", "screen.problem(1)", 0, "verify"),
    Key("N", "N", "Previous", "Go to the previous file that is wrong", "screen.problem(-1)", 0, "verify"),
)

NEW_PROJECT = "init"
"""The wizard of a new project, which stands over all screens; these are all the keys that it has."""

OF_NEW_PROJECT = (
    Key("enter", "enter", "Answer", "Take the answer that is marked or typed", "screen.answer", 10),
    Key("escape", "esc", "Back", "Go back a question; at the first one, leave", "screen.back", 20),
    Key("ctrl+c", "^c", "Leave", "Leave from any question; nothing is written", "app.interrupt", 30),
    Key("y", "y", "Yes", "Answer a question of yes or no with yes", "screen.say('yes')", 0),
    Key("n", "n", "No", "Answer it with no", "screen.say('no')", 0),
    Key("slash", "/", "Filter", "Show only answers with a text", "screen.filter", 0),
    Key("pageup", "pgup", "Up", "Read further up in what is shown", "screen.scroll(-1)", 0),
    Key("pagedown", "pgdn", "Down", "Read further down in what is shown", "screen.scroll(1)", 0),
    Key("r", "r", "Again", "Try again after an error", "screen.run", 0),
    Key("c", "c", "Copy", "Copy the error, or the command that does the same", "screen.copy", 40),
    Key("Y", "Y", "Copy screen", "Copy the whole screen as text", "app.copy_screen", 0),
    Key("t", "t", "Theme", "Take the next theme: dark, light, ansi", "app.next_theme", 0),
    Key("m", "m", "Mouse", "Give the mouse to the terminal, or take it back", "app.toggle_mouse", 0),
    Key("question_mark,f1", "F1", "Keys", "Show these keys", "screen.show_keys", 80),
    Key("q", "q", "Quit", "Quit the app", "app.leave", 0),
)


def keys_of(screen: str) -> list[Key]:
    """The keys that work on a screen, its own first."""
    if screen == NEW_PROJECT:
        return [*OF_NEW_PROJECT]
    return [*(key for key in OF_SCREENS if key.screen == screen), *EVERYWHERE]


def footer_of(screen: str) -> list[Key]:
    """Those that its footer shows, the most useful first."""
    return sorted((key for key in keys_of(screen) if key.footer), key=lambda key: key.footer)


MOVES = (
    ("↑ ↓ or k j", "move"),
    ("← → or h l", "move sideways"),
    ("g G", "first, last"),
    ("pgup pgdn", "a page"),
    ("tab", "next pane"),
    ("^z", "suspend"),
)
"""What every list has beside the keys above, for the help."""
