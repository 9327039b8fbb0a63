"""What the doctor says of where messages go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.doctor.finding import DoctorFinding, Verdict
from hub.notifications.trouble import FailingChannel

__all__ = ["examine_channels"]


def examine_channels(failing: Sequence[FailingChannel]) -> Iterator[DoctorFinding]:
    """Which channels take no messages; one person's are theirs to see to."""
    what = "notifications arrive"
    if not failing:
        yield DoctorFinding(what, Verdict.GOOD)
    for one in failing:
        whose = "a channel of one person's" if one.own else f"the channel {one.name}"
        yield DoctorFinding(
            what,
            Verdict.NOTE if one.own else Verdict.BAD,
            f"{whose} in {one.tenant} takes no messages since "
            f"{one.since.astimezone():%Y-%m-%d %H:%M}: {one.error}",
        )
