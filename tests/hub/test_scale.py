"""Where a series came to be on another scale, worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hub.calibration.scale import ScaleChange, scale_changes
from hub.calibration.span import CalibrationSpan

T = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=n) for n in range(6)]


def test_a_change_is_where_another_line_holds():
    spans = [
        CalibrationSpan(None, T[1], 1, 0),  # nothing
        CalibrationSpan(T[1], T[2], 2, -0.5), CalibrationSpan(T[2], T[3], 2, -0.5),
        CalibrationSpan(T[4], None, 1, 3),
    ]  # fmt: skip
    changes = scale_changes(spans, T[0], T[5])
    assert changes == [
        ScaleChange(T[1], 2, -0.5), ScaleChange(T[3], 1, 0), ScaleChange(T[4], 1, 3)
    ]  # fmt: skip
    told = [str(one).replace("\N{MINUS SIGN}", "-") for one in changes]
    assert told == ["2 \N{MULTIPLICATION SIGN} measured - 0.5", "as measured", "measured + 3"]
    assert [one.at for one in scale_changes(spans, T[1], T[4])] == [T[3]]
    assert scale_changes([CalibrationSpan(None, None, 2, 0)], T[0], T[5]) == []
