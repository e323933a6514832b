"""The README of a kit: what is in the folder, and three commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packflow_app.packaging.verifier import VERIFIER_NAME
from packflow_app.runtime import SUMS_NAME, WHEELS

if TYPE_CHECKING:
    from packflow_app.packaging.targets import Target
    from packflow_app.runtime import Manifest

README_NAME = "README.txt"

_TEXT = """\
{name} {version}
{rule}
{description}
This folder holds a model and all that it needs. Nothing here asks for a network. It takes Python {python}.

1. Check that every file is whole, {and_signed}:

       python3 -I {verifier}{key}

   Nothing is written, and nothing of the model runs. {verifier} cannot vouch for itself: compare its SHA-256 with the
   one that you got from the sender, or that is published with packflow-runtime.

2. Install what the model requires, into an environment of its own, from {wheels}/ alone:

       python3 {archive} install --wheelhouse {wheels}

3. Run it: one JSON object a line in, one outcome a line out, in order.

       python3 {archive} run < events.ndjson > outcomes.ndjson

`python3 {archive} replay` runs the example events again and compares what comes out with what came out where the model
was made. `python3 {archive} info` tells what the archive holds.

{targets}
{wheels}/{runtime} is the runtime by itself, for those who
want to import it: the archive carries its own.
{sums} lists every file here.
"""

_KEY_TEXT = """
SENDER.pub is the sender's public key, which has to come another way than this folder. Its fingerprint, as
`sha256sum SENDER.pub` shows it, is

       {signed_by}
"""


def readme(manifest: Manifest, archive: str, signed_by: str | None, targets: list[Target], runtime: str) -> str:
    """The text; the same kit has the same."""
    title = f"{manifest.name} {manifest.version}"
    description = manifest.project_config.description.strip()
    if signed_by is None:
        and_signed, key = "and the archive in its one form. Nobody signed it", ""
    else:
        and_signed, key = "and that the archive is signed by the key of its sender", " --key SENDER.pub"
    if not manifest.requirements:
        kinds = "The model requires nothing beside Python, so it runs on every system."
    else:
        kinds = f"The wheels are for: {', '.join(target.name for target in targets)}."
    text = _TEXT.format(
        name=manifest.name,
        version=manifest.version,
        rule="=" * len(title),
        description=f"\n{description}\n" if description else "",
        python=manifest.python_requires,
        and_signed=and_signed,
        key=key,
        verifier=VERIFIER_NAME,
        archive=archive,
        wheels=WHEELS,
        targets=kinds,
        runtime=runtime,
        sums=SUMS_NAME,
    )
    if signed_by is None:
        return text
    return text + _KEY_TEXT.format(signed_by=signed_by)
