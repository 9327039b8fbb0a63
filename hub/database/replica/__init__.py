"""Reading from a standby: which, how old it is, and when the primary is asked instead."""
