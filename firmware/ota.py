"""For the prompt: `import ota; ota.start()` asks the bootloader for an update."""

from dormouse.ota import start

__all__ = ["start"]
