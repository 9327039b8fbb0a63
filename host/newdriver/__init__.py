"""Starting a new sensor driver: its files from templates, its lines where drivers are listed."""
