"""Trees in any table whose rows name the one above them: read in one query, and never a circle."""

from hub.database.trees.tree import tree_query, tree_statements

__all__ = ["tree_query", "tree_statements"]
