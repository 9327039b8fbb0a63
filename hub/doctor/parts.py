"""The hub's own parts: whether all of them run, and what nothing foresaw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub.doctor.finding import DoctorFinding, Verdict
from hub.runtime.child import Child
from hub.runtime.supervisor import Loop, Supervisor

__all__ = ["examine"]

# The log has the rest.
_MOST = 10


def examine(supervisor: Supervisor, children: Sequence[Child]) -> Iterator[DoctorFinding]:
    """Look at what goes on in a running hub, and at the servers that it keeps running."""
    stopped = [loop for loop in supervisor.loops if not loop.running]
    yield DoctorFinding.of(
        "find a part of the hub that does not run",
        not stopped,
        "; ".join(map(_loop, stopped[:_MOST])),
    )
    for loop in supervisor.loops:
        if loop.running and loop.restarts:
            yield DoctorFinding(
                "find a part of the hub that was begun again", Verdict.NOTE, _loop(loop)
            )
    for child in children:
        if child.restarts:
            times = "once" if child.restarts == 1 else f"{child.restarts} times"
            yield DoctorFinding(
                "find a server that ended by itself",
                Verdict.NOTE,
                f"{child.name}, {times} since the hub was started: see the hub's log",
            )
    noted = [supervisor.defects, *(child.defects for child in children)]
    defects = [defect for one in noted for defect in one.all()]
    for defect in defects[:_MOST]:
        yield DoctorFinding(
            "find a defect of the hub",
            Verdict.NOTE,
            f"{defect.place}: {defect.kind}: {defect.detail} (counted {defect.count}, last at "
            f"{defect.at.astimezone():%Y-%m-%d %H:%M:%S}): please report it with the hub's log",
        )
    if not defects:
        yield DoctorFinding("find a defect of the hub", Verdict.GOOD)


def _loop(loop: Loop) -> str:
    return f"{loop.name}: {loop.error} (begun again {loop.restarts} times)"
