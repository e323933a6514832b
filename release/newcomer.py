"""A newcomer's first commands on a machine that has Python and make and nothing else: ``python -m release.newcomer``.

python -m release.newcomer [demo] [test] [installed] [--suite SUITE] [--root DIR]

Makes a minimal Debian in a folder, with python3, python3-venv and make (no git, no compiler, no locale), unpacks the
last commit into the empty home of a new user, and runs there what the README says, word by word (``demo``, ``test``),
and what someone does who has no checkout: build the wheels, install both, run the demo, the doctor, the tutorial and
some how-tos (``installed``). Needs debootstrap, unshare and the rights of root; of this machine it takes over where pip
finds its index.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from release.versions import ROOT

STEPS = ("demo", "test", "installed")
PACKAGES = ("python3", "python3-venv", "make")
NEEDS = ("debootstrap", "unshare", "chroot", "git", "tar")
_INDEX = ("index-url", "extra-index-url", "trusted-host", "proxy", "cert", "client-cert")
"""What pip has to know to reach an index from here; all else that is set for it here, a newcomer has not set."""

_ENTER = """
set -e
PATH=$PATH:/usr/sbin:/sbin
mount -t proc proc "$1/proc"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$1/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
root=$1 script=$2
shift 2
exec chroot --userspec=newcomer:newcomer "$root" /usr/bin/env -i "$@" /bin/sh -c "cd && cd packflow && $script"
"""

_INSTALLED = """
set -e
python3 -m venv ~/builder
~/builder/bin/pip install --quiet build
~/builder/bin/python -m build --outdir ~/dist . >/dev/null
~/builder/bin/python -m build --outdir ~/dist packflow_runtime >/dev/null
ls -l ~/dist
python3 -m venv ~/env
~/env/bin/pip install --quiet ~/dist/*.whl
cd
~/env/bin/packflow demo -o ~/demo
~/env/bin/packflow doctor || test $? = 1
cd ~/packflow/tests
for page in tutorial.md howto/ci.md howto/private-index.md; do
    ~/env/bin/python -c 'import sys, pages; from pathlib import Path
page = pages.ROOT / "docs" / sys.argv[1]
ran = pages.run_page(page.read_text(encoding="utf-8"), Path.home() / "reader" / page.stem)
print(f"docs/{sys.argv[1]}: {ran} blocks ran")' $page
done
"""


class MachineError(Exception):
    """The machine cannot be made here."""


@dataclass(frozen=True)
class Machine:
    """A root folder with a user named newcomer, whose environment is all that a command gets."""

    root: Path
    environment: dict[str, str]

    def run(self, script: str) -> int:
        """The exit code of a shell script in the user's checkout; its output goes where ours goes."""
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, "sh"]
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        return subprocess.run([*enter, str(self.root), script, *variables], check=False).returncode


def make_machine(root: Path, suite: str) -> Machine:
    """Make it in ``root``, which must not exist or be empty; raises MachineError where that cannot be."""
    missing = [name for name in NEEDS if shutil.which(name) is None]
    if missing or os.geteuid():
        raise MachineError(f"needs {', '.join(missing) or 'the rights of root'}")
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise MachineError(f"{root} is not empty")
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode:
        raise MachineError(f"debootstrap ended with {made.returncode}:\n{made.stdout[-2000:]}")
    (root / "dev" / "ptmx").unlink(missing_ok=True)
    (root / "dev" / "ptmx").symlink_to("pts/ptmx")
    subprocess.run(["chroot", str(root), "useradd", "--create-home", "newcomer"], check=True)
    checkout = root / "home" / "newcomer" / "packflow"
    checkout.mkdir()
    files = subprocess.run(["git", "-C", str(ROOT), "archive", "HEAD"], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(checkout)], input=files, check=True)
    subprocess.run(["chroot", str(root), "chown", "-R", "newcomer:newcomer", "/home/newcomer"], check=True)
    environment = {"HOME": "/home/newcomer", "USER": "newcomer", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    return Machine(root, environment | _index(root))


def readme_commands() -> dict[str, str]:
    """The lines of the README that begin with make, by what they make."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return {line.split()[1]: line for line in re.findall(r"^make \w+ .*$", text, re.MULTILINE)}


def _index(root: Path) -> dict[str, str]:
    """How pip and uv reach their index from here, as variables; files that are named are copied to the same place."""
    told = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    found = {}
    for line in told.stdout.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        words = [word for word in str(ast.literal_eval(value)).split() if not word.startswith("file:")]
        if name in _INDEX and words:
            found[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(words)
    if "SSL_CERT_FILE" in os.environ:
        found["SSL_CERT_FILE"] = os.environ["SSL_CERT_FILE"]
    for value in found.values():
        if Path(value).is_file():
            target = root / value.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(value, target)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Returns 0 where every step ended with 0."""
    parser = argparse.ArgumentParser(prog="python -m release.newcomer", description="A newcomer's first commands.")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"of {', '.join(STEPS)}; without one, all")
    parser.add_argument("--suite", default="bookworm", help="of Debian: bookworm has Python 3.11, trixie 3.13")
    parser.add_argument("--root", type=Path, metavar="DIR", help="make the machine here and leave it")
    options = parser.parse_args(arguments)
    scripts = {**readme_commands(), "installed": _INSTALLED}
    unknown = set(options.steps) - set(STEPS)
    if unknown:
        parser.error(f"no such step: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="packflow-newcomer-") as temporary:
        started = time.monotonic()
        try:
            machine = make_machine(options.root or Path(temporary) / "root", options.suite)
        except MachineError as error:
            print(error, file=sys.stderr)
            return 1
        print(f"a minimal Debian with {', '.join(PACKAGES)}: {time.monotonic() - started:.0f} s", flush=True)
        machine.run("cat /etc/debian_version; python3 --version; make --version | head -1")
        ended = {}
        for step in options.steps or STEPS:
            print(f"\n$ {scripts[step].strip()}", flush=True)
            started = time.monotonic()
            ended[step] = machine.run(scripts[step])
            print(f"{step}: exit code {ended[step]} after {time.monotonic() - started:.0f} s", flush=True)
    return 1 if any(ended.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
