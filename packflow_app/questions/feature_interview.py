"""Which fields of the events are the model's features: the match is shown, and each of it can be changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError, UsageError
from packflow_app.models.event_fields import EventFields
from packflow_app.models.feature_list import read_features
from packflow_app.questions.question import Choice, Form, Question, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packflow_app.actions.init import FeatureOffer
    from packflow_app.models.features import FeatureMatch, MatchedFeature
    from packflow_app.runtime import PackflowError

AGREED = "\0agreed"
ANEW = "\0anew"
BACK = "\0back"

_TEXT = "Which fields are the features, in which order?"
_FEATURE = "A feature is one of the values that the model decides by."
_HEADERS = ("feature", "field of the events", "type", "there in", "matched")
_HOW = {"exact": "", "similar": "alike", "last-part": "last part", "given": "as you said"}
_SHOWN_NUMBERS = 20


@dataclass(frozen=True)
class _Row:
    """A feature and its match, or why there is none."""

    feature: str
    match: MatchedFeature | None
    problem: PackflowError | None = None


class FeatureInterview:
    """Asks until every feature has its field; ``given`` is then what ``--features`` would say, None where that is none.

    ``only_if_stuck``: ask only where the model's own names do not settle it.
    """

    flags = ("--features",)

    def __init__(self, offer: FeatureOffer, *, only_if_stuck: bool) -> None:
        self.given: list[str] | None = None
        self._offer = offer
        self._only_if_stuck = only_if_stuck
        self._fields = EventFields(offer.profile)
        self._agreed = False
        self._changing = ""

    def look(self) -> None:
        """Nothing is to be looked at."""

    def steps(self) -> Iterator[Step]:
        """The questions."""
        if self._only_if_stuck and self._settled(self.given):
            return
        if self._offer.model.feature_names is None:
            yield from self._in_order()
        else:
            yield from self._by_name(self._offer.model.feature_names)

    def _settled(self, listed: list[str] | None) -> bool:
        try:
            self._offer.match(listed)
        except (NotFoundError, UsageError):
            return False
        return True

    def _by_name(self, names: tuple[str, ...]) -> Iterator[Step]:
        while not self._agreed:
            yield Step(self._match_question([self._row(name) for name in names]), self._take_match)
            if not self._agreed:
                yield Step(self._field_question(self._changing), self._take_field)

    def _row(self, feature: str) -> _Row:
        try:
            return _Row(feature, self._offer.match_one(feature, self._pairs.get(feature)))
        except (NotFoundError, UsageError) as error:
            return _Row(feature, None, error)

    @property
    def _pairs(self) -> dict[str, str]:
        return {one.partition("=")[0]: one.partition("=")[2] for one in self.given or ()}

    def _match_question(self, rows: list[_Row]) -> Question:
        open_ = [row for row in rows if row.match is None]
        choices = [
            Choice(row.feature, _cells(row.match) if row.match is not None else (row.feature, "– which one?"))
            for row in rows
        ]
        if open_:
            told = tuple(row.problem.title for row in open_[:3] if row.problem is not None)
            return self._question(open_[0].feature, choices, told=told, hint="Enter names its field")
        agreed = Choice(AGREED, (f"yes, these {len(rows)}" if len(rows) > 1 else "yes, this one",))
        told = (f"{_FEATURE} These were found by the model's own names; choose one to change it.",)
        return self._question(AGREED, [agreed, *choices], told=told)

    def _question(self, default: str, choices: list[Choice], told: tuple[str, ...], hint: str = "") -> Question:
        return Question("--features", _TEXT, Form.CHOICE, default, tuple(choices), _HEADERS, told=told, hint=hint)

    def _take_match(self, answer: str) -> tuple[str, ...]:
        if answer == AGREED:
            self._offer.match(self.given)
            self._agreed = True
        else:
            self._changing = answer
        return ()

    def _field_question(self, feature: str) -> Question:
        first = self._fields.closest(feature)
        scalars = {".".join(one.keys): one for one in self._fields.scalars()}
        names = [*first, *(name for name in scalars if name not in first)]
        choices = [
            Choice(
                name,
                (name, scalars[name].types[0].name, _share(scalars[name].present, self._offer.profile.events)),
            )
            for name in names
        ]
        back = Choice(BACK, ("leave it as it is",))
        return Question(
            "--features",
            f"Which field is {feature}?",
            Form.CHOICE,
            names[0] if names else BACK,
            (*choices, back),
            ("field", "type", "there in"),
        )

    def _take_field(self, answer: str) -> tuple[str, ...]:
        if answer != BACK:
            self._offer.match_one(self._changing, answer)
            pairs = {**self._pairs, self._changing: answer}
            self.given = [f"{feature}={field}" for feature, field in pairs.items()]
        return ()

    def _in_order(self) -> Iterator[Step]:
        while not self._agreed:
            yield Step(self._order_question(), self._take_order)
            yield Step(self._listed_question(self._offer.match(self.given)), self._take_listed)

    def _order_question(self) -> Question:
        count = self._offer.model.feature_count
        numbers = self._fields.numeric()
        more = " …" if len(numbers) > _SHOWN_NUMBERS else ""
        told = (
            f"{_FEATURE} This model takes {count if count is not None else 'some'} and has no names for them.",
            "Only you know which fields they are: nothing is guessed.",
            f"Numbers in the events: {', '.join(numbers[:_SHOWN_NUMBERS]) or 'none'}{more}",
        )
        hint = "a,b,c or @FILE"
        default = ",".join(self.given or ())
        return Question("--features", _TEXT, Form.TEXT, default, told=told, hint=hint, suggestions=tuple(numbers))

    def _take_order(self, answer: str) -> tuple[str, ...]:
        listed = read_features(answer)
        self._offer.match(listed)
        self.given = listed
        return ()

    def _listed_question(self, match: FeatureMatch) -> Question:
        choices = (
            Choice(AGREED, ("yes, in this order",)),
            *(Choice(ANEW, _cells(one)) for one in match.features),
            Choice(ANEW, ("no, list them anew",)),
        )
        return Question("--features", "Are these the features?", Form.CHOICE, AGREED, choices, _HEADERS)

    def _take_listed(self, answer: str) -> tuple[str, ...]:
        self._agreed = answer == AGREED
        return ()


def _cells(one: MatchedFeature) -> tuple[str, ...]:
    return (one.feature, one.field, one.kind, _share(one.present, one.events), _HOW[one.how])


def _share(present: int, events: int) -> str:
    return "all events" if present >= events else f"{min(present / max(events, 1), 0.999):.1%}"
