"""An HTTP request parsed as its bytes come, of which only a little is ever stored."""

# Longer lines are shortened; of ours the longest is the request line.
MAX_LINE = 256
# All of a request: browsers send 1 KB or less to a page without cookies.
MAX_REQUEST = 8192
# The form: an SSID twice, a key, a hub's address, a name and a place of 64 characters each, up to
# 12 bytes a character percent-encoded; and a dozen sensors.
MAX_BODY = 2400


class Request:
    """`status` is 0 while it may still become a request, 200 when it is one, else the error."""

    def __init__(self):
        self.line = bytearray()
        self.truncated = False
        self.total = 0
        self.status = 0
        self.method = ""
        self.path = ""
        self.host = ""
        self.length = 0
        # Bytes of the body still to come; None before it.
        self.body_left = None
        self.body = bytearray()

    def feed(self, data) -> None:
        """Parse what arrived; what follows the request is dropped."""
        self.total += len(data)
        at = 0
        while at < len(data) and not self.status:
            if self.body_left is not None:
                part = data[at : at + self.body_left]
                self.body.extend(part)
                self.body_left -= len(part)
                at += len(part)
                if not self.body_left:
                    self.status = 200
                continue
            end = data.find(b"\n", at)
            stop = len(data) if end < 0 else end
            room = MAX_LINE - len(self.line)
            self.truncated = self.truncated or stop - at > room
            self.line.extend(data[at : min(stop, at + room)])
            at = stop + 1
            if end >= 0:
                self._end_line()
        if not self.status and self.total > MAX_REQUEST:
            self.status = 431

    def _end_line(self) -> None:
        """Parse a whole line of the head."""
        line, truncated = bytes(self.line).rstrip(b"\r"), self.truncated
        self.line = bytearray()
        self.truncated = False
        if not self.method:
            self._request_line(line, truncated)
        elif line:
            self._header(line, truncated)
        elif self.method != "POST":
            self.status = 200
        elif not 0 < self.length <= MAX_BODY:
            self.status = 413 if self.length else 411
        else:
            self.body_left = self.length

    def _request_line(self, line, truncated: bool) -> None:
        parts = line.split(b" ")
        if truncated:
            self.status = 414
        elif len(parts) != 3 or not parts[2].startswith(b"HTTP/1.") or not _printable(parts[1]):
            self.status = 400
        elif parts[0] not in (b"GET", b"HEAD", b"POST"):
            self.status = 501
        else:
            self.method, self.path = str(parts[0], "ascii"), str(parts[1], "ascii")

    def _header(self, line, truncated: bool) -> None:
        colon = line.find(b":")
        name, value = line[:colon].lower(), line[colon + 1 :].strip()
        if colon <= 0:
            self.status = 400
        elif name == b"host":
            if truncated or not _printable(value):
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


def _printable(text) -> bool:
    """Whether it is ASCII without spaces and control characters, and not empty."""
    return bool(text) and all(32 < byte < 127 for byte in text)
