"""Many rows written at once: any number of them in two statements, whatever the table.

changed = await update_rows(conn, "dormouse.device", [{"id": 1, "name": "attic"}, ...])
changed = await upsert_rows(conn, "app.stock", rows, key=("shop_id", "sku"))
"""

from hub.database.bulk.write import (
    ChangedRow,
    update_rows,
    update_rows_at_once,
    upsert_rows,
    upsert_rows_at_once,
)

__all__ = [
    "ChangedRow",
    "update_rows",
    "update_rows_at_once",
    "upsert_rows",
    "upsert_rows_at_once",
]
