"""The database as Python classes (SQLAlchemy 2), for programs beside the hub.

The hub itself asks by named queries: loading SQLAlchemy costs 20 MB. These classes are compared
with what the migrations make.
"""

from hub.models import hooks as _hooks
from hub.models import notifications as _notifications
from hub.models import people as _people
from hub.models import sites as _sites
from hub.models import tables as _tables
from hub.models.base import Base
from hub.models.device import DeviceRow, DeviceThen, PropertyChangeRow, then
from hub.models.firmware import FirmwareImage
from hub.models.history import Activity, LocationHistory, Tick
from hub.models.places import Place, Placement
from hub.models.readings import Calibration, Daily, Hourly, PackedDay, ReadingRow, SeriesRow

__all__ = [
    "Activity",
    "Base",
    "Calibration",
    "Daily",
    "DeviceRow",
    "DeviceThen",
    "FirmwareImage",
    "Hourly",
    "LocationHistory",
    "PackedDay",
    "Place",
    "Placement",
    "PropertyChangeRow",
    "ReadingRow",
    "SeriesRow",
    "Tick",
    "then",
]

_ = _tables, _people, _notifications, _hooks, _sites
