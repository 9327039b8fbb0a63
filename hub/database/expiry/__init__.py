"""Rows that are kept for a time, in any table: a trigger takes away what is older at each write."""

from hub.database.expiry.statements import keep_for_functions, keep_for_statement

__all__ = ["keep_for_functions", "keep_for_statement"]
