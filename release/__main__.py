"""``python -m release``: everything that a release has to pass, said line by line; ``record`` notes what was released.

python -m release [--keep DIR]      check; --keep leaves the files that may be uploaded in DIR
python -m release record            add the versions that stand to release/released.json
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from release.builds import BuildFailedError, Built, build_twice, check_bundled_runtime, check_metadata
from release.trials import (
    Demo,
    TrialFailedError,
    make_archive,
    make_environment,
    try_the_app,
    try_the_runtime,
    unpack_kept,
)
from release.versions import DISTRIBUTIONS, ROOT, RUNTIME, VersionLook, look_at_version, record_release
from tests.pythons import supported_pythons

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = ROOT / "tests" / "data" / "kept"


class Report:
    """Prints each step with how long it took, and remembers whether one failed."""

    def __init__(self) -> None:
        self.failed = 0

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One line: a tick, or a cross with what was wrong; later steps go on."""
        started = time.monotonic()
        try:
            yield
        except (BuildFailedError, TrialFailedError, subprocess.TimeoutExpired) as error:
            self.failed += 1
            self.fault(what, str(error))
        else:
            print(f"  ✓ {what}  ({time.monotonic() - started:.0f} s)", flush=True)

    def fault(self, what: str, why: str) -> None:
        """A line with a cross."""
        print(f"  ✗ {what}\n" + "\n".join(f"      {line}" for line in why.splitlines()), flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 where everything passed, 1 where something did not."""
    parser = argparse.ArgumentParser(prog="python -m release", description="Check what is about to be released.")
    parser.add_argument("action", nargs="?", choices=["check", "record"], default="check")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="put the files that were checked into DIR")
    options = parser.parse_args(arguments)
    looks = {distribution: look_at_version(distribution) for distribution in DISTRIBUTIONS}
    report = Report()
    print("versions")
    for distribution, look in looks.items():
        _tell_version(report, distribution.name, look)
    _check_kept_archive(report, looks[RUNTIME].version)
    if options.action == "record":
        if not report.failed:
            for distribution, look in looks.items():
                record_release(distribution, look)
        return 1 if report.failed else 0
    with tempfile.TemporaryDirectory(prefix="packflow-release-") as work:
        _check_files(report, Path(work), options.keep)
    print("\nNothing stands in the way of a release." if not report.failed else f"\n{report.failed} to mend first.")
    return 1 if report.failed else 0


def _tell_version(report: Report, name: str, look: VersionLook) -> None:
    latest = (
        f"the last release is {look.latest.version}, {look.latest.told_by}" if look.latest else "nothing is out yet"
    )
    state = latest if look.is_new else f"{look.version} is out with these sources: nothing to release"
    if look.faults:
        report.failed += 1
        report.fault(f"{name} {look.version}", "\n".join(look.faults))
    else:
        print(f"  ✓ {name} {look.version}  ({state})", flush=True)


def _check_kept_archive(report: Report, version: str) -> None:
    what = f"an archive of runtime {version} is kept for later ones"
    if list(KEPT.glob(f"*.runtime-{version}.zip.gz")):
        print(f"  ✓ {what}", flush=True)
    else:
        report.failed += 1
        report.fault(what, "run: python tests/data/generate_kept.py")


def _check_files(report: Report, work: Path, keep: Path | None) -> None:
    built: list[Built] = []
    print("\nfiles")
    changed = subprocess.run(["git", "-C", str(ROOT), "status", "--porcelain"], capture_output=True, check=True).stdout
    if changed:
        print("  – the checkout has uncommitted changes: they are in what is checked", flush=True)
    with report.step("each sdist, and the wheel made of it: the same bytes twice"):
        built = build_twice(ROOT, work)
    if not built:
        return
    with report.step("twine check --strict"):
        check_metadata(built)
    runtime, app = built
    with report.step("the runtime inside the app is the one built by itself"):
        check_bundled_runtime(app, runtime)
    kept = unpack_kept(KEPT, work / "kept")
    for python in supported_pythons():
        print(f"\nPython {'.'.join(map(str, python.version))}", flush=True)
        home = work / f"py{python.minor}"
        demo: Demo | None = None
        with report.step("the app, installed by itself: its journey, its archive, and earlier archives"):
            with_app = make_environment(python.path, app.wheel, home / "app")
            demo = make_archive(with_app)
            try_the_app(with_app, demo, kept)
        with report.step("the runtime, installed by itself: the app's archive, and earlier archives"):
            try_the_runtime(make_environment(python.path, runtime.wheel, home / "runtime"), demo, kept)
        shutil.rmtree(home)
    if keep is not None and not report.failed:
        keep.mkdir(parents=True, exist_ok=True)
    print()
    for one in built:
        for path in (one.sdist, one.wheel):
            print(f"  {hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}", flush=True)
            if keep is not None and not report.failed:
                shutil.copyfile(path, keep / path.name)


if __name__ == "__main__":
    sys.exit(main())
