"""Row-level security from models: declared once, policies made from it and compared with it.

`models` finds how tables reach their tenant, `protection` turns that into SQL, `drift` compares a
database with it, `operations` does so for Alembic. `declare` is what our own database has.
docs/store.md has examples.
"""
