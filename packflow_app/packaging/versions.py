"""Version numbers of models: PEP 440, in their normal form."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from packflow_app.errors import UsageError


def normal_version(text: str) -> str:
    """The normal form of a version, such as 1.0rc1 for 1.0-RC1; raises UsageError for what is no version."""
    try:
        return str(Version(text))
    except InvalidVersion:
        raise UsageError(
            f"{text!r} is not a version.",
            code="version-invalid",
            file="packflow.yaml",
            hint="Write one like 1.2.0 or 1.2.0rc1 (PEP 440).",
        ) from None


def archive_file_name(name: str, version: str) -> str:
    """The archive's file name; ``version`` must be in normal form."""
    return f"{name.replace('-', '_')}-{version.replace('+', '_')}.zip"
