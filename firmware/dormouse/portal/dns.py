"""A name server that gives every name our address: that makes phones open the portal."""

_HEADER = 12
MAX_QUERY = 512
_A, _ANY, _IN = 1, 255, 1
# Names asked for while the portal is open must not stay wrong for long.
_TTL_S = b"\0\0\0\x05"


def answer(query, address: bytes):
    """The answer to a query: `address` (4 bytes) for any name; None for what is no query.

    Types other than A exist for no name. More than the question is left out.
    """
    if not _HEADER < len(query) <= MAX_QUERY or query[2] & 0xF8 or query[4:6] != b"\0\x01":
        return None
    end = _question(query)
    if not end:
        return None
    kind, dns_class = query[end - 3], query[end - 1]
    wide = query[end - 4] or query[end - 2]
    known = not wide and dns_class == _IN and kind in (_A, _ANY)
    # Answer, authoritative, recursion as it was wished for and there.
    head = query[:2] + bytes((0x84 | query[2] & 1, 0x80)) + b"\0\x01\0" + bytes((known,))
    reply = head + b"\0\0\0\0" + query[_HEADER:end]
    if known:
        # The name is the question's, at offset 12.
        reply += b"\xc0\x0c\0\x01\0\x01" + _TTL_S + b"\0\x04" + address
    return reply


def _question(query) -> int:
    """Where the first question ends, 0 if it does not."""
    at = _HEADER
    while at < len(query) and query[at]:
        if query[at] > 63:
            return 0
        at += query[at] + 1
    return at + 5 if at + 5 <= len(query) and at - _HEADER < 255 else 0
