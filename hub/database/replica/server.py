"""Which server a URL leads to: whether it is a standby of ours, or what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hub.database.database import Connection
from hub.database.queries import Queries
from hub.database.replica.errors import ReplicaUnfitError

__all__ = ["ServerIdentity", "as_our_login", "identity_of", "refuse_other_name"]

_QUERIES = Queries.of("hub.database.replica")

# s, and how often: a machine that lost its power says nothing more.
_PATIENCE = {
    "connect_timeout": 3,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,  # ms
}


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """A database of a server: `cluster` and `number` are the same on its primary and standbys."""

    standby: bool
    cluster: int
    number: int
    name: str

    def refuse_unless_of(self, primary: ServerIdentity) -> None:
        """Raises ReplicaUnfitError where this is no copy of the primary's database."""
        if self.cluster != primary.cluster:
            raise ReplicaUnfitError(
                f"leads to another cluster (system identifier {self.cluster}) than "
                f"DORMOUSE_DATABASE_URL ({primary.cluster}): name a standby of that one"
            )
        if self.number != primary.number:
            raise ReplicaUnfitError(
                f"leads to the database {self.name}, DORMOUSE_DATABASE_URL to {primary.name}: "
                "name the same one"
            )


async def identity_of(conn: Connection) -> ServerIdentity:
    """What this connection leads to."""
    row = await (await conn.execute(_QUERIES["server"])).fetchone()
    if row is None:
        raise ReplicaUnfitError("leads to a server that does not say what it is")
    return ServerIdentity(*row)


def as_our_login(read_url: str, app_url: str) -> str:
    """The standby's URL, with the login that is used at the primary, whatever it says itself.

    Raises ReplicaUnfitError for what is no URL, and for options, which could name another role.
    """
    try:
        if "options" in conninfo_to_dict(read_url):
            raise ReplicaUnfitError("must have no `options`: the hub sets what its sessions need")
        login = conninfo_to_dict(app_url)
        return make_conninfo(
            read_url, user=login.get("user"), password=login.get("password"), **_PATIENCE
        )
    except psycopg.ProgrammingError as error:
        raise ReplicaUnfitError(f"is not a URL: {str(error).splitlines()[0]}") from None


def refuse_other_name(read_url: str, app_url: str) -> None:
    """For what cannot be asked: raises ReplicaUnfitError where the URLs name two databases."""
    read, primary = (
        conninfo_to_dict(url).get("dbname") or conninfo_to_dict(url).get("user")
        for url in (read_url, app_url)
    )
    if read != primary:
        raise ReplicaUnfitError(
            f"names the database {read}, DORMOUSE_DATABASE_URL {primary}: name the same one"
        )
