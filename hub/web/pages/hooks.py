"""Hooks: what pushes start, and where each run stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui

from contracts.zones import zoned
from hub.api.principal import Administrator, Principal
from hub.errors import HubError
from hub.hooks.model import Hook, HookChange, HookRun, RunStep, StepState
from hub.self_update.model import UpdatePhase
from hub.services import Services
from hub.web.ask import confirm, tell_secret
from hub.web.frame import frame, heading
from hub.web.reloaded import Reloaded

__all__ = ["mount"]

_MOST = 20
_PHASES = {
    UpdatePhase.SETTLED: "", UpdatePhase.TRIAL: ", which is new and watched",
    UpdatePhase.REVERTING: "",
}  # fmt: skip


def mount(services: Services) -> None:
    """Add /hooks."""

    @ui.page("/hooks")
    async def hooks(principal: Administrator) -> None:
        zone = (await services.zones.of(principal.tenant)).zone
        with frame(principal, "Hooks", zone):
            await _Page(services, principal, zone).show()


class _Page:
    """The page's content; the runs are shown anew when one changes."""

    def __init__(self, services: Services, principal: Principal, zone: ZoneInfo) -> None:
        self._services, self._principal, self._zone = services, principal, zone
        self._repository = services.hooks.of(principal.tenant)

    async def show(self) -> None:
        ui.label(
            "A push to a repository starts a chain of steps, up to devices with new firmware, or "
            "another version of this hub. Hooks run programs on the hub's machine, so they are "
            "added and changed there: dormouse hook add, dormouse hook change."
        ).classes("dm-soft")
        self._hooks = Reloaded(self._repository.all, self._show_hooks)
        await self._hooks.refresh()
        self._show_version()
        heading("Runs")
        self._runs = Reloaded(partial(self._repository.runs, None, _MOST), self._show_runs)
        await self._runs.refresh()
        ui.button("Refresh", on_click=self._runs.refresh).props("flat no-caps")

    def _show_version(self) -> None:
        """What runs, where hooks may bring the hub to another version."""
        running = self._services.updates.running()
        last = running.outcome
        if not running.enabled and last is None:
            return
        heading("This hub")
        ui.label(f"Dormouse {running.release}{_PHASES[running.phase]}")
        if last is not None:
            came = "healthy" if last.healthy else f"gone back from: it {last.reason}"
            ui.label(f"Last update, {last.who}: {last.release}, {came}")
        if last is not None and last.kept:
            ui.label(last.kept).classes("dm-soft")

    def _show_hooks(self, found: Sequence[Hook]) -> None:
        if not found:
            ui.label("No hooks yet.").classes("dm-soft")
            return
        with ui.element("ul").classes("dm-list"):
            for hook in found:
                with ui.element("li").classes("dm-row"):
                    self._row(hook)

    def _row(self, hook: Hook) -> None:
        with ui.element("div").classes("dm-grow"):
            ui.label(hook.name).classes("dm-strong")
            ui.label(f"{hook.repository}, {hook.branch}")
            kinds = ", ".join(step.kind.value for step in hook.chain.steps)
            ui.label(f"{hook.source.value} posts to /hook/{hook.name}; {kinds}").classes("dm-soft")

        async def begin() -> None:
            try:
                run = await self._services.hooks.run(
                    self._principal.tenant, hook.name, self._principal.name
                )
                ui.notify(f"Run {run.id} is {run.state.value}.")
            except HubError as error:
                ui.notify(f"{error}.", type="negative")
            await self._runs.refresh()

        async def renew() -> None:
            lost = "What its repository's host signs with the old one is refused at once."
            if await confirm(f"New secret for {hook.name}?", details=[lost], yes="Make it"):
                await self._renew(hook)

        async def remove() -> None:
            lost = "Its runs and their logs go with it; one that is going on ends."
            if await confirm(f"Remove {hook.name}?", details=[lost], yes="Remove"):
                await self._remove(hook)

        # Who may have the hub replaced is on its machine.
        if hook.chain.updates_hub:
            ui.label("Run, changed and removed on the hub's machine.").classes("dm-soft")
            return
        _button("Run now", f"Run {hook.name} now", begin)
        _button("New secret", f"New secret for {hook.name}", renew)
        _button("Remove", f"Remove {hook.name}", remove, more="color=negative")

    async def _renew(self, hook: Hook) -> None:
        tenant, by = self._principal.tenant, self._principal.name
        try:
            change = HookChange(secret="")
            _, secret = await self._services.hooks.change(tenant, hook.name, change, by)
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
            return
        await tell_secret("The secret", secret)

    async def _remove(self, hook: Hook) -> None:
        try:
            await self._services.hooks.remove(
                self._principal.tenant, hook.name, self._principal.name
            )
            ui.notify(f"{hook.name} is removed.")
        except HubError as error:
            ui.notify(f"{error}.", type="negative")
        await self._hooks.refresh()
        await self._runs.refresh()

    def _show_runs(self, runs: Sequence[HookRun]) -> None:
        if not runs:
            ui.label("Nothing was run yet.").classes("dm-soft")
        for run in runs:
            at = zoned(run.began_at or run.created_at, self._zone, "%Y-%m-%d %H:%M")
            heading(f"Run {run.id}: {run.name}, {run.state.value}", 3)
            commit = f" {run.commit[:12]}" if run.commit else ""
            ui.label(f"{at}, {run.who}, {run.branch}{commit}").classes("dm-soft")
            if run.reason:
                ui.label(run.reason)
            with ui.element("ol").classes("dm-where"):
                for step in run.steps:
                    with ui.element("li"):
                        _show_step(step)


def _button(label: str, said: str, act: Callable[[], Awaitable[None]], *, more: str = "") -> None:
    button = ui.button(label, on_click=act).props(f"flat no-caps {more}")
    button.props["aria-label"] = said


def _show_step(step: RunStep) -> None:
    text = f": {step.text}" if step.text else ""
    ui.label(f"{step.kind.value} {step.state.value}{text}")
    if step.state is StepState.FAILED and step.tail:
        ui.label(step.tail).classes("font-mono whitespace-pre-wrap break-all")
