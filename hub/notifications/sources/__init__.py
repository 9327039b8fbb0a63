"""What can be told of: one module a kind, each a `FindingSource`."""
