"""Sites: listed, added (with files that are shown once), removed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hub.api.access import Admin, Read
from hub.api.parameters import Name
from hub.sites.model import NewSite, Site, TunnelState
from hub.sites.networks import networks
from hub.sites.service import SiteService

__all__ = ["routes"]

SiteName = Annotated[str, Path(description="the site's name", max_length=100)]


class TunnelOut(BaseModel):
    """How a tunnel is; bytes since its interface came up."""

    state: str = Field(description="up, down, never up, not known")
    endpoint: str = Field(description="where the site is now, by what WireGuard heard last")
    handshake: datetime | None
    received: int
    sent: int
    down_since: datetime | None


class SiteOut(BaseModel):
    """A site; keys are public ones."""

    name: str
    title: str
    place: int | None
    networks: list[str]
    home: list[str]
    endpoint: str
    site_endpoint: str
    hub_address: str
    site_address: str
    interface: str
    hub_key: str
    site_key: str
    made_by: str
    created: datetime
    tunnel: TunnelOut


class NewSiteIn(BaseModel, extra="forbid"):
    """A site to make."""

    name: str = Field(
        max_length=100, description="small letters, digits, dashes", examples=["beach"]
    )
    networks: list[str] = Field(
        [], max_length=100, description="the site's own", examples=[["192.168.57.0/24"]]
    )
    home: list[str] = Field(
        [], max_length=100, description="networks of the home that it reaches besides the hub"
    )
    endpoint: str = Field(
        "",
        max_length=300,
        description="where the site finds the home; empty: DORMOUSE_SITE_HOST",
        examples=["home.example.org"],
    )
    site_endpoint: str = Field(
        "", max_length=300, description="where the hub finds the site; empty: the site dials"
    )
    place: list[Name] = Field(
        [],
        max_length=10,
        description="where its devices are, from the outside in; empty: a place of its name",
        examples=[["Beach house"]],
    )


class FileOut(BaseModel):
    """A file with a private key, shown this once; `where` says where it belongs."""

    name: str
    where: str
    text: str


class SiteMade(SiteOut):
    """A new site and its files, which nobody can make again."""

    files: list[FileOut]


class NewForwarder(BaseModel, extra="forbid"):
    """A small broker at a site to make files for."""

    program: bool = Field(
        False,
        description="`dormouse site forward` brings the messages, with exact times; else "
        "mosquitto itself does",
    )


def routes(sites: SiteService) -> APIRouter:
    """The routes under /sites."""
    router = APIRouter(tags=["sites"])
    handlers = _Handlers(sites)
    router.get("/sites")(handlers.all)
    router.post("/sites", status_code=201)(handlers.add)
    router.get("/sites/{name}")(handlers.one)
    router.post("/sites/{name}/forwarder", status_code=201)(handlers.forwarder)
    router.delete("/sites/{name}", status_code=204)(handlers.remove)
    return router


class _Handlers:
    """What the routes do."""

    def __init__(self, sites: SiteService) -> None:
        self._sites = sites

    async def all(self, caller: Read) -> list[SiteOut]:
        """Places with a network of their own, and how their tunnels are."""
        return [SiteOut(**_said(*one)) for one in await self._sites.all(caller.tenant)]

    async def one(self, caller: Read, name: SiteName) -> SiteOut:
        """One of them."""
        return SiteOut(**_said(*await self._sites.one(caller.tenant, name)))

    async def add(self, caller: Admin, body: NewSiteIn) -> SiteMade:
        """Make a site: keys, and the files for both ends, which are shown this once."""
        new = NewSite(
            name=body.name,
            networks=networks(body.networks),
            home=networks(body.home),
            endpoint=body.endpoint,
            site_endpoint=body.site_endpoint,
            place=tuple(body.place),
        )
        made = await self._sites.add(caller.tenant, new, caller.name)
        given = [FileOut(name=one.name, where=one.where, text=one.text) for one in made.files]
        return SiteMade(**_said(made.site, TunnelState()), files=given)

    async def forwarder(self, caller: Admin, name: SiteName, body: NewForwarder) -> list[FileOut]:
        """Files of a small broker there that forwards for its devices, which are shown this once.

        Made again they have another password, and the devices that are in its place then.
        """
        made = await self._sites.forwarder(caller.tenant, name, program=body.program)
        return [FileOut(name=one.name, where=one.where, text=one.text) for one in made]

    async def remove(self, caller: Admin, name: SiteName) -> None:
        """Forget a site; its place and its devices stay. Take the tunnel down on both ends."""
        await self._sites.remove(caller.tenant, name)


def _said(site: Site, state: TunnelState) -> dict[str, object]:
    return {
        "name": site.name,
        "title": site.title,
        "place": site.place,
        "networks": [str(one) for one in site.networks],
        "home": [str(one) for one in site.home],
        "endpoint": site.endpoint,
        "site_endpoint": site.site_endpoint,
        "hub_address": str(site.hub_address),
        "site_address": str(site.site_address),
        "interface": site.interface,
        "hub_key": site.hub_key,
        "site_key": site.site_key,
        "made_by": site.made_by,
        "created": site.created_at,
        "tunnel": TunnelOut(
            state=state.said,
            endpoint=state.endpoint,
            handshake=state.handshake_at,
            received=state.received,
            sent=state.sent,
            down_since=state.down_since,
        ),
    }
