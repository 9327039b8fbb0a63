"""The hub's log, read: by commands and a page."""
