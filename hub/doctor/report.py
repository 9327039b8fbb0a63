"""What was found, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.markup import escape

from hub.doctor.finding import DoctorFinding, Verdict

__all__ = ["report"]

_MARKS = {
    Verdict.GOOD: "[green]good[/]",
    Verdict.NOTE: "[yellow]note[/]",
    Verdict.BAD: "[red]BAD[/]",
}


def report(findings: Sequence[DoctorFinding], *, as_json: bool) -> None:
    """Print them, a line each."""
    if as_json:
        typer.echo(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
        return
    console = Console(soft_wrap=True)
    for finding in findings:
        detail = f", {escape(finding.detail)}" if finding.detail else ""
        line = f"{escape(finding.what)}: {_MARKS[finding.verdict]}{detail}"
        console.print(line, highlight=False)
