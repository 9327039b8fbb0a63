"""The API under /api: what programs may see and do, by token, session or private socket."""
