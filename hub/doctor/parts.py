"""The hub's own parts: whether all of them run, and what nothing foresaw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub.doctor.finding import DoctorFinding, Verdict
from hub.mqtt.broker_versions import Version, faults_of, version_text
from hub.runtime.child import Child
from hub.runtime.disk import DiskRoom, room, told
from hub.runtime.host_clock import HostClock
from hub.runtime.listening import away, is_here
from hub.runtime.problems import Problems
from hub.runtime.supervisor import Loop, Supervisor

__all__ = [
    "examine",
    "examine_address",
    "examine_broker_version",
    "examine_clock",
    "examine_disk",
    "examine_dropped",
    "examine_silent",
    "examine_store",
]

# Kinds of problems that say: messages were dropped for what there was of them, not what they said.
_DROPPED = {
    "oversize": "larger than the broker takes",
    "limit": "times that an account was shut out",
    "dropped": "from accounts that were shut out",
    "overflow": "times that more waited for the hub than the broker keeps",
    "broker-memory": "times that the broker was begun anew to have memory back",
    "enrol-memory": "times that strangers filled the broker that takes enrolments",
}

# The log has the rest.
_MOST = 10
# s: smaller ones are a time server's daily work.
_STEP_TOLD_S = 5.0


def examine(supervisor: Supervisor, children: Sequence[Child]) -> Iterator[DoctorFinding]:
    """Look at what goes on in a running hub, and at the servers that it keeps running."""
    stopped = [loop for loop in supervisor.loops if not loop.sound]
    yield DoctorFinding.of(
        "every part of the hub runs",
        not stopped,
        "; ".join(map(_loop, stopped[:_MOST])),
    )
    for loop in supervisor.loops:
        if loop.sound and loop.restarts:
            yield DoctorFinding("no part of the hub was begun again", Verdict.NOTE, _loop(loop))
    for child in children:
        if child.restarts:
            times = "once" if child.restarts == 1 else f"{child.restarts} times"
            yield DoctorFinding(
                "no server of the hub ended by itself",
                Verdict.NOTE,
                f"{child.name}, {times} since the hub was started: see the hub's log",
            )
    noted = [supervisor.defects, *(child.defects for child in children)]
    defects = [defect for one in noted for defect in one.all()]
    for defect in defects[:_MOST]:
        yield DoctorFinding(
            "no defect of the hub is known",
            Verdict.NOTE,
            f"{defect.place}: {defect.kind}: {defect.detail} (counted {defect.count}, last at "
            f"{defect.at.astimezone():%Y-%m-%d %H:%M:%S}): please report it with the hub's log",
        )
    if not defects:
        yield DoctorFinding("no defect of the hub is known", Verdict.GOOD)


def examine_address(host: str) -> DoctorFinding:
    """Whether this machine has the address that the hub listens on."""
    here = is_here(host)
    what = "this machine has the address that the hub listens on"
    return DoctorFinding.of(what, here, "" if here else away(host))


def examine_disk(data_dir: Path) -> DoctorFinding:
    """Whether there is room for what is to be kept."""
    what, how = "the disk has room for readings", room(data_dir)
    if how is DiskRoom.LOW:
        return DoctorFinding(what, Verdict.NOTE, told(data_dir))
    return DoctorFinding.of(what, how is DiskRoom.OK, told(data_dir))


def examine_store(store: Path) -> Iterator[DoctorFinding]:
    """Whether messages of the broker's were set aside, since it could not load them."""
    what = "the broker could load the messages that it keeps"
    aside = store.with_name(f"{store.name}.damaged")
    if not aside.exists():
        yield DoctorFinding(what, Verdict.GOOD)
        return
    at = datetime.fromtimestamp(aside.stat().st_mtime, UTC).astimezone()
    yield DoctorFinding(
        what,
        Verdict.NOTE,
        f"they are in {aside} since {at:%Y-%m-%d %H:%M:%S}; commands and retained values that "
        "waited are lost: remove the file when nobody wants to look at it",
    )


def examine_dropped(problems: Problems) -> Iterator[DoctorFinding]:
    """What was dropped for its size or its number, and of which accounts."""
    what = "no message was dropped for its size or its number"
    for kind, said in _DROPPED.items():
        if count := problems.total[kind]:
            latest = problems.latest(problems.remember)
            names = [device for device, of, _ in latest if of == kind and device]
            of_whom = f": {', '.join(names[:5])}" if names else ""
            yield DoctorFinding(what, Verdict.NOTE, f"{count} {said}{of_whom}")
    if not any(problems.total[kind] for kind in _DROPPED):
        yield DoctorFinding(what, Verdict.GOOD)


def examine_broker_version(version: Version) -> Iterator[DoctorFinding]:
    """What this version of mosquitto is known to do wrong."""
    what = "nothing is known against this version of the broker"
    for fault in faults_of(version):
        yield DoctorFinding(what, Verdict.NOTE, f"mosquitto {version_text(version)}: {fault}")
    if not faults_of(version):
        yield DoctorFinding(what, Verdict.GOOD, f"mosquitto {version_text(version)}")


def examine_silent(forbidden: str) -> DoctorFinding:
    """Whether the broker's silent connections can be ended; `forbidden` says why not."""
    what = "connections to the broker that say or read nothing are ended"
    if not forbidden:
        return DoctorFinding(what, Verdict.GOOD)
    return DoctorFinding(
        what,
        Verdict.NOTE,
        f"the system forbids it ({forbidden}): the broker ends those that say nothing after 90 s, "
        "and keeps for those that read nothing what its bounds allow. In a container "
        "`cap_add: [SYS_PTRACE]` allows it",
    )


def examine_clock(clock: HostClock) -> Iterator[DoctorFinding]:
    """Whether this machine's clock is known to be right, and when it was set."""
    what = "this machine's clock is right"
    if clock.behind_s >= 1:
        by = timedelta(seconds=round(clock.behind_s))
        yield DoctorFinding(
            what,
            Verdict.BAD,
            f"it is at least {by} behind, since a hub has run here at a later time: readings are "
            "dated again when it is set (is there a time server?)",
        )
    elif clock.synchronised:
        yield DoctorFinding(what, Verdict.GOOD)
    else:
        yield DoctorFinding(
            what, Verdict.NOTE, "no time server is known to have set it (timedatectl tells more)"
        )
    for step in clock.steps:
        if abs(step.by) >= _STEP_TOLD_S:
            yield DoctorFinding(
                "this machine's clock was not set meanwhile",
                Verdict.NOTE,
                f"{'forward' if step.by > 0 else 'back'} by "
                f"{timedelta(seconds=round(abs(step.by)))}, at "
                f"{step.at.astimezone():%Y-%m-%d %H:%M:%S}; what it had dated is dated again",
            )


def _loop(loop: Loop) -> str:
    return f"{loop.name}: {loop.stuck or loop.error} (begun again {loop.restarts} times)"
