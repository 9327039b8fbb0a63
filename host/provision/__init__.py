"""From a flashed board to a device that the hub hears: settings written over its prompt."""
