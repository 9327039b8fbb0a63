"""Every reading kept, every tenant apart: the database and what is asked of it."""
