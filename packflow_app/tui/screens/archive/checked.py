"""What was checked of an archive here, what its builder only claims, and what is demanded of it: three texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from textual.content import Content

from packflow_app.runtime import DEMANDS
from packflow_app.tui.commands import run_words
from packflow_app.tui.widgets.rows import command_row, row
from packflow_app.wording import counted

if TYPE_CHECKING:
    from packflow_app.actions.replay import ReplayDone
    from packflow_app.actions.verify import VerifiedArchive, VerifyOptions
    from packflow_app.packaging.description import ArchiveDescription
    from packflow_app.runtime import SignatureCheck, Verification

_LABEL = 12  # so that a digest is in one line of 76 columns
_LONGEST_CHECK = 16
_CLAIM = 15
_FINGERPRINT = re.compile(r"\b[0-9a-f]{64}\b")
_MARKS = {True: ("✓", "$success"), False: ("✗", "$error"), None: ("–", "$muted")}
_RUNTIMES = {
    True: "byte for byte the one that checks here",
    False: "has other files than the one that checks here",
    None: "of another version than the one that checks here",
}


def headline(one: VerifiedArchive | None) -> tuple[str, str]:
    """The verdict in a few words, and its style."""
    if one is None:
        return "… not checked yet", "$muted"
    if one.is_good:
        return "✓ verified", "$success"
    if one.has_passed and one.error is not None:
        return "● verified, not replayed", "$warning"
    if one.found is None:
        words = "not to be read"
    elif not one.found.passed:
        words = "not as it was built"
    else:
        words = "not as demanded" if one.unmet else "other outputs here"
    return f"✗ {words}", "$error"


def checked_text(one: VerifiedArchive, options: VerifyOptions, width: int) -> Content:
    """The checks, what is wrong in a line each; the demands, and what names the file."""
    found = one.found
    if found is None:
        return Content.styled("It was not looked into.", "$muted")
    rows = _checks(found)
    if found.manifest is not None:
        rows += _demands(one, options)  # what did not come up to them is what one looks for
    if found.signature is not None:
        rows.append(_signature(found.signature))
    if found.manifest is not None:
        runtime = f"{found.manifest.runtime_version}, {_RUNTIMES[found.same_runtime]}"
        rows += [_Row(found.same_runtime or None, "runtime", runtime), *_pickles(found), _replay(one)]
    label = _LABEL if found.passed else _LONGEST_CHECK
    lines = [_line(one_row, label, width) for one_row in rows]
    if found.sha256 is not None:
        lines.append(row(_label("sha256", label), found.sha256, width))
    if found.passed and not one.unmet:
        lines.append(command_row(_label("run it", label), run_words(one.path, None), width))
    return Content("\n").join(lines)


def claims_text(shown: ArchiveDescription, width: int) -> Content:
    """What the manifest says, as ``packflow show`` words it."""
    manifest = shown.manifest
    parity, commit = manifest.parity, manifest.provenance.commit
    equal = (
        "not compared" if parity is None else f"{'equal' if parity.equal else 'DIFFERENT'} on {parity.events} events"
    )
    clean = {True: ", clean", False: ", with changes that are in no commit", None: ""}[manifest.provenance.clean]
    reason = f": {manifest.stateful_reason}" if manifest.stateful_reason else ""
    lock = "pinned and hashed" if shown.has_lock else "none" if manifest.requirements else "none is needed"
    facts = [
        ("single = batch", equal),
        ("stateful", f"yes{reason}" if manifest.stateful else "no"),
        ("golden events", f"{manifest.golden_events:,}" if manifest.golden_events else "none"),
        ("python", manifest.python_requires),
        ("requires", ", ".join(manifest.requirements) or "nothing beside Python"),
        ("lock", lock),
        ("pickle globals", ", ".join(manifest.pickle_allowlist) or "none"),
        ("git commit", f"{commit[:12]}{clean}" if commit else "unknown"),
        ("created", manifest.created or "unknown"),
        ("backend", manifest.entry_point),
    ]
    return Content("\n").join([row(_label(label, _CLAIM), text, width) for label, text in facts])


def replayed_text(replay: ReplayDone, *, requires: bool) -> str:
    """What a replay gave; where the archive ``requires`` something, a lock would say that it was installed alike."""
    equal = replay.events - replay.differing - replay.ties
    told = f"{equal:,} of {counted(replay.events, 'golden event')} equal on Python {replay.python}"
    ties = f", {replay.ties:,} ties" if replay.ties else ""
    exact = f", {replay.not_bit_equal:,} of {replay.values:,} values not bit-equal" if replay.not_bit_equal else ""
    return f"{told}{ties}{exact}{'; it has no lock' if requires and not replay.locked else ''}"


class _Row(NamedTuple):
    good: bool | None
    name: str
    text: str


def _checks(found: Verification) -> list[_Row]:
    """One line where all passed; else what did not, between what did and what was not looked at any more."""
    if found.passed:
        return [_Row(True, "bytes", ", ".join(check.name for check in found.checks))]
    names = {state: ", ".join(check.name for check in found.checks if check.passed is state) for state in (True, None)}
    rows = [_Row(True, "passed", names[True])] if names[True] else []
    rows += [_Row(False, check.name, check.detail) for check in found.checks if check.passed is False]
    for fault in found.faults[1:]:
        if fault.entry:
            said = repr(fault.entry) in fault.message
            rows.append(_Row(False, "", fault.message if said else f"{fault.entry}: {fault.message}"))
    if found.more_faults:
        rows.append(_Row(False, "", f"{found.more_faults:,} further files are wrong"))
    return rows + ([_Row(None, "not looked at", names[None])] if names[None] else [])


def _short(text: str) -> str:
    """With fingerprints by their beginnings; the whole of them stands with the error."""
    return _FINGERPRINT.sub(lambda found: f"{found[0][:16]}…", text.rstrip("."))


def _signature(signature: SignatureCheck) -> _Row:
    fingerprint = f"{signature.fingerprint[:16]}…" if signature.fingerprint else ""
    if signature.state == "none":
        return _Row(None, "signature", "not signed: nothing says who built it")
    if signature.state == "unchecked":
        key = f", it says by key {fingerprint}" if fingerprint else ""
        return _Row(None, "signature", f"signed{key}; s checks it with a key")
    if signature.state == "valid":
        file = f" ({signature.key.file})" if signature.key is not None and signature.key.file else ""
        return _Row(True, "signature", f"by key {fingerprint}{file}")
    return _Row(False, "signature", _short(signature.message))


def _pickles(found: Verification) -> list[_Row]:
    if not found.pickles:
        return [_Row(True, "pickles", "none: no file runs code as it is loaded")]
    holding = [pickle for pickle in found.pickles if pickle.pickles]
    names = {name for pickle in holding for name in pickle.globals}
    remarks = [remark for pickle in found.pickles for remark in pickle.remarks()]
    told = f"{counted(len(holding), 'file')}, which ask for {counted(len(names), 'global')}"
    if not remarks:
        return [_Row(True, "pickles", f"{told}, all known and listed")]
    return [_Row(False, "pickles", told), *(_Row(False, "", remark) for remark in remarks)]


def _replay(one: VerifiedArchive) -> _Row:
    manifest = one.found.manifest if one.found is not None else None
    if one.replay is not None:
        requires = manifest is not None and bool(manifest.requirements)
        return _Row(one.replay.equal, "replay", replayed_text(one.replay, requires=requires))
    if one.error is not None:
        return _Row(False, "replay", one.error.title)
    if manifest is not None and not manifest.golden_events:
        return _Row(None, "replay", "cannot be: it ships no golden events")
    return _Row(None, "replay", "not run; R runs its golden events")


def _demands(one: VerifiedArchive, options: VerifyOptions) -> list[_Row]:
    """Each thing that is demanded, and whether it is so."""
    words = [word.strip() for word in (options.require or "").split(",") if word.strip()]
    if (options.keys or options.key_folder is not None) and "signed" not in words:
        words.append("signed")
    signature = one.found.signature if one.found is not None else None
    told = signature.message if signature is not None else ""  # which has a line of its own
    unmet = {demand.demand: DEMANDS[demand.demand] if demand.reason == told else demand.reason for demand in one.unmet}
    return [
        _Row(word not in unmet, "demanded", f"{word}: {_short(unmet.get(word, DEMANDS[word]))}")
        for word in dict.fromkeys(words)
    ]


def _line(one: _Row, label: int, width: int) -> Content:
    mark, style = _MARKS[one.good]
    head = Content.assemble((f"{mark} ", style), (one.name.ljust(label - 2), "$muted"))
    return row(head, one.text, width, "$error" if one.good is False else "")


def _label(text: str, width: int) -> Content:
    return Content.styled(text.ljust(width), "$muted")
