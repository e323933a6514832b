"""The command ``packflow``. What asks for no work is answered before anything is imported."""

from __future__ import annotations

import sys

from packflow_app import __version__


def main() -> int:
    """Run the command line; returns the exit code."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"packflow {__version__}\n")
        return 0
    if not arguments or arguments in (["--help"], ["-h"]):
        from packflow_app.cli.top_help import TOP_HELP  # noqa: PLC0415 - see above

        sys.stdout.write(TOP_HELP)
        return 0
    from packflow_app.cli.main import run  # noqa: PLC0415 - see above

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
