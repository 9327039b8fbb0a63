"""The firmware images of a tenant: listed, added with a check, removed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from nicegui import events, ui

from hub.api.principal import Principal
from hub.errors import HubError
from hub.firmware.check import MAX_UPLOAD
from hub.firmware.errors import FirmwareInUseError, ImageRefusedError
from hub.firmware.repository import StoredImage
from hub.language.words import _, ngettext
from hub.services import Services
from hub.web.ask import confirm
from hub.web.cards import empty
from hub.web.updates.what import advice, what_is

__all__ = ["Images"]

_KIB = 1024
# Devices that are named of those that run an image.
_NAMED = 3


class Images:
    """The list, and for administrators what adds to it and takes from it."""

    def __init__(self, services: Services, principal: Principal, zone: ZoneInfo) -> None:
        self._zone = zone
        self._firmware = services.firmware(principal.tenant)
        self._services, self._principal = services, principal
        self._running: dict[tuple[str, str], list[str]] = {}
        self._refused: tuple[str, ...] = ()
        self._images: list[StoredImage] = []

    async def load(self) -> None:
        """Ask the database."""
        self._images = await self._firmware.images()
        names = await self._services.naming.names(self._principal.tenant)
        running: dict[tuple[str, str], list[str]] = {}
        for one in await self._services.devices.overview(self._principal.tenant):
            report = one.report or {}
            name = names.get(one.device) or one.device
            for board in {str(report.get("board") or ""), ""}:
                running.setdefault((str(report.get("firmware")), board), []).append(name)
        self._running = running

    async def _again(self) -> None:
        await self.load()
        self.show.refresh()

    @ui.refreshable_method
    def show(self) -> None:
        """Build it; all at once, since whoever asks for it meanwhile would add to it."""
        if not self._images:
            why = _(
                "An update is a signed file that ends in .ota: it comes with a release, or "
                "`dormouse sign` makes one with your key. Add it here, then roll it out."
            )
            empty("memory", _("No firmware yet"), why if self._principal.administers else "")
        for image in self._images:
            self._image(image)
        if not self._principal.administers:
            return
        with ui.element("div").props('role="alert"').classes("w-full"):
            for line in self._refused:
                ui.label(line).classes("dm-bad" if line is self._refused[0] else "")
        # Quasar's own uploader has a button that says nothing to a screen reader.
        upload = ui.upload(
            max_file_size=MAX_UPLOAD,
            auto_upload=True,
            on_upload=self._add,
            on_rejected=self._too_large,
        ).classes("hidden")
        ui.button(_("Add firmware (.ota)…"), icon="upload_file").props("outline no-caps").on(
            "click", js_handler=f"() => getElement({upload.id}).$refs.qRef.pickFiles()"
        )

    def _image(self, image: StoredImage) -> None:
        with ui.row().classes("items-center w-full dm-line"):
            with ui.column().classes("gap-0 grow min-w-0"):
                ui.label(
                    _(
                        "{version} for {value}",
                        version=image.version,
                        value=image.board or "any board",
                    )
                ).classes("font-medium")
                ui.label(
                    _(
                        "{size} KiB, signed with key {key}…, added {at}",
                        size=image.size // _KIB,
                        key=image.key[:16],
                        at=f"{image.added_at.astimezone(self._zone):%d %b %Y}",
                    )
                ).classes("text-sm opacity-80 break-words")
                ui.label(_runs(self._running.get((image.version, image.board), []))).classes(
                    "text-sm opacity-80 break-words"
                )
                if image.notes:
                    ui.label(image.notes).classes("text-sm break-words whitespace-pre-line")
            if self._principal.administers:
                name = _(
                    "{version} for {value}", version=image.version, value=image.board or "any board"
                )
                ui.button(
                    _("Roll out"), on_click=lambda: ui.navigate.to(f"/updates/new?image={image.id}")
                ).props(f'outline no-caps dense aria-label="Roll out {name}"')
                ui.button(_("Remove"), on_click=lambda: self._remove(image)).props(
                    f'flat no-caps dense aria-label="Remove {name}"'
                )

    async def _add(self, event: events.UploadEventArguments) -> None:
        data = await event.file.read()
        name = event.file.name[:100]
        try:
            image = await self._firmware.add(data)
        except ImageRefusedError as error:
            self._refused = (
                _("{name} was not added: it is {what_is}.", name=name, what_is=what_is(data)),
                _("The check says: {error}.", error=error),
                advice(data),
            )
        except HubError as error:
            self._refused = (_("{name} was not added: {error}.", name=name, error=error),)
        else:
            self._refused = ()
            ui.notify(
                _(
                    "{version} for {value} was added.",
                    version=image.version,
                    value=image.board or "any board",
                )
            )
        await self._again()

    async def _too_large(self) -> None:
        self._refused = (
            _(
                "That file was not sent: no firmware has more than {most} MiB.",
                most=MAX_UPLOAD // _KIB // _KIB,
            ),
            _("An update ends in .ota; `dormouse sign` makes one."),
        )
        await self._again()

    async def _remove(self, image: StoredImage) -> None:
        sure = await confirm(
            _(
                "Remove {version} for {value}?",
                version=image.version,
                value=image.board or "any board",
            ),
            details=[_("Devices that run it keep running it. The file can be added again.")],
            yes=_("Remove"),
        )
        if not sure:
            return
        try:
            await self._firmware.remove(image.id)
        except FirmwareInUseError as error:
            numbers = ", ".join(str(number) for number in error.rollouts)
            self._refused = (
                _(
                    "{version} is in use by rollout {numbers}: end that first.",
                    version=image.version,
                    numbers=numbers,
                ),
            )
        except HubError as error:
            self._refused = (str(error),)
        else:
            self._refused = ()
        await self._again()


def _runs(names: list[str]) -> str:
    """Which devices run it, as far as they said: the first few by name."""
    if not names:
        return _("No device runs it.")
    shown = ", ".join(sorted(names)[:_NAMED])
    more = _(" and {names} more", names=len(names) - _NAMED) if len(names) > _NAMED else ""
    return _(
        "Runs on {devices}: {shown}{more}",
        devices=ngettext("{n} device", "{n} devices", len(names)),
        shown=shown,
        more=more,
    )
