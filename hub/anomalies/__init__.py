"""What is odd about a series, in sentences with numbers; nothing leaves the hub."""
