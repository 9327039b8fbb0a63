"""A site to be: the form, and its files, which are shown once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui

from contracts import qr
from hub.errors import HubError
from hub.language.words import _
from hub.sites.model import MadeFile, MadeSite, NewSite
from hub.sites.networks import networks
from hub.web.ask import asked, confirm
from hub.web.frame import heading

__all__ = ["ask_site", "tell_files"]


async def ask_site(add: Callable[[NewSite], Awaitable[MadeSite]]) -> MadeSite | None:
    """The site that was added; None where the person thought better of it."""
    with asked(_("Add a site"), stays=True) as dialog:
        name = _input(_("Name, such as beach"), 30)
        place = _input(_("The place of its devices, such as Beach house"), 100)
        network = _input(_("Its networks, such as 192.168.57.0/24"), 300)
        endpoint = _input(_("Where it finds the home, such as home.example.org"), 300)
        found = _input(_("Where the hub finds it, if it has a name as well"), 300)
        home = _input(_("Networks of the home that it reaches besides the hub"), 300)
        problem = ui.label().props('role="alert"').classes("dm-bad")

        async def make() -> None:
            problem.text = ""
            try:
                new = NewSite(
                    name=_text(name),
                    networks=networks(_parts(network, ",")),
                    home=networks(_parts(home, ",")),
                    endpoint=_text(endpoint),
                    site_endpoint=_text(found),
                    place=tuple(_parts(place, "/")),
                )
                dialog.submit(await add(new))
            except HubError as error:
                problem.text = f"{str(error).rstrip('.')}."

        with ui.row().classes("w-full justify-end"):
            ui.button(_("Cancel"), on_click=lambda: dialog.submit(None)).props("flat no-caps")
            ui.button(_("Add"), on_click=make).props("no-caps")
    made: MadeSite | None = await dialog
    dialog.delete()
    return made


async def tell_files(made: MadeSite) -> None:
    """The files, this once: to be saved, and the site's end as a code for a phone."""
    saved: set[str] = set()
    hubs = made.files[0]

    def save(one: MadeFile) -> None:
        ui.download.content(one.text, one.name)
        saved.add(one.name)

    with asked(_("The files of {name}", name=made.site.name), stays=True) as dialog:
        ui.label(_("They hold private keys and are not shown again; the hub stores none of them."))
        for one in made.files:
            ui.label(f"{one.name}: {one.where}").classes("break-words")
            ui.button(_("Save {name}", name=one.name), on_click=partial(save, one)).props(
                "outline no-caps"
            )
        heading(_("For a phone"), 3)
        code = ui.image(qr.svg_uri(made.files[1].text)).style("width: 16rem; max-width: 100%")
        code.props["alt"] = _(
            "The configuration of {name} for WireGuard's app", name=made.site.name
        )

        async def done() -> None:
            lost = _("Nobody can make it again: the site would have to be removed and added anew.")
            if hubs.name in saved or await confirm(
                _("Close without saving {name}?", name=hubs.name), details=[lost], yes=_("Close")
            ):
                dialog.submit(True)

        with ui.row().classes("w-full justify-end"):
            ui.button(_("Done"), on_click=done).props("no-caps")
    await dialog
    dialog.delete()


def _input(label: str, longest: int) -> ui.input:
    return ui.input(label).props(f"dense outlined maxlength={longest}").classes("w-full")


def _text(field: ui.input) -> str:
    return str(field.value or "").strip()


def _parts(field: ui.input, between: str) -> list[str]:
    return [part.strip() for part in _text(field).split(between) if part.strip()]
