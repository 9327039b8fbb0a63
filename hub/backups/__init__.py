"""Backups that happen: made daily, taken elsewhere, tried weekly, kept by a rule."""
