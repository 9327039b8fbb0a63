"""Alembic's steps; their SQL is in hub/store/schema."""
