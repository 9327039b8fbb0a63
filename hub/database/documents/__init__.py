"""Documents in JSON that are found by what any element of an array in them says."""

from hub.database.documents.elements import any_element

__all__ = ["any_element"]
