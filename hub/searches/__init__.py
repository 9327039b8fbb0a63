"""Questions about devices under a name: a person's own, or everybody's of a tenant."""
