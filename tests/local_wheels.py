"""Small wheels made by hand, and the locks that name them: installs in tests then need no index."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: tuple[str, ...] = (),
    value: str = "",
    tag: str = "py3-none-any",
) -> Path:
    """A wheel of one module that has the distribution's name and a VALUE, and imports what it requires."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    imports = "".join(f"import {one.replace('-', '_')}\n" for one in requires)
    needed = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        f"{module}.py": f"{imports}VALUE = {value or version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel


def lock_of(*wheels: Path) -> bytes:
    """A lock as `packflow env lock` writes it, of these wheels."""
    lines = ["# packflow lock 1: requirements sha256:" + "0" * 64]
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name.replace('_', '-')}=={version} \\")
        lines.append(f"    --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}")
    return ("\n".join(lines) + "\n").encode()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
