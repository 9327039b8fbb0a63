"""What runs before main.py in a frozen build, in place of a boot.py on the filesystem.

All modules are frozen or built in. Where the port's path stands, each import searches the
filesystem first: 12.5 ms for each of some forty, at every wake.
"""

import sys

sys.path[:] = [".frozen"]
