"""A wizard on a page: which steps there are, the one that is at hand, back, on, start anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from hub.errors import HubError
from hub.language.words import _
from hub.web.ask import confirm
from hub.wizards.machine import Script, Step, WizardProgress, WizardView, view
from hub.wizards.repository import MovedOnError, SavedProgress, WizardRepository

__all__ = ["WizardPage"]

Form = Callable[["WizardPage", Step], Awaitable[None]]


class WizardPage:
    """Shows a wizard within the page being built.

    `form(page, step)` builds what belongs to a step; its elements call `answer`, which raises
    nothing: what goes wrong is said on the page and one stays at the step.
    """

    def __init__(
        self,
        name: str,
        script: Script,
        wizards: WizardRepository,
        form: Form,
        *,
        draft: str = "",
    ) -> None:
        self._name, self._draft = name, draft
        self._script = script
        self._wizards = wizards
        self._form = form
        self._saved = SavedProgress()
        self._problem = ""
        self._moved = False
        # What is pressed while an answer is kept, or a step is being built, waits for its turn.
        self._moving = asyncio.Lock()
        self._built = 0  # how often the step at hand was built

    @property
    def view(self) -> WizardView:
        """The wizard as it is now."""
        return view(self._script, self._saved.progress)

    def answer_to(self, step: str) -> Any:
        """What was answered at a step; None where it was not, or does not count now."""
        return self.view.answers.get(step)

    async def show(self) -> None:
        """Build it, where the person left it."""
        self._saved = await self._wizards.load(self._name, self._draft)
        await self._body()

    async def answer(
        self, values: dict[str, Any], effect: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """Answer the step at hand and go on; first do what the answer brings about."""
        step = self.view.step.key

        async def move() -> WizardProgress:
            if effect is not None:
                await effect()
            return self._saved.progress.answered(step, values)

        built = self._built
        async with self._moving:
            # The second press of two would answer the next step with what was meant for this one.
            if built == self._built:
                await self._move(move)

    async def look_at(self, step: str) -> None:
        """Go to a step that was reached before."""

        async def move() -> WizardProgress:
            self.view.check(step)
            return self._saved.progress.looking_at(step)

        async with self._moving:
            await self._move(move)

    async def reset(self) -> None:
        """Forget everything and begin again."""
        async with self._moving:
            await self._wizards.reset(self._name, self._draft)
            self._saved = SavedProgress()
            await self._again("")

    async def _move(self, move: Callable[[], Awaitable[WizardProgress]]) -> None:
        try:
            self._saved = await self._wizards.save(
                self._name, self._saved, await move(), self._draft
            )
        except MovedOnError as error:
            self._saved = await self._wizards.load(self._name, self._draft)
            await self._again(str(error))
        except HubError as error:
            self.complain(str(error))
        else:
            await self._again("")

    def complain(self, problem: str) -> None:
        """Say on the page what is wrong; `""` takes it back."""
        self._problem = problem
        self._complaint.refresh()

    async def _again(self, problem: str) -> None:
        self._problem = problem
        self._moved = True
        await self._body.refresh()

    @ui.refreshable_method
    async def _body(self) -> None:
        self._built += 1
        now = self.view
        with ui.row().classes("w-full items-start no-wrap gap-8"):
            with ui.column().classes("gt-sm shrink-0"):
                self._list(now)
            with ui.column().classes("grow min-w-0 max-w-2xl gap-4"):
                ui.label(_("Step {at} of {steps}", at=now.at + 1, steps=len(now.steps))).classes(
                    "text-sm opacity-80"
                )
                ui.linear_progress((now.at + 1) / len(now.steps), show_value=False).props(
                    'aria-hidden="true"'
                )
                heading = ui.label(now.step.title).classes("text-xl font-medium")
                heading.props('role="heading" aria-level="2" tabindex="-1"')
                # Somebody who cannot see it hears what comes next. Before the form is there: once
                # it is, the focus is where somebody has put it meanwhile.
                if self._moved:
                    heading.run_method("focus")
                self._complaint()
                await self._form(self, now.step)
                self._below(now)

    def _list(self, now: WizardView) -> None:
        with ui.element("nav").props(f'aria-label="{_("Steps")}"'), ui.element("ol"):
            for number, step in enumerate(now.steps):
                with ui.element("li").classes("py-1"):
                    button = ui.button(
                        step.title, on_click=lambda _, key=step.key: self.look_at(key)
                    )
                    button.props("flat no-caps align=left dense").classes("w-full")
                    answered = step.key in now.answers
                    button.props("icon=check" if answered else "icon=radio_button_unchecked")
                    if number == now.at:
                        button.props('aria-current="step"').classes("dm-step-here")
                    button.set_enabled(number <= now.reached)

    def _below(self, now: WizardView) -> None:
        with ui.row().classes("items-center gap-4 pt-2"):
            if now.before is not None:
                back = now.before.key
                ui.button(_("Back"), icon="arrow_back", on_click=lambda: self.look_at(back)).props(
                    "flat no-caps"
                )
            if self._saved.changed_at is not None:
                ui.button(_("Start over"), on_click=self._ask_reset).props("flat no-caps")
                ui.label(
                    _("Your progress is saved: you can leave and continue later, on any computer.")
                ).classes("text-xs opacity-80")

    @ui.refreshable_method
    def _complaint(self) -> None:
        with ui.element("div").props('role="alert"').classes("w-full"):
            if self._problem:
                ui.label(self._problem).classes("dm-bad")

    async def _ask_reset(self) -> None:
        sure = await confirm(
            _("Forget the answers given here and start over?"),
            details=[_("What was set up so far stays as it is.")],
            yes=_("Start over"),
            no=_("Continue here"),
            bad=False,
        )
        if sure:
            await self.reset()
