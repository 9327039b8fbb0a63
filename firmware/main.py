"""What runs at power-on and after every sleep."""

from dormouse import start

start.run()
