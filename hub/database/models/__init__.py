"""The database as Python classes (SQLAlchemy 2)."""

from hub.database.models import people as _people
from hub.database.models import tables as _tables
from hub.database.models.base import Base
from hub.database.models.device import Change, Device, DeviceThen, then
from hub.database.models.firmware import FirmwareImage
from hub.database.models.history import Activity, LocationHistory, Tick
from hub.database.models.places import Place, Placement
from hub.database.models.readings import Calibration, Daily, Hourly, Reading, Series

__all__ = [
    "Activity",
    "Base",
    "Calibration",
    "Change",
    "Daily",
    "Device",
    "DeviceThen",
    "FirmwareImage",
    "Hourly",
    "LocationHistory",
    "Place",
    "Placement",
    "Reading",
    "Series",
    "Tick",
    "then",
]

_ = _tables, _people
