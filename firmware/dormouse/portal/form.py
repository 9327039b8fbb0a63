"""The form of the portal: parsed and checked."""

FIELDS = ("net", "ssid", "key", "hub", "host", "name", "place", "plain", "sensors")
_HEX = b"0123456789abcdefABCDEF"


def parse(body) -> dict:
    """The fields of a form as browsers send it; `sensor` is a list of those that are checked.

    Raises ValueError for what none sends.
    """
    fields: dict = dict.fromkeys(FIELDS, "")
    fields["sensor"] = []
    for part in bytes(body).split(b"&"):
        equals = part.find(b"=")
        name = str(part[:equals], "utf-8") if equals > 0 else ""
        if name in fields:
            value = text_of(_decode(part[equals + 1 :]))
            if name == "sensor":
                fields[name].append(value)
            else:
                fields[name] = value
    return fields


def text_of(data) -> str:
    """Bytes that are UTF-8, as text. Raises ValueError for others.

    MicroPython takes surrogates and characters of more bytes than they need for text as well.
    """
    text = str(data, "utf-8")
    if "".join([chr(ord(one)) for one in text]).encode() != data:
        raise ValueError
    if any(0xD800 <= ord(one) < 0xE000 or ord(one) > 0x10FFFF for one in text):
        raise ValueError
    return text


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


def chosen_network(fields, shown) -> str:
    """The network that is meant: what was picked from the list counts more than what was typed.

    `shown` is what the page had: a name picked by an earlier try, which nobody touched, counts less
    than one that was typed now.
    """
    picked, typed = fields["net"], fields["ssid"]
    touched = typed != shown["ssid"]
    if touched:
        # Phones add a space to what they complete.
        typed = typed.strip()
    if picked == shown["net"] and typed and touched:
        return typed
    return picked or typed


def problem(new: dict, locked) -> str:
    """What is wrong with the settings asked for, "" if nothing is.

    `locked` says whether the network wants a password, None where that is not known.
    """
    ssid, key, host, name, place = [new[n] for n in ("ssid", "key", "host", "name", "place")]
    checks = (
        (not ssid, "Choose a WiFi network, or type the name of one."),
        (
            len(ssid.encode()) > 32 or has_control(ssid),
            "A network's name has at most 32 bytes, all printable.",
        ),
        (locked and not key, "%s wants its password." % ssid),
        (
            key and locked is False,
            "%s is open: it has no password. Leave it empty, or choose another network." % ssid,
        ),
        (key and not _valid_key(key), "A WiFi password has 8 to 63 characters without accents."),
        (
            host and not valid_host(host),
            "The hub's address is not valid: it is like 192.168.1.7, or a host name.",
        ),
        (
            len(name) > 64 or has_control(name),
            "A sensor's name has at most 64 characters, all printable.",
        ),
        (
            len(place) > 64 or has_control(place),
            "A place has at most 64 characters, all printable.",
        ),
        (
            place and not all(part.strip() for part in place.split("/")),
            "A place is like Kitchen, or House / Kitchen.",
        ),
    )
    for wrong, text in checks:
        if wrong:
            return text
    return ""


def has_control(text: str) -> bool:
    """Whether it has characters that nobody sees."""
    return any(ord(one) < 32 or 127 <= ord(one) < 160 for one in text)


def _valid_key(key: str) -> bool:
    """WPA2: a pass phrase, or the key itself as 64 hex digits."""
    data = key.encode()
    if len(data) == 64:
        return all(byte in _HEX for byte in data)
    return 8 <= len(data) <= 63 and all(32 <= byte < 127 for byte in data)


def valid_host(host: str) -> bool:
    """Whether it can be the IPv4 address of one machine, or a host name."""
    labels = host.split(".")
    if all(label.isdigit() for label in labels):
        parts = [int(label) if len(label) < 4 else 256 for label in labels]
        # 0 is this network, from 224 on are groups, and everybody. With a 0 in front lwIP takes a
        # number for an octal one.
        good = len(parts) == 4 and 0 < parts[0] < 224 and max(parts) < 256
        return good and all(label == str(int(label)) for label in labels)
    return len(host) <= 64 and all(_valid_label(label) for label in labels)


def _valid_label(label: str) -> bool:
    good = all("a" <= one <= "z" or "0" <= one <= "9" or one in "-_" for one in label.lower())
    return 0 < len(label) < 64 and good and label[0] != "-" and label[-1] != "-"
