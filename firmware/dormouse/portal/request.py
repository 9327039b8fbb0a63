"""An HTTP request taken in pieces as they come, of which only a little is ever kept."""

# Longer lines are cut; of ours the longest is the request line.
LINE = 256
# All of a request: browsers send 1 KB or less to a page without cookies.
LONGEST = 8192
# The form: an SSID twice, a key, a hub's address, and a name of 64 characters, percent-encoded.
BODY = 1400


class Request:
    """`status` is 0 while it may still become a request, 200 when it is one, else the error."""

    def __init__(self):
        self.line = bytearray()
        self.cut = False
        self.total = 0
        self.status = 0
        self.method = ""
        self.path = ""
        self.host = ""
        self.length = 0
        # Bytes of the body still to come; None before it.
        self.left = None
        self.body = bytearray()

    def take(self, data) -> None:
        """Take what arrived; what follows the request is dropped."""
        self.total += len(data)
        at = 0
        while at < len(data) and not self.status:
            if self.left is not None:
                part = data[at : at + self.left]
                self.body.extend(part)
                self.left -= len(part)
                at += len(part)
                if not self.left:
                    self.status = 200
                continue
            end = data.find(b"\n", at)
            stop = len(data) if end < 0 else end
            room = LINE - len(self.line)
            self.cut = self.cut or stop - at > room
            self.line.extend(data[at : min(stop, at + room)])
            at = stop + 1
            if end >= 0:
                self._line()
        if not self.status and self.total > LONGEST:
            self.status = 431

    def _line(self) -> None:
        """A line of the head is whole."""
        line, cut = bytes(self.line).rstrip(b"\r"), self.cut
        self.line = bytearray()
        self.cut = False
        if not self.method:
            self._first(line, cut)
        elif line:
            self._header(line, cut)
        elif self.method != "POST":
            self.status = 200
        elif not 0 < self.length <= BODY:
            self.status = 413 if self.length else 411
        else:
            self.left = self.length

    def _first(self, line, cut: bool) -> None:
        parts = line.split(b" ")
        if cut:
            self.status = 414
        elif len(parts) != 3 or not parts[2].startswith(b"HTTP/1.") or not _plain(parts[1]):
            self.status = 400
        elif parts[0] not in (b"GET", b"HEAD", b"POST"):
            self.status = 501
        else:
            self.method, self.path = str(parts[0], "ascii"), str(parts[1], "ascii")

    def _header(self, line, cut: bool) -> None:
        colon = line.find(b":")
        name, value = line[:colon].lower(), line[colon + 1 :].strip()
        if colon <= 0:
            self.status = 400
        elif name == b"host":
            if cut or not _plain(value):
                self.status = 400
            else:
                self.host = str(value, "ascii").lower()
        elif name == b"content-length":
            # More digits than any length that is allowed.
            if not value.isdigit() or len(value) > 9:
                self.status = 400
            else:
                self.length = int(value)
        elif name == b"transfer-encoding":
            self.status = 411


def _plain(text) -> bool:
    """Whether it is ASCII without spaces and control characters, and not empty."""
    return bool(text) and all(32 < byte < 127 for byte in text)
