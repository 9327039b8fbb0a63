"""The page Notifications: inbox, rules as sentences with choices in them, where messages go."""
