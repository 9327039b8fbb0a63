"""What is wrong or odd, as sentences that lead to the device: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hub.anomalies.detect import AnomalyKind
from hub.anomalies.watch import SeriesAnomaly
from hub.explain.problems import DeviceProblem
from hub.web.home.view import device_path

__all__ = ["sentences"]


def sentences(
    problems: Iterable[DeviceProblem], odd: Iterable[SeriesAnomaly], titles: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Problems first, then what is odd; a silent device's series are not told of again.

    `titles`: what devices are called.
    """
    lines, silent = [], set()
    for problem in problems:
        if problem.device is not None:
            silent.add(problem.device)
        path = device_path(problem.device) if problem.device else ""
        lines.append({"text": str(problem), "path": path})
    for one in odd:
        device = one.series.device
        if one.anomaly.kind is AnomalyKind.SILENT and device in silent:
            continue
        title = titles.get(device) or device
        text = f"{title}: {one.label.lower()} {one.anomaly.text}"
        lines.append({"text": text, "path": device_path(device)})
    return lines
