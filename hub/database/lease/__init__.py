"""The lease of a database: one hub at a time works on it, any other is refused or waits."""
