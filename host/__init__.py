"""Dormouse on a laptop: keys, images, flashing, streaming, virtual devices."""
