"""Updating devices from the dashboard: images, rollouts to be, rollouts that are."""
