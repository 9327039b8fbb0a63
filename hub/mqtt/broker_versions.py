"""What versions of mosquitto are known to do wrong that touches a hub. Pure."""

from __future__ import annotations

__all__ = ["Version", "faults_of", "version_text"]

Version = tuple[int, int, int]

# The version from which on it does not, and what it does before that; its ChangeLog.txt has more.
# Distributions mend some of it without another number: Debian's 2.0.11 has what was counted as a
# vulnerability.
_FAULTS: tuple[tuple[Version, str], ...] = (
    (
        (2, 0, 23),
        (
            "it may end when accounts change while sessions of theirs run out; the hub keeps it "
            "from that, by a new start where an account that speaks MQTT 5 is changed or shut out"
        ),
    ),
    (
        (2, 0, 12),
        "it lets in more connections than it was told; the hub ends silent ones itself",
    ),
)


def faults_of(version: Version) -> list[str]:
    """What a version does wrong, each with the version that mends it."""
    return [
        f"{what} (mended in {version_text(mended)})" for mended, what in _FAULTS if version < mended
    ]


def version_text(version: Version) -> str:
    """As mosquitto writes it."""
    return ".".join(map(str, version))
