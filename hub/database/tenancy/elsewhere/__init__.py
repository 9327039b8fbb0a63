"""What the catalogue says of what lies outside of the schemas that are declared, as facts."""

from hub.database.queries import Queries

__all__ = ["FACTS"]

FACTS = Queries.of("hub.database.tenancy.elsewhere")
"""Each a query of objects and what is so of them, by schemas and the application's roles."""
