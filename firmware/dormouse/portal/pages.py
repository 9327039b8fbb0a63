"""The pages, in pieces as they go out: the whole of one is never in memory. No scripts."""

REASONS = {
    400: "Bad Request",
    404: "Not Found",
    411: "Length Required",
    413: "Content Too Large",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_COMMON = "Connection: close\r\nCache-Control: no-store\r\n"
# Nothing from elsewhere, no scripts: whatever a network calls itself, it stays text.
_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n" + _COMMON + "\r\n"
)
_TOP = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
)
_STYLE = (
    "<style>body{font:17px sans-serif;max-width:30em;margin:1em auto;padding:0 1em}"
    "label{display:block;margin:.7em 0}.t,button{font:inherit;width:100%;box-sizing:border-box;"
    "padding:.5em}.p{background:#fdd;padding:.6em}small{color:#555}</style></head><body>"
)
_END = "</body></html>"


def escape(text: str) -> str:
    """Text for between tags and inside quotes."""
    return "".join([_ENTITIES.get(one, one) for one in text])


def error(status: int):
    """An error as plain text."""
    reason = REASONS[status]
    yield "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\n%s" % (status, reason, _COMMON)
    yield "Content-Length: %d\r\n\r\n%s\n" % (len(reason) + 1, reason)


def redirect(address: str):
    """To the first page: 302, since that is what captive browsers look for."""
    yield "HTTP/1.1 302 Found\r\nLocation: http://%s/\r\n%s" % (address, _COMMON)
    yield "Content-Length: 0\r\n\r\n"


def _top(title: str, refresh_s: int = 0):
    yield _HEAD
    yield _TOP
    if refresh_s:
        yield '<meta http-equiv="refresh" content="%d">' % refresh_s
    yield "<title>%s</title>" % title
    yield _STYLE
    yield "<h1>%s</h1>" % title


def form(portal, shown):
    """The form: what the portal found, with what was filled in; `shown` is of the network."""
    fields = portal.fields
    yield from _top("Set up this sensor")
    yield "<p><small>%s</small></p>" % portal.device
    if portal.problem:
        yield '<p class="p" id="problem">%s</p>' % escape(portal.problem)
    yield '<form method="post" action="/"><h2>WiFi</h2>'
    for name, dbm, locked in portal.networks:
        yield _choice("radio", "net", name, name == shown["net"])
        yield "%s <small>%d dBm%s</small></label>" % (
            escape(name),
            dbm,
            "" if locked else ", without a password",
        )
    if not portal.networks:
        yield "<p>No networks were found.</p>"
    yield '<p><a href="/scan">Look for networks again</a></p>'
    yield _field("ssid", "Or type the name of another network", shown["ssid"], 32)
    yield "<label>Password"
    if portal.known_key(fields["ssid"]):
        yield " <small>(of %s: leave it empty for the one that worked)</small>" % escape(
            fields["ssid"]
        )
    yield '<input class="t" type="password" name="key" maxlength="64" autocomplete="off"></label>'
    if portal.entries:
        yield '<h2>Sensors</h2><input type="hidden" name="sensors" value="1">'
        for number, text in enumerate(portal.texts):
            yield _choice("checkbox", "sensor", str(number), number in portal.wanted)
            yield "%s</label>" % escape(text)
    yield "<h2>Hub</h2>"
    for number, (host, _port, _enrol_port) in enumerate(portal.hubs):
        yield _choice("radio", "hub", str(number), False)
        yield "%s</label>" % escape(host)
    yield _field("host", "Address of the hub (empty: it is looked for)", fields["host"], 64)
    yield _field("name", "Name of this sensor (optional)", fields["name"], 64)
    yield _field("place", "Place (optional), such as House / Kitchen", fields["place"], 64)
    yield (
        '<label><input type="checkbox" name="plain" value="1"%s> Say each value on an MQTT topic of'
        " its own too, for other programs than the hub</label>"
    ) % (" checked" if fields["plain"] else "")
    yield "<button>Join</button></form>"
    yield _END


def _choice(kind: str, name: str, value: str, chosen: bool) -> str:
    mark = " checked" if chosen else ""
    return '<label><input type="%s" name="%s" value="%s"%s> ' % (kind, name, escape(value), mark)


def _field(name: str, label: str, value: str, limit: int) -> str:
    return (
        '<label>%s<input class="t" name="%s" maxlength="%d" value="%s" autocapitalize="off"'
        ' autocorrect="off"></label>' % (label, name, limit, escape(value))
    )


def joining(ssid: str):
    """While the network is tried; the browser loads it again every 3 s."""
    yield from _top("Joining", 3)
    yield "<p>Trying to join %s. " % escape(ssid)
    yield "This takes up to half a minute. If this page does not change by itself, check that your "
    yield 'phone is still connected to the sensor\'s own WiFi and <a href="/">reload</a>.</p>'
    yield _END


def done(ssid: str, host: str):
    """The last page."""
    yield from _top("Done")
    yield '<p id="done">The sensor has joined %s. ' % escape(ssid)
    yield "It restarts now, its own WiFi disappears, and it connects to the hub %s. " % escape(host)
    yield "Your phone goes back to its own WiFi; the sensor is on the hub's pages in a moment."
    yield "</p>" + _END
