"""Home Assistant's own database (SQLite) as CSV, read only.

Its states, and of the time before those its hourly statistics. `states_meta` and times as numbers
came with 2023.4.
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from hub.imports.model import UnreadableFileError

__all__ = ["is_sqlite", "recorder_csv"]

_MAGIC = b"SQLite format 3\x00"
_ROWS = 2000
_STATES = """
SELECT m.entity_id, s.state, s.last_updated_ts,
       coalesce(json_extract(a.shared_attrs, '$.unit_of_measurement'), '')
FROM states s JOIN states_meta m ON m.metadata_id = s.metadata_id
LEFT JOIN state_attributes a ON a.attributes_id = s.attributes_id
WHERE s.last_updated_ts IS NOT NULL AND s.state IS NOT NULL
ORDER BY s.last_updated_ts"""
# A mean is of an hour, and dated at its beginning, as Home Assistant's own export has it; what a
# meter showed is of its end.
_STATISTICS = """
WITH states_begin AS (
    SELECT m.entity_id, min(s.last_updated_ts) AS first
    FROM states s JOIN states_meta m ON m.metadata_id = s.metadata_id GROUP BY 1)
SELECT m.statistic_id, coalesce(s.mean, s.state),
       s.start_ts + CASE WHEN s.mean IS NULL THEN 3600 ELSE 0 END,
       coalesce(m.unit_of_measurement, '')
FROM statistics s JOIN statistics_meta m ON m.id = s.metadata_id
LEFT JOIN states_begin b ON b.entity_id = m.statistic_id
WHERE s.start_ts IS NOT NULL AND coalesce(s.mean, s.state) IS NOT NULL
  AND (b.first IS NULL OR s.start_ts + 3600 <= b.first)
ORDER BY s.start_ts"""


def is_sqlite(path: Path) -> bool:
    """Whether a file is a database of SQLite's."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def recorder_csv(path: Path) -> Iterator[bytes]:
    """The history in a recorder's database, as CSV: entity_id, state, last_changed, unit.

    Raises UnreadableFileError.
    """
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            yield b"entity_id,state,last_changed,unit\n"
            for query in (_STATISTICS, _STATES):
                cursor = database.execute(query)
                while rows := cursor.fetchmany(_ROWS):
                    text = io.StringIO(newline="")
                    csv.writer(text, lineterminator="\n").writerows(
                        (entity, state, f"{float(at):.6f}", unit)
                        for entity, state, at, unit in rows
                    )
                    yield text.getvalue().encode("utf-8", "replace")
    except sqlite3.Error as error:
        raise UnreadableFileError(
            f"{path.name} is no database of Home Assistant's recorder of 2023.4 or newer: {error}"
        ) from None
