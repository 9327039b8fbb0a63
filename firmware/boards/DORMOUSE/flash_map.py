"""For which flash map this was built: never imported, so it costs flash only.

`dormouse firmware` writes the map's text here, and `dormouse flash` looks for it in images.
"""

MAP = ""
