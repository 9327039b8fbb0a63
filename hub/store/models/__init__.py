"""The database as Python classes (SQLAlchemy 2)."""

from hub.store.models import people as _people
from hub.store.models import tables as _tables
from hub.store.models.base import Base
from hub.store.models.device import Change, Device, DeviceThen, then
from hub.store.models.firmware import FirmwareImage
from hub.store.models.history import Activity, LocationHistory, Tick
from hub.store.models.places import Place, Placement
from hub.store.models.readings import Calibration, Daily, Hourly, Reading, Series

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
