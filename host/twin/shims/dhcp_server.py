"""The network's DHCP server (RFC 2131), as a raw socket meets it: IP packets in and out.

It lends the address that the world gives the station, for `lease_s` seconds. A client that rebinds
is answered unless the world says otherwise (`rebinds`): with an ACK if it has that address, else
with a NAK. `dhcp.log` in the device's folder has a line for each thing it was asked.
"""

import world

_COOKIE = b"\x63\x82\x53\x63"
_ACK, _NAK = 5, 6


def note(kind, address):
    """Write down what was asked."""
    world.write(
        "dhcp.log", (world.read("dhcp.log") or b"") + ("%s %s\n" % (kind, address)).encode()
    )


def answer(datagram, lent):
    """The IP packet that answers a UDP datagram, or None; `lent` is the station's address."""
    message = bytes(datagram[8:])
    ports = bytes(datagram[:4])
    if ports != b"\0\x44\0\x43" or len(message) < 300 or message[236:240] != _COOKIE:
        return None
    # As of a client that rebinds: of the kind 3, its address in ciaddr, none in an option.
    if message[0] != 1 or message[240:243] != b"\x35\x01\x03" or message[243] != 255:
        return None
    own = bytes([int(part) for part in lent.split(".")])
    server = own[:3] + b"\x01"
    claimed = message[12:16]
    note("rebind", ".".join([str(byte) for byte in claimed]))
    if not world.get("wifi", "rebinds"):
        return None
    kind = _ACK if claimed == own else _NAK
    yours = own if kind == _ACK else b"\0\0\0\0"
    fixed = b"\x02\x01\x06\0" + message[4:8] + b"\0\0\0\0" + claimed + yours + server + b"\0\0\0\0"
    options = b"\x35\x01" + bytes([kind]) + b"\x36\x04" + server
    if kind == _ACK:
        options += b"\0\x33\x04" + world.get("wifi", "lease_s").to_bytes(4, "big")
        options += b"\x01\x04\xff\xff\xff\0\x03\x04" + server
    reply = fixed + message[28:44] + bytes(192) + _COOKIE + options + b"\xff"
    udp = b"\0\x43\0\x44" + (8 + len(reply)).to_bytes(2, "big") + b"\0\0" + reply
    target = own if kind == _ACK else b"\xff\xff\xff\xff"
    ip = b"\x45\0" + (20 + len(udp)).to_bytes(2, "big") + b"\0\0\0\0\xff\x11\0\0"
    return ip + server + target + udp
