"""Several brokers: where one does not answer, the next is tried in the same wake.

The one that let us in is remembered by its address in RTC memory, and tried first from then on, so
that a broker that is away costs one wake its time-out, and the next ones nothing.
"""

from dormouse.mqtt_session import Refused
from dormouse.packets import BadPacket
from dormouse.tcp import resolve
from dormouse.wifi import ip_bytes, ip_text

_UNKNOWN = b"\0" * 4


def hosts(settings):
    """The brokers' hosts in the order of the settings, each once."""
    found = [settings.host]
    for name in settings.brokers.split(","):
        name = name.strip()
        if name and name not in found:
            found.append(name)
    return found


def open_any(session) -> None:
    """Open the session at the first broker that lets us in.

    The settings' order begins one further after each wake that reached none: what is left of
    `deadline_ms` after two that say nothing may not be enough for the third. Raises as
    MqttSession.open, of the last.
    """
    record = session.record
    names = hosts(session.settings)
    addresses = []
    failure: Exception = OSError("no broker")
    remembered = record.broker_ip
    for number in range(-1, len(names)):
        try:
            if number >= 0:
                record.broker_ip = _UNKNOWN
                address = resolve(names[(record.failures + number) % len(names)], record)
            elif remembered != _UNKNOWN:
                address = ip_text(remembered)
            else:
                continue
            if address in addresses:
                continue
            addresses.append(address)
            session.open_at(address)
        except (OSError, BadPacket, Refused) as error:
            if not session.out:
                # We were let in: what was sent to this one is not said to another.
                raise
            session.disconnect()
            failure = error
        else:
            record.broker_ip = ip_bytes(address)
            return
    raise failure
