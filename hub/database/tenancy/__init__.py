"""Row-level security as a layer: a table's path to its tenant declared once, policies made from it.

`declare` says which tables there are and how each reaches its tenant, `policy` turns that into
SQL, `drift` compares a database with it.
"""
