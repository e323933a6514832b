"""What a new model's features mean for a project that was made for another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.models.features import match_features
from packflow_app.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from packflow_app.events.profile import EventsProfile
    from packflow_app.models.description import ModelDescription
    from packflow_app.models.features import FeatureMatch

_SHOWN = 8


@dataclass(frozen=True)
class FeatureChanges:
    """The features of the old model and of the new one, as the models call them, in their order.

    Without names they are the fields that packflow.yaml lists. ``match`` is what packflow.yaml is to say, None where
    it stays as it is. ``notes`` are sentences about what cannot be told.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    match: FeatureMatch | None = None
    notes: tuple[str, ...] = ()

    @property
    def added(self) -> list[str]:
        """Features that the old model did not take."""
        return [name for name in self.after if name not in self.before]

    @property
    def removed(self) -> list[str]:
        """Features that the new model does not take."""
        return [name for name in self.before if name not in self.after]

    @property
    def changed(self) -> bool:
        """Whether the new model takes other features, or the same in another order."""
        return self.before != self.after

    def told(self) -> str:
        """The change in words."""
        parts = [f"it also takes {_listed(self.added)}"] if self.added else []
        parts += [f"it no longer takes {_listed(self.removed)}"] if self.removed else []
        return " and ".join(parts) or f"their order is now {_listed(self.after)}"


def feature_changes(
    settings: dict[str, Any],
    old: ModelDescription | None,
    new: ModelDescription,
    given: Sequence[str] | None,
    profile: Callable[[], EventsProfile],
) -> FeatureChanges:
    """Match the new model's features; ``settings`` is the project's backend_config, ``given`` what --features says.

    What is found by the same name stays where it was. Raises UsageError for what only the user can decide, and
    NotFoundError for features that the sample events do not hold.
    """
    listed = settings.get("feature_names")
    if not isinstance(listed, list) or not listed:  # whole events: the backend's own code takes what it needs
        return FeatureChanges()
    listed = [str(one) for one in listed]
    own = old.feature_names if old is not None else None
    before = own if own is not None and len(own) == len(listed) else tuple(listed)
    if new.feature_names is None:
        return _unnamed(settings, listed, before, old, new, given, profile)
    if given is None and new.feature_names == before:
        return FeatureChanges(before, before)
    delimiter = str(settings.get("nested_field_delimiter") or ".")
    fields = [field.replace(delimiter, ".") for field in fields_behind(settings)]
    known = {name: field for name, field in zip(before, fields, strict=True) if name in new.feature_names}
    wanted = list(given or ())
    if not wanted or "=" in wanted[0]:
        told = {one.partition("=")[0] for one in wanted}
        wanted += [f"{name}={field}" for name, field in known.items() if name not in told and "=" not in name]
    match = _matched(settings, new, wanted, profile)
    return FeatureChanges(before, new.feature_names, match)


def _unnamed(
    settings: dict[str, Any],
    listed: list[str],
    before: tuple[str, ...],
    old: ModelDescription | None,
    new: ModelDescription,
    given: Sequence[str] | None,
    profile: Callable[[], EventsProfile],
) -> FeatureChanges:
    """The features of a model without names, of which only their number can be told."""
    if given is not None:
        match = _matched(settings, new, list(given), profile)
        same = match.feature_names == listed
        return FeatureChanges(before, before if same else tuple(match.feature_names), None if same else match)
    if new.feature_count is None or new.feature_count == len(listed):
        had = old is not None and old.feature_names is not None
        lost = "The new model has no names for its features: their order is taken to be that of packflow.yaml."
        return FeatureChanges(before, before, notes=(lost,) if had or new.feature_count is None else ())
    raise UsageError(
        f"The new model takes {counted(new.feature_count, 'feature')} and has no names for "
        f"{'it' if new.feature_count == 1 else 'them'}; packflow.yaml lists {len(listed)}.",
        code="features-count",
        hint="List them in the order it was trained on: --features a,b,c (or --features @FILE, one a line).",
    )


def check_said(changes: FeatureChanges, name: str, *, said: bool) -> None:
    """Raise UsageError for other features that nobody has said a word about."""
    if changes.changed and not said:
        raise UsageError(
            f"{name} takes other features than the model it replaces: {changes.told()}.",
            code="features-changed",
            hint="Pass -y to take them as they are found by name, or --features to say which fields they are; --plan "
            "with one of them shows the match and changes nothing.",
        )


def _matched(
    settings: dict[str, Any], new: ModelDescription, wanted: list[str], profile: Callable[[], EventsProfile]
) -> FeatureMatch:
    columns = settings.get("input_format") == "pandas"
    numbers = not columns or new.feature_names is None
    try:
        return match_features(new, profile(), wanted or None, numbers=numbers, named=columns)
    except NotFoundError as error:
        if error.code != "features-missing":
            raise
        raise NotFoundError(
            error.title.replace("The events", "The project's sample events"),
            code=error.code,
            hint="Name events that have them with --events, or the field that is meant with --features FEATURE=FIELD.",
        ) from None


def fields_behind(settings: dict[str, Any]) -> list[str]:
    """The field of the events behind each entry of feature_names, as packflow.yaml writes it."""
    renames = settings.get("rename_fields")
    back = {str(name): str(field) for field, name in renames.items()} if isinstance(renames, dict) else {}
    return [back.get(str(name), str(name)) for name in settings["feature_names"]]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
