"""The form of the portal: parsed and checked."""

FIELDS = ("net", "ssid", "key", "host", "name")
_HEX = b"0123456789abcdefABCDEF"


def parse(body) -> dict:
    """The fields of a form as browsers send it. Raises ValueError for what none sends."""
    fields = dict.fromkeys(FIELDS, "")
    for part in bytes(body).split(b"&"):
        equals = part.find(b"=")
        name = str(part[:equals], "utf-8") if equals > 0 else ""
        if name in fields:
            fields[name] = str(_decode(part[equals + 1 :]), "utf-8")
    return fields


def _decode(text) -> bytes:
    """Without percent-encoding and pluses. Raises ValueError."""
    out = bytearray()
    at = 0
    while at < len(text):
        byte = text[at]
        at += 1
        if byte == 43:
            byte = 32
        elif byte == 37:
            pair = text[at : at + 2]
            if len(pair) != 2 or pair[0] not in _HEX or pair[1] not in _HEX:
                raise ValueError
            byte = int(pair, 16)
            at += 2
        out.append(byte)
    return bytes(out)


def check(fields, settings):
    """(the settings that the fields ask for, what is wrong with them as a text or "").

    A typed network counts more than a chosen one. Without a key the network's known one stays.
    """
    # Phones add a space to what they complete.
    ssid = fields["ssid"].strip() or fields["net"]
    key = fields["key"]
    if not key and ssid == settings.ssid:
        key = settings.key
    host = fields["host"].strip()
    name = fields["name"].strip()
    new = {"ssid": ssid, "key": key, "host": host, "name": name}
    return new, _problem(ssid, key, host, name)


def _problem(ssid: str, key: str, host: str, name: str) -> str:
    checks = (
        (not ssid, "Choose a WiFi network, or type the name of one."),
        (
            len(ssid.encode()) > 32 or _has_control(ssid),
            "A network's name has at most 32 bytes, all printable.",
        ),
        (key and not _valid_key(key), "A WiFi password has 8 to 63 characters without accents."),
        (not host, "Type the hub's address, such as 192.168.1.7."),
        (
            not _valid_host(host),
            "The hub's address is not valid: it is like 192.168.1.7, or a host name.",
        ),
        (
            len(name) > 64 or _has_control(name),
            "A sensor's name has at most 64 characters, all printable.",
        ),
    )
    for wrong, text in checks:
        if wrong:
            return text
    return ""


def _has_control(text: str) -> bool:
    return any(ord(one) < 32 or ord(one) == 127 for one in text)


def _valid_key(key: str) -> bool:
    """WPA2: a pass phrase, or the key itself as 64 hex digits."""
    data = key.encode()
    if len(data) == 64:
        return all(byte in _HEX for byte in data)
    return 8 <= len(data) <= 63 and all(32 <= byte < 127 for byte in data)


def _valid_host(host: str) -> bool:
    """Whether it can be an IPv4 address or a host name."""
    labels = host.split(".")
    if all(label.isdigit() for label in labels):
        return len(labels) == 4 and all(len(label) < 4 and int(label) < 256 for label in labels)
    return len(host) <= 64 and all(_valid_label(label) for label in labels)


def _valid_label(label: str) -> bool:
    good = all("a" <= one <= "z" or "0" <= one <= "9" or one in "-_" for one in label.lower())
    return 0 < len(label) < 64 and good and label[0] != "-" and label[-1] != "-"
