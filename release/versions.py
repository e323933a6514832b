"""The version rule: one version never means two sets of sources, and the app and the runtime move apart."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
RECORD = "release/released.json"
"""Name, version and digest of the sources of all that was released: for clones without tags, and the years after."""

_ASSIGNMENT = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


@dataclass(frozen=True)
class Distribution:
    """One of the two things that are released; paths are relative to the checkout."""

    name: str
    tag_prefix: str
    version_file: str
    sources: tuple[str, ...]


RUNTIME = Distribution(
    "packflow-runtime",
    "runtime-v",
    "packflow_runtime/src/packflow_runtime/__init__.py",
    ("packflow_runtime",),
)
APP = Distribution(
    "packflow",
    "v",
    "packflow_app/__init__.py",
    ("packflow_app", "skeletons", "packflow_runtime", "pyproject.toml", "hatch_build.py"),
)
DISTRIBUTIONS = (RUNTIME, APP)


@dataclass(frozen=True)
class Release:
    """A version that is out, the digest of its sources, and who says so: a tag or the record."""

    version: Version
    digest: str
    told_by: str


@dataclass(frozen=True)
class VersionLook:
    """What is to be released, what was, and what stands in the way."""

    version: str
    digest: str
    released: tuple[Release, ...]
    faults: tuple[str, ...]

    @property
    def latest(self) -> Release | None:
        """The newest version that is out."""
        return max(self.released, key=lambda release: release.version, default=None)

    @property
    def is_new(self) -> bool:
        """Whether there is something to release."""
        return all(str(release.version) != self.version for release in self.released)


def look_at_version(distribution: Distribution, root: Path = ROOT) -> VersionLook:
    """Compare the sources as they are with every release that tags or the record know.

    Raises CalledProcessError where ``root`` is no git checkout.
    """
    version = version_of((root / distribution.version_file).read_text(encoding="utf-8"))
    digest = sources_digest(_files_now(root, distribution))
    released = (*_tagged(root, distribution), *_recorded(root, distribution))
    faults = [
        *_faults(distribution, version, digest, released),
        *_unmentioned(distribution, version, (root / "CHANGELOG.md").read_text(encoding="utf-8")),
    ]
    return VersionLook(version, digest, released, tuple(faults))


def record_release(distribution: Distribution, look: VersionLook, root: Path = ROOT) -> None:
    """Add the version to the record; one that is there already stays as it is."""
    path = root / RECORD
    record = json.loads(path.read_text(encoding="utf-8"))
    record.setdefault(distribution.name, {}).setdefault(look.version, look.digest)
    path.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def version_of(source: str) -> str:
    """The version that a package's ``__init__.py`` assigns."""
    found = _ASSIGNMENT.search(source)
    if found is None:
        raise ValueError("no line assigns __version__")
    return found[1]


def sources_digest(files: dict[str, str]) -> str:
    """SHA-256 over paths and git's own digests of their contents, in the order of the paths."""
    lines = [f"{path}\0{blob}\n" for path, blob in sorted(files.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def tracked_files(root: Path, *folders: str) -> list[str]:
    """What git knows, or would, below the folders, and is there."""
    names = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders).split("\0")
    return sorted({name for name in names if name and (root / name).is_file()})


def _faults(distribution: Distribution, version: str, digest: str, released: tuple[Release, ...]) -> list[str]:
    where = f"__version__ in {distribution.version_file}"
    try:
        parsed = Version(version)
    except InvalidVersion:
        return [f"{where} is {version!r}, which is no version"]
    if str(parsed) != version:
        return [f"{where} is {version!r}; its normal spelling is {str(parsed)!r}"]
    faults = []
    for release in released:
        if release.version == parsed and release.digest != digest:
            faults.append(f"sources changed since {version} was released ({release.told_by}): raise {where}")
        elif release.version > parsed:
            faults.append(f"{release.version} is out ({release.told_by}), and {where} is {version}: raise it")
    return faults


def _unmentioned(distribution: Distribution, version: str, changes: str) -> list[str]:
    section = changes.partition(f"\n## {distribution.name}\n")[2].partition("\n## ")[0]
    if re.search(rf"^### {re.escape(version)}( |$)", section, re.MULTILINE):
        return []
    return [f"CHANGELOG.md has no '### {version}' under '## {distribution.name}'"]


def _tagged(root: Path, distribution: Distribution) -> list[Release]:
    found = []
    for tag in _git(root, "tag", "--list", f"{distribution.tag_prefix}*").split():
        try:
            version = Version(tag.removeprefix(distribution.tag_prefix))
        except InvalidVersion:
            continue  # a tag about something else
        found.append(Release(version, sources_digest(_files_at(root, tag, distribution)), f"tag {tag}"))
    return found


def _recorded(root: Path, distribution: Distribution) -> list[Release]:
    record = json.loads((root / RECORD).read_text(encoding="utf-8"))
    return [Release(Version(version), digest, RECORD) for version, digest in record.get(distribution.name, {}).items()]


def _files_at(root: Path, tag: str, distribution: Distribution) -> dict[str, str]:
    listing = _git(root, "ls-tree", "-r", "-z", "--full-tree", tag, "--", *distribution.sources)
    entries = [entry.partition("\t") for entry in listing.split("\0") if entry]
    return {path: head.split()[2] for head, _, path in entries}


def _files_now(root: Path, distribution: Distribution) -> dict[str, str]:
    found = {}
    for name in tracked_files(root, *distribution.sources):
        content = (root / name).read_bytes()
        found[name] = hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()  # noqa: S324 - git's own
    return found


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape")
