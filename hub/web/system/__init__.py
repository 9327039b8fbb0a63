"""The page System: parts with their day, backups, storage, time, joining, versions, the log."""
