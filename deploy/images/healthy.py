#!/usr/bin/python3 -IS
"""Whether the hub in this container answers that it is well: exit status 0, else 1 with a line.

On its private socket, so that it does not matter which port the pages have.
"""

import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as hub:
    hub.settimeout(4)
    try:
        hub.connect(os.environ.get("DORMOUSE_DATA_DIR", "/data") + "/hub.sock")
        hub.sendall(b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
        with hub.makefile("rb") as stream:
            answer = stream.read()
    except OSError as error:
        sys.exit(f"the hub does not answer: {error}")
head, _, body = answer.partition(b"\r\n\r\n")
print(body.decode("utf-8", "replace").strip())  # shown by `docker inspect`
sys.exit(0 if head.split(b" ", 2)[1:2] == [b"200"] else 1)
