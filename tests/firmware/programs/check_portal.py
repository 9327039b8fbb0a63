"""Requests, forms and names of the portal, cut and broken at random."""

import gc
import random

import seed
from dormouse.portal import dns, form, pages
from dormouse.portal.request import MAX_BODY, MAX_LINE, MAX_REQUEST, Request
from dormouse.settings import Settings

random.seed(seed.SEED)


def parsed(data, cuts):
    request = Request()
    at = 0
    for cut in sorted(cuts) + [len(data)]:
        request.feed(data[at:cut])
        at = cut
        assert len(request.line) <= MAX_LINE
        assert len(request.body) <= MAX_BODY
    return request


def noise(count):
    return bytes([random.getrandbits(8) for _ in range(count)])


# A request is the same however it is cut.
WHOLE = (
    b"POST /x?y HTTP/1.1\r\nhOsT: A.b:80\r\nX: "
    + b"z" * 700
    + b"\r\nContent-Length: 7\r\n\r\na=1&b=2"
)
for _ in range(60):
    cuts = [random.getrandbits(10) % len(WHOLE) for _ in range(5)]
    request = parsed(WHOLE, cuts)
    assert request.status == 200, cuts
    assert (request.method, request.path, request.host) == ("POST", "/x?y", "a.b:80")
    assert request.body == b"a=1&b=2"

# Lines may end without a carriage return; what is not there in whole is none.
assert parsed(b"GET / HTTP/1.0\n\n", []).status == 200
for size in range(len(WHOLE)):
    if size % 7 == 0:
        assert parsed(WHOLE[:size], []).status == 0

# Noise in the place of any byte gives a request, an error or nothing, and never more memory.
for _ in range(150):
    broken = bytearray(WHOLE)
    for _ in range(3):
        broken[random.getrandbits(10) % len(broken)] = random.getrandbits(8)
    assert parsed(bytes(broken), []).status in (0, 200, 400, 411, 413, 414, 431, 501)
request = Request()
for _ in range(MAX_REQUEST // 64 + 1):
    request.feed(b"a: b\r\n" * 11 if request.method else b"GET / HTTP/1.1\r\n")
assert request.status == 431

# Forms.
fields = form.parse(b"ssid=a+b%2B%c3%A9&key=%26%3D&host=h&nonsense=1&&=&name=")
said = {name: value for name, value in fields.items() if value}
assert said == {"ssid": "a b+\xe9", "key": "&=", "host": "h"}
fields = form.parse(b"sensor=0&sensors=1&sensor=12&sensor=x")
assert (fields["sensors"], fields["sensor"]) == ("1", ["0", "12", "x"])
assert form.parse(b"ssid=%F0%9F%93%B6%ED%95%9C")["ssid"].encode() == b"\xf0\x9f\x93\xb6\xed\x95\x9c"
for bad in (
    b"ssid=%", b"ssid=%4", b"ssid=%g0", b"ssid=%ff", b"ssid=%ED%A0%BD%ED%B3%B6", b"ssid=%C0%80",
    b"ssid=%F7%BF%BF%BF", b"ssid=%F0%9F%93",
):  # fmt: skip
    try:
        form.parse(bad)
        raise AssertionError(bad)
    except ValueError:
        pass
for _ in range(150):
    try:
        new = form.parse(b"net=" + noise(40) + b"&host=" + noise(9))
    except ValueError:
        continue
    new["ssid"] = form.chosen_network(new, {"net": "", "ssid": ""})
    if not form.problem(new, None):
        del new["sensors"]
        assert not Settings(new).invalid
        assert len(new["ssid"].encode()) <= 32

# What is picked from the list counts more than what was typed before; what is typed now, more than
# a choice that the page came with.
for picked, typed, shown_picked, shown_typed, meant in (
    ("home", "", "", "", "home"),
    ("", " barn ", "", "", "barn"),
    ("home", "barn", "", "barn", "home"),
    ("home", "barn", "", "", "home"),
    ("home", "barn", "home", "", "barn"),
    ("guests", "barn", "home", "", "guests"),
    ("home", "", "home", "", "home"),
    ("", " barn", "", " barn", " barn"),
):
    fields = {"net": picked, "ssid": typed}
    shown = {"net": shown_picked, "ssid": shown_typed}
    assert form.chosen_network(fields, shown) == meant, (fields, shown)

# Addresses of one machine, and names.
for host in ("192.168.1.7", "10.0.0.1", "hub", "hub.lan", "Hub-2.local", "1.2.3.4.5a"):
    assert form.valid_host(host), host
for host in (
    "0.0.0.0", "0.1.2.3", "255.255.255.255", "224.0.0.251", "10.0.0.256", "10.0.1", "1.2.3.4.5",
    "10.0.0.07", "12", "1.2.3.", "-hub", "hub-", "a..b", ".", "h" * 64, "http://hub", "hub:1883",
    "h\xfcb", "fe80::1", " ",
):  # fmt: skip
    assert not form.valid_host(host), host

# Whatever a text holds, it ends no attribute and opens no tag.
assert pages.escape("<a b='c' d=\"e\">&amp;") == "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;amp;"

# Names.
QUERY = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07captive\x05apple\x03com\0\0\x01\0\x01"
reply = dns.answer(QUERY, b"\xc0\xa8\x04\x01")
assert reply[:4] == b"\x12\x34\x85\x80"
assert reply[12 : len(QUERY)] == QUERY[12:]
assert reply[len(QUERY) :] == b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04\xc0\xa8\x04\x01"
for size in range(len(QUERY)):
    assert dns.answer(QUERY[:size], b"1234") is None
assert dns.answer(QUERY[:2] + b"\x81" + QUERY[3:], b"1234") is None  # an answer
assert dns.answer(QUERY[:12] + b"\xc0\x0c\0\x01\0\x01", b"1234") is None
assert (
    dns.answer(b"\0" * 4 + b"\0\x01" + b"\0" * 6 + b"\x01a" * 200 + b"\0\0\x01\0\x01", b"1234")
    is None
)
for _ in range(150):
    reply = dns.answer(noise(random.getrandbits(6)), b"1234")
    assert reply is None or len(reply) < 128

gc.collect()
