"""The page that imports history."""
