"""The wizard of ``packflow init``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packflow_app.actions.init_options import EXAMPLE
from packflow_app.questions.init_interview import InitInterview
from packflow_app.wizards.conversation import hold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packflow_app.actions.init import FeatureOffer, Initialized
    from packflow_app.actions.init_options import InitOptions
    from packflow_app.wizards.prompter import Page, Prompter


class InitWizard:
    """Asks before the project is made, and on the way: see ``actions.init.Consulted``."""

    def __init__(
        self, options: InitOptions, prompter: Prompter, page: Page, program: Sequence[str], *, whole: bool
    ) -> None:
        self.options = options
        self._prompter = prompter
        self._page = page
        self._program = program
        self._whole = whole

    def ask(self) -> InitOptions:
        """Fill in what the options leave open; raises UsageError at the end of input."""
        interview = InitInterview(self.options, is_whole=self._whole)
        hold(interview, self._prompter, self._page)
        self.options = interview.options
        return self.options

    def features(self, offer: FeatureOffer) -> list[str] | None:
        """Show the match, and ask for what it lacks."""
        from packflow_app.questions.feature_interview import FeatureInterview  # noqa: PLC0415 - behind the first question

        interview = FeatureInterview(offer, only_if_stuck=not self._whole or self.options.model == EXAMPLE)
        self._prompter.forget_typed()  # opening the model took a while
        hold(interview, self._prompter, self._page)
        if interview.given is not None:
            self.options = replace(self.options, features=",".join(interview.given))
        return interview.given

    def agrees(self, planned: Initialized) -> bool:
        """Show what is about to be made and ask, unless all of it had been said."""
        from packflow_app.questions.init_summary import SummaryInterview, init_words  # noqa: PLC0415 - as above

        if not self._whole:
            return True
        interview = SummaryInterview(planned, init_words(self.options, self._program))
        self._prompter.forget_typed()
        hold(interview, self._prompter, self._page)
        return interview.agreed
