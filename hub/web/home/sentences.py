"""What is wrong or odd, as sentences that lead to the device: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hub.anomalies.detect import AnomalyKind
from hub.anomalies.watch import SeriesAnomaly
from hub.explain.problems import DeviceProblem
from hub.explain.sentence import Level
from hub.web.home.view import device_path
from hub.web.oddities import odd_name, odd_short, odd_text

__all__ = ["sentences"]


def sentences(
    problems: Iterable[DeviceProblem], odd: Iterable[SeriesAnomaly], titles: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Problems first, then what is odd; a silent device's series are not told of again.

    `titles`: what devices are called. Of what is odd `odd` is the name by which it can be muted,
    else ""; what is muted is there as such, and counts nowhere.
    """
    lines, silent = [], set()
    for problem in problems:
        if problem.device is not None:
            silent.add(problem.device)
        path = device_path(problem.device) if problem.device else ""
        bad = problem.level is Level.BAD
        lines.append(_line(problem.device, problem.name, problem.text, path, bad=bad))
    odd = list(odd)
    out_of_range = {one.series for one in odd if one.anomaly.kind is AnomalyKind.RANGE}
    for one in odd:
        device = one.series.device
        if one.anomaly.kind is AnomalyKind.SILENT and device in silent:
            continue
        if one.anomaly.kind is AnomalyKind.JUMP and one.series in out_of_range:
            continue  # told once: the jump is how it got there
        title = titles.get(device) or device
        text = f"{odd_name(one)} {odd_text(one)}"
        line = _line(device, title, text, device_path(device))
        lines.append(line | {"odd": one.name, "short": odd_short(one), "muted": one.muted})
    return lines


def _line(
    device: str | None, subject: str, text: str, path: str, *, bad: bool = False
) -> dict[str, Any]:
    """`device` None: the hub itself."""
    line = {"device": device, "subject": subject, "text": text, "path": path, "bad": bad}
    return line | {"odd": "", "short": text, "muted": False}
