"""Charts that tests draw: every form of data, with missing_ranges and with different units."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from contracts.homekit.quantities import quantity
from contracts.reading import SeriesKey
from hub.web.charts import BinRanges, ChartMark, ChartMove, RawPoints, Trace, came, options

MINUTE = 60_000
HOUR = 60 * MINUTE
SINCE = 1_790_000_000_000
NOW = SINCE + 24 * HOUR

CELSIUS = quantity(SeriesKey("a", "TemperatureSensor", 0, "CurrentTemperature"))
PERCENT = quantity(SeriesKey("a", "HumiditySensor", 0, "CurrentRelativeHumidity"))
PRESSURE = quantity(SeriesKey("a", "AirPressureSensor", 0, "AirPressure"))
SWITCH = quantity(SeriesKey("a", "Switch", 0, "On"))

KATHMANDU = ZoneInfo("Asia/Kathmandu")
GAP = (SINCE + 8 * HOUR, SINCE + 13 * HOUR)
AT = [t for t in range(SINCE, NOW, 5 * MINUTE) if not GAP[0] < t < GAP[1]]


def readings(base: float, slope: float) -> RawPoints:
    """A straight line through the day, so that every drawn point can be foretold."""
    return RawPoints(AT, [base + slope * (t - SINCE) / HOUR for t in AT])


def bins(base: float, hours: list[int]) -> BinRanges:
    return BinRanges(
        [SINCE + h * HOUR for h in hours],
        HOUR,
        [base + h for h in hours],
        [base + h - 2 for h in hours],
        [base + h + 5 for h in hours],
    )


def cases() -> dict[str, dict]:
    cellar = Trace("Cellar · Temperature", CELSIUS, readings(10, 0.5), (GAP,))
    attic = Trace("Attic · Temperature", CELSIUS, readings(25, 0.1), (GAP,))
    damp = Trace("Cellar · Humidity", PERCENT, readings(40, 1), (GAP,))
    air = Trace("Cellar · Air pressure", PRESSURE, readings(1000, 0.5))
    lamp = Trace(
        "<img src=x onerror=alert(1)>",
        SWITCH,
        RawPoints([SINCE + HOUR, SINCE + 2 * HOUR, SINCE + 20 * HOUR], [1, 0, 1]),
        held_until=SINCE + 22 * HOUR,
    )
    rollup = Trace("Rollup", CELSIUS, bins(-5, [0, 1, 2, 3, 10, 11]))
    bars = Trace(
        "Readings",
        PERCENT,
        RawPoints([SINCE + h * HOUR for h in (1, 5, 9)], [20, 40, 10]),
        bars=True,
    )
    one_bar = Trace("One", PERCENT, RawPoints([NOW - HOUR], [20]), bars=True)
    marked = Trace(
        "Marked", CELSIUS, readings(10, 0), marks=(ChartMark(AT[5], 10.0, "<b>odd</b>"),)
    )
    drawn = {
        "gap": [cellar],
        "same-unit": [cellar, attic],
        "two-units": [cellar, attic, damp],
        "four-scales": [cellar, damp, air, lamp],
        "steps": [lamp],
        "rollup": [rollup],
        "bars": [bars],
        "bars-and-lines": [cellar, one_bar],
        "marked": [marked],
        "nothing": [],
    }
    made = {
        name: options(traces, SINCE, NOW, now=NOW, zone=KATHMANDU) for name, traces in drawn.items()
    }
    move = ChartMove(SINCE + 6 * HOUR, "moved to Attic")
    reports = came((GAP,), SINCE, NOW, SINCE)
    made["lanes"] = options(
        [cellar, lamp], SINCE, NOW, now=NOW, zone=KATHMANDU, moves=[move], lanes=[reports]
    )
    low = options(drawn["bars-and-lines"], SINCE, NOW, now=NOW, low=True)
    return made | {"bars-and-lines": low}
