"""`dormouse hub import` and `imports`."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from hub.client import DataDir, HubClient, local_instant
from hub.imports.model import DateOrder, FileFormat, RepeatedHour, StampUnit
from hub.imports.recorder import is_sqlite, recorder_csv
from hub.settings import load

__all__ = ["import_history", "imports"]

_Tenant = Annotated[str | None, typer.Option("--tenant", help="whose; the setting TENANT else")]
_PIECE = 1 << 16
_SHOWN = 20  # refused lines
_WAIT_S = 600.0  # for the answer, once all is sent
_GZIP = b"\x1f\x8b"


def import_history(  # noqa: PLR0917  # each a flag
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="CSV, Home Assistant's or InfluxDB's"),
    ],
    names: Annotated[
        list[str] | None,
        typer.Option("--map", help="theirs=device/Service/Characteristic, or with @unit behind"),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="the same, one a line"),
    ] = None,
    form: Annotated[FileFormat, typer.Option("--format")] = FileFormat.AUTO,
    zone: Annotated[
        str | None, typer.Option(help="of times without an offset; the tenant's otherwise")
    ] = None,
    repeated_hour: Annotated[
        RepeatedHour, typer.Option(help="which one a local time is that comes twice")
    ] = RepeatedHour.REFUSE,
    dates: Annotated[DateOrder, typer.Option(help="what 03/04/2026 is")] = DateOrder.ISO,
    stamps: Annotated[
        StampUnit, typer.Option(help="what times count that are numbers")
    ] = StampUnit.AUTO,
    since: Annotated[str | None, typer.Option(help="what was measured from then on")] = None,
    until: Annotated[str | None, typer.Option(help="and before then, alone")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what it would do")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="without being asked")] = False,
    tenant: _Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Import the history of other programs: first what it would do is shown, then you are asked."""
    mapping = [*(names or []), *_lines_of(map_file)]
    query: dict[str, Any] = {
        "map": mapping, "format": form.value, "repeated_hour": repeated_hour.value,
        "dates": dates.value, "stamps": stamps.value, "source": file.name[:200],
    }  # fmt: skip
    query |= {"zone": zone} if zone else {}
    query |= {name: local_instant(name, text) for name, text in (("since", since), ("until", until))
              if text}  # fmt: skip
    with HubClient(load(data_dir=data_dir), "dormouse hub import", tenant=tenant) as hub:
        told = _sent(hub, file, {**query, "dry_run": True}, "reading")
        _show(told)
        if dry_run:
            return
        if not told["stored"]:
            typer.echo("there is nothing to import")
            raise typer.Exit(1 if told["refused_lines"] else 0)
        if not yes:
            typer.confirm(f"Import {told['stored']} readings?", abort=True, err=True)
        done = _sent(hub, file, {**query, "dry_run": False}, "importing")
    skipped = f", {done['refused_lines']} lines refused" if done["refused_lines"] else ""
    typer.echo(f"{done['stored']} readings imported{skipped} (import {done['number']})")


def imports(tenant: _Tenant = None, data_dir: DataDir = None) -> None:
    """Show what was imported, by whom and how far, the newest first."""
    with HubClient(load(data_dir=data_dir), "dormouse hub imports", tenant=tenant) as hub:
        found = hub.get("/imports")
    for one in found:
        ended = "" if one["finished_at"] else f", not finished: {one['error'] or 'under way'}"
        at = datetime.fromisoformat(one["at"]).astimezone()
        typer.echo(
            f"{at:%Y-%m-%d %H:%M:%S %Z} {one['who']}: {one['source'] or 'a file'} "
            f"({one['format']}), {one['lines']} lines: {one['stored']} readings stored, "
            f"{one['there']} there already, {one['refused']} lines refused{ended}"
        )
    if not found:
        typer.echo("nothing was imported")


def _lines_of(path: Path | None) -> list[str]:
    if path is None:
        return []
    lines = (line.strip() for line in path.read_text("utf-8-sig").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _sent(hub: HubClient, file: Path, query: dict[str, Any], doing: str) -> dict[str, Any]:
    columns = TextColumn(doing), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        answer: dict[str, Any] = hub.call(
            "POST", "/imports", params=query, content=_pieces(file, progress), timeout=_WAIT_S
        )
    return answer


def _pieces(path: Path, progress: Progress) -> Iterator[bytes]:
    if is_sqlite(path):
        task = progress.add_task("", total=None)
        for piece in recorder_csv(path):
            progress.advance(task, len(piece))
            yield piece
        return
    task = progress.add_task("", total=path.stat().st_size)
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        file = gzip.GzipFile(fileobj=raw) if packed else raw
        while piece := file.read(_PIECE):
            progress.update(task, completed=raw.tell())
            yield piece


def _show(told: dict[str, Any]) -> None:
    typer.echo(
        f"{told['lines']} lines of {told['format']}; times without an offset are {told['zone']}'s"
    )
    for one in told["names"]:
        typer.echo(_sentence(one))
    for line in told["refused"][:_SHOWN]:
        typer.echo(f"  line {line['line']}: {line['reason']}")
    if told["refused_lines"] > _SHOWN:
        typer.echo(f"  ... {told['refused_lines']} lines are refused")


def _sentence(one: dict[str, Any]) -> str:
    span = ""
    if one["first"]:
        span = f", {_local(one['first'])} to {_local(one['last'])}"
    rows = f"{one['rows']} row{'' if one['rows'] == 1 else 's'}{span}"
    if one["series"] is None:
        could = one["hint"] or "device/Service/Characteristic"
        if one["problem"]:
            return f"{one['name']}: {rows}; not imported: {one['problem']}"
        return f"{one['name']}: {rows}; not imported: say --map '{one['name']}={could}'"
    new = " (new)" if one["new"] else ""
    measured = ""
    if one["low"] is not None:
        taken = f", taken as {one['unit']}" if one["unit"] else ""
        measured = f"; {one['low']:g} to {one['high']:g}{taken}"
    return f"{one['name']} -> {one['series']}{new}: {rows}{measured}; {_fates(one)}"


def _fates(one: dict[str, Any]) -> str:
    words: Sequence[tuple[str, str]] = (
        ("there", "there already"), ("other", "there with another value, which stays"),
        ("gone", "of hours that are kept as means alone"), ("refused", "refused"),
        ("empty", "without a value"), ("outside", "outside of the span"),
    )  # fmt: skip
    parts = [f"{one['stored']} to import"]
    parts += [f"{one[name]} {what}" for name, what in words if one[name]]
    if one["overlap"]:
        parts.append(
            f"{one['overlap']} of them lie within what is here already (--until leaves them out)"
        )
    if one["repeated"]:
        parts.append(f"{one['repeated']} times come twice")
    return ", ".join(parts)


def _local(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone():%Y-%m-%d %H:%M %Z}"
