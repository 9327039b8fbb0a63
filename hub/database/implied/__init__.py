"""Relations that no foreign key says: a row belongs to another because its value lies in a range.

    class Shift(Base):
        ...
        employment_period: Mapped[EmploymentPeriod | None] = implied(
            "EmploymentPeriod",
            from_fields=("employee_id", "date"),
            to_fields=("employee_id", "valid_period"),
        )

docs/store.md has the whole of it.
"""

from hub.database.implied.comparisons import ImpliedComparator
from hub.database.implied.relation import implied

__all__ = ["ImpliedComparator", "implied"]
