"""What was checked of an archive here, what its builder only claims, and what is demanded of it: three texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from packflow_app.runtime import DEMANDS
from packflow_app.tui.commands import run_words
from packflow_app.wording import counted, visible

if TYPE_CHECKING:
    from packflow_app.actions.replay import ReplayDone
    from packflow_app.actions.verify import VerifiedArchive, VerifyOptions
    from packflow_app.packaging.description import ArchiveDescription
    from packflow_app.runtime import SignatureCheck, Verification

_LABEL = 15
_MARKS = {True: ("✓", "$success"), False: ("✗", "$error"), None: ("–", "$muted")}
_RUNTIMES = {
    True: "byte for byte the one that checks here",
    False: "has other files than the one that checks here",
    None: "of another version than the one that checks here",
}
_CLAIMED = "Claimed by its builder, not checked here"


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


def checked_text(one: VerifiedArchive, options: VerifyOptions, *, short: bool) -> Content:
    """Every check with how it went; in a few lines where ``short`` and nothing is wrong."""
    found = one.found
    if found is None:
        return Content.styled("It was not looked into.", "$muted")
    lines = [_line(check.passed, check.name, check.detail) for check in found.checks]
    if short and found.passed:
        lines = [_line(True, "bytes", ", ".join(check.name for check in found.checks))]
    lines += [_line(False, "", f"{fault.entry}: {fault.message}") for fault in found.faults[1:] if fault.entry]
    if found.more_faults:
        lines.append(_line(False, "", f"{found.more_faults:,} further files are wrong"))
    if found.signature is not None:
        lines.append(_signature_line(found.signature))
    if found.manifest is not None:
        runtime = f"{found.manifest.runtime_version}, {_RUNTIMES[found.same_runtime]}"
        lines += [_line(found.same_runtime or None, "runtime", runtime), *_pickle_lines(found), _replay_line(one)]
        lines += _demand_lines(one, options)
    return Content("\n").join(lines)


def digests_text(one: VerifiedArchive) -> Content:
    """What names the file, and what runs it."""
    found = one.found
    if found is None or found.sha256 is None:
        return Content("")
    return Content("\n").join([_fact("sha256", found.sha256), _fact("run it", run_words(one.path, None))])


def claims_text(shown: ArchiveDescription, *, with_title: bool = False) -> Content:
    """What the manifest says, as ``packflow show`` words it."""
    manifest = shown.manifest
    parity, commit = manifest.parity, manifest.provenance.commit
    equal = (
        "not compared" if parity is None else f"{'equal' if parity.equal else 'DIFFERENT'} on {parity.events} events"
    )
    clean = {True: ", clean", False: ", with changes that are in no commit", None: ""}[manifest.provenance.clean]
    reason = f": {manifest.stateful_reason}" if manifest.stateful_reason else ""
    facts = [
        ("single = batch", equal),
        ("stateful", f"yes{reason}" if manifest.stateful else "no"),
        ("golden events", f"{manifest.golden_events:,}" if manifest.golden_events else "none"),
        ("python", manifest.python_requires),
        ("requires", ", ".join(manifest.requirements) or "nothing beside Python"),
        ("lock", "pinned and hashed" if shown.has_lock else "none"),
        ("pickle globals", ", ".join(manifest.pickle_allowlist) or "none"),
        ("git commit", f"{commit[:12]}{clean}" if commit else "unknown"),
        ("created", manifest.created or "unknown"),
        ("backend", manifest.entry_point),
    ]
    lines = [_fact(label, text) for label, text in facts]
    return Content("\n").join([Content.styled(_CLAIMED, "bold $muted"), *lines] if with_title else lines)


def replayed_text(replay: ReplayDone) -> str:
    """What a replay gave."""
    equal = replay.events - replay.differing - replay.ties
    told = f"{equal:,} of {counted(replay.events, 'golden event')} equal on Python {replay.python}"
    ties = f", {replay.ties:,} ties" if replay.ties else ""
    exact = f", {replay.not_bit_equal:,} of {replay.values:,} values not bit-equal" if replay.not_bit_equal else ""
    return f"{told}{ties}{exact}{'' if replay.locked else '; it has no lock'}"


def _signature_line(signature: SignatureCheck) -> Content:
    if signature.state == "none":
        return _line(None, "signature", "not signed: nothing says who built it")
    if signature.state == "unchecked":
        key = f" by key {signature.fingerprint[:16]}…, it says" if signature.fingerprint else ""
        return _line(None, "signature", f"signed{key}; s names a key to check it with")
    if signature.state == "valid":
        file = f" ({signature.key.file})" if signature.key is not None and signature.key.file else ""
        return _line(True, "signature", f"by key {(signature.fingerprint or '')[:16]}…{file}")
    return _line(False, "signature", signature.message)


def _pickle_lines(found: Verification) -> list[Content]:
    holding = [pickle for pickle in found.pickles if pickle.pickles]
    if not found.pickles:
        return [_line(True, "pickles", "none: no file of the project can run code when it is loaded")]
    names = {name for pickle in holding for name in pickle.globals}
    remarks = [remark for pickle in found.pickles for remark in pickle.remarks()]
    told = f"{counted(len(holding), 'file')}, which ask for {counted(len(names), 'global')}"
    first = _line(None if remarks else True, "pickles", told + ("" if remarks else ", all known and listed"))
    return [first, *(_warning(remark) for remark in remarks)]


def _replay_line(one: VerifiedArchive) -> Content:
    if one.replay is not None:
        return _line(one.replay.equal, "replay", replayed_text(one.replay))
    if one.error is not None:
        return _line(False, "replay", one.error.title)
    manifest = one.found.manifest if one.found is not None else None
    if manifest is not None and not manifest.golden_events:
        return _line(None, "replay", "cannot be: it ships no golden events")
    return _line(None, "replay", "not run; R runs its golden events in a new environment")


def _demand_lines(one: VerifiedArchive, options: VerifyOptions) -> list[Content]:
    """Each thing that is demanded, and whether it is so."""
    words = [word.strip() for word in (options.require or "").split(",") if word.strip()]
    if (options.keys or options.key_folder is not None) and "signed" not in words:
        words.append("signed")
    unmet = {demand.demand: demand.reason for demand in one.unmet}
    return [
        Content.assemble(
            _mark(word not in unmet),
            ("demanded".ljust(_LABEL - 2), "$muted"),
            (f"{word}: ", "bold"),
            visible(unmet.get(word, DEMANDS[word])),
        )
        for word in dict.fromkeys(words)
    ]


def _mark(good: bool | None) -> tuple[str, str]:  # noqa: FBT001 - one of three
    mark, style = _MARKS[good]
    return f"{mark} ", style


def _line(good: bool | None, name: str, text: str) -> Content:  # noqa: FBT001 - as above
    style = "$error" if good is False else ""
    return Content.assemble(_mark(good), (name.ljust(_LABEL - 2), "$muted"), (visible(text), style))


def _warning(text: str) -> Content:
    return Content.assemble(("● ", "$warning"), " " * (_LABEL - 2), visible(text))


def _fact(label: str, text: str) -> Content:
    return Content.assemble((label.ljust(_LABEL), "$muted"), visible(text))
