"""Alembic's steps; their SQL is in hub/database/schema."""
