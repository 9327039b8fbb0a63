"""The card Runs: the last ones of one hook or all, each with the step that failed."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from hub.hooks.errors import HookUnknownError
from hub.hooks.model import HookRun, RunState, RunStep, StepState
from hub.hooks.repository import HookRepository
from hub.language.times import when
from hub.language.words import _
from hub.web.cards import card, empty, mark, what
from hub.web.hooks.words import STATE_WORDS, STEP_WORDS
from hub.web.reloaded import Reloaded

__all__ = ["RunsCard"]

_MOST = 20
_EVERY = ""
_MARKS = {
    RunState.QUEUED: ("schedule", ""),
    RunState.RUNNING: ("sync", ""),
    RunState.WAITING: ("draw", "warn"),
    RunState.PASSED: ("check", "ok"),
    RunState.FAILED: ("close", "bad"),
    RunState.SKIPPED: ("skip_next", ""),
}


class RunsCard:
    """`repository` has the tenant's hooks and runs."""

    def __init__(self, repository: HookRepository, zone: ZoneInfo) -> None:
        self._repository, self._zone = repository, zone
        self._which = _EVERY

    async def show(self) -> None:
        """Build it."""
        with card(_("Runs")) as head:
            self._list = Reloaded(self._load, self._show_list, only_changed=True)
        with head:
            self._choice = ui.select({_EVERY: _("All hooks")}, value=_EVERY, on_change=self._choose)
            self._choice.props(f'dense outlined options-dense aria-label="{_("Runs of")}"')
        await self.again()

    async def again(self) -> None:
        """Show what is now, if it is anything else."""
        names = [hook.name for hook in await self._repository.all()]
        choices = {_EVERY: _("All hooks"), **{name: name for name in names}}
        if choices != self._choice.options:
            gone = self._which not in choices
            self._choice.set_options(choices, value=_EVERY if gone else self._which)
        self._choice.visible = len(names) > 1
        await self._list.refresh()

    async def _choose(self) -> None:
        self._which = str(self._choice.value or _EVERY)
        await self._list.refresh()

    async def _load(self) -> list[HookRun]:
        which = None
        if self._which:
            try:
                which = (await self._repository.named(self._which)).id
            except HookUnknownError:
                return []
        return await self._repository.runs(which, _MOST)

    def _show_list(self, runs: Sequence[HookRun]) -> None:
        if not runs:
            empty(
                "history", _("Nothing was run yet"), _("A push begins a run, and so does Run now.")
            )
            return
        with ui.element("ul").classes("dm-items"):
            for run in runs:
                with ui.element("li"):
                    self._row(run)

    def _row(self, run: HookRun) -> None:
        icon, state = _MARKS[run.state]
        mark(icon, state)
        at = when(run.began_at or run.created_at, self._zone)
        commit = f" {run.commit[:12]}" if run.commit else ""
        what(
            _(
                "Run {id} of {name}: {state}",
                id=run.id,
                name=run.name,
                state=_(STATE_WORDS[run.state]),
            ),
            run.reason or _standing(run),
            f"{run.who}, {run.branch}{commit}",
            aside=at,
        )
        failed = next((step for step in run.steps if step.state is StepState.FAILED), None)
        if failed is not None and failed.tail:
            TextElement(tag="pre", text=failed.tail).classes("dm-tail")
        with ui.element("details").classes("dm-steps"):
            TextElement(tag="summary", text=_("Steps of run {id}", id=run.id)).classes("dm-note")
            with ui.element("ol"):
                for step in run.steps:
                    TextElement(tag="li", text=_step(step))


def _standing(run: HookRun) -> str:
    """The step that it is at."""
    at = {StepState.RUNNING, StepState.WAITING}
    return next((_step(step) for step in run.steps if step.state in at), "")


def _step(step: RunStep) -> str:
    text = f": {step.text}" if step.text else ""
    return f"{_(STEP_WORDS[step.kind])} {_(STATE_WORDS[step.state])}{text}"
