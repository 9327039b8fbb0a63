"""Sites in the database, behind their tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import ip_interface, ip_network
from typing import Any

from psycopg.rows import dict_row

from hub.database.database import TenantDatabase
from hub.database.errors import DuplicateNameError
from hub.database.queries import Queries
from hub.database.refusals import typed
from hub.sites.errors import SiteNameTakenError, SiteUnknownError
from hub.sites.model import Site
from hub.sites.networks import IpNetwork

__all__ = ["SiteRepository"]

_QUERIES = Queries.of("hub.sites")


class SiteRepository:
    """The sites of one tenant."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def all(self, name: str | None = None) -> list[Site]:
        """By name; with one the site of that name alone."""
        async with (
            self._database.transaction() as conn,
            conn.cursor(row_factory=dict_row) as rows,
        ):
            await rows.execute(_QUERIES["sites"], {"name": name})
            return [_site(row) for row in await rows.fetchall()]

    async def named(self, name: str) -> Site:
        """One of them. Raises SiteUnknownError."""
        found = await self.all(name)
        if not found:
            raise SiteUnknownError(name)
        return found[0]

    async def add(
        self, facts: Mapping[str, Any], networks: Sequence[IpNetwork], home: Sequence[IpNetwork]
    ) -> None:
        """Keep a site with its networks. Raises SiteNameTakenError."""
        try:
            with typed():
                async with self._database.transaction() as conn:
                    made = await (await conn.execute(_QUERIES["add_site"], facts)).fetchone()
                    rows = [(one, False) for one in networks] + [(one, True) for one in home]
                    for one, of_home in rows:
                        row = {"site": made and made[0], "network": one, "of_home": of_home}
                        await conn.execute(_QUERIES["add_network"], row)
        except DuplicateNameError:
            raise SiteNameTakenError(str(facts["name"])) from None

    async def remove(self, name: str) -> None:
        """Forget a site. Raises SiteUnknownError."""
        async with self._database.transaction() as conn:
            if not (await conn.execute(_QUERIES["remove_site"], [name])).rowcount:
                raise SiteUnknownError(name)

    async def heard(self, site: int, at: datetime) -> None:
        """Keep when a site was heard last, for a hub or a machine that begins anew."""
        async with self._database.transaction() as conn:
            await conn.execute(_QUERIES["site_heard"], {"site": site, "at": at})

    async def of_devices(self) -> dict[str, str]:
        """By device in a site's place, or below it, that site's name."""
        async with self._database.transaction() as conn:
            rows = await (await conn.execute(_QUERIES["devices_of_sites"])).fetchall()
        return dict(rows)


def _site(row: dict[str, Any]) -> Site:
    return Site(
        **{
            **row,
            "networks": tuple(ip_network(one) for one in row["networks"]),
            "home": tuple(ip_network(one) for one in row["home"]),
            "hub_address": ip_interface(row["hub_address"]).ip,
            "site_address": ip_interface(row["site_address"]).ip,
        }
    )
