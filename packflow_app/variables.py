"""The environment variables that Packflow reads, as data: the documents, `packflow doctor` and a test go by them."""

from __future__ import annotations

VARIABLES = {
    "PACKFLOW_CACHE": "the folder of extracted archives and their environments",
    "PACKFLOW_COLOR": "colours: auto, always or never, as --color",
    "PACKFLOW_CONFIG": "a file of configuration for the model that runs",
    "PACKFLOW_INSTALLER": "what installs: auto, uv or pip, as --installer",
    "PACKFLOW_KEY_PASSPHRASE": "the passphrase of the key that signs, where none can be asked for",
    "PACKFLOW_LICENSE": "the licence of new projects, as --license",
    "PACKFLOW_LOG_LEVEL": "the least level that a backend's logger shows: DEBUG, INFO, WARNING, ERROR or CRITICAL",
    "PACKFLOW_MAINTAINER": "who looks after new projects, as --maintainer",
    "PACKFLOW_PLAIN": "1: ask by numbered lists, as --plain",
    "PACKFLOW_THEME": "the terminal app's colours: dark, light, ansi or none, as --theme",
    "PACKFLOW_WORK_DIR": "where a running backend gets its own folder for files; Packflow sets it for its workers",
}
"""Those that a person may set, each with what it is for."""

INTERNAL = {
    "PACKFLOW_COMMAND_WORDS": "the command as it was typed, handed from `packflow run` to the process that runs",
}
"""Those that Packflow hands to its own processes."""

HONOURED = {
    "NO_COLOR": "anything: no colours",
    "COLUMNS": "how wide tables may be, where standard output is no terminal",
    "TERM": "dumb: numbered lists and a numbered menu",
    "COLORTERM": "truecolor: 16 million colours",
    "VISUAL": "the editor that the terminal app opens; else EDITOR",
    "EDITOR": "the editor, where VISUAL is not set",
    "SOURCE_DATE_EPOCH": "seconds since 1970: when the archive is said to be created",
    "VIRTUAL_ENV": "the active environment, one of the places where a project's Python is looked for",
    "CONDA_PREFIX": "the same for conda",
    "TMPDIR": "where temporary files go (TEMP on Windows)",
    "XDG_CACHE_HOME": "where the cache is, on Linux",
    "LOCALAPPDATA": "where the cache is, on Windows",
    "BACKEND_CONFIG_FILE_PATH": "the name that packflow before 0.4.1 had for PACKFLOW_CONFIG; deprecated",
}
"""Those of others that Packflow goes by."""

TESTS = ("PACKFLOW_EVENTS_DIR", "PACKFLOW_UPDATE_SCREENS")
"""Only the tests of Packflow itself read these, and whatever begins with PACKFLOW_TEST_."""
