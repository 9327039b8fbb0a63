"""Who asks: log-in, sessions, roles, invitations."""
