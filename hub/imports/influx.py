"""InfluxDB's names of series, and its line protocol. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hub.imports.model import RefusedLine, Sample
from hub.mapping.units import unit_of

__all__ = ["influx_name", "samples_of_line"]

_ESCAPED = re.compile(r"\\([,= \"\\])")
# No alternative matches what another does, and none is tried again: lines come from anybody.
_LINE = re.compile(
    r'(?P<key>(?:[^\\ ]|\\.)++) ++(?P<fields>(?:"(?:[^"\\]|\\.)*+"|[^" \\]|\\.)++)'
    r"(?: ++(?P<at>-?[0-9]{1,19}))?\s*+"
)
_FIELD = re.compile(r'(?P<name>(?:[^\\,= "]|\\.)++)=(?P<value>"(?:[^"\\]|\\.)*+"|[^", ]++)(?:,|$)')
_PART = re.compile(r"(?:[^\\,]|\\.)++")
_TAG = re.compile(r"(?P<name>(?:[^\\=]|\\.)++)=(?P<value>.*)")
_WHOLE = re.compile(r"[+-]?[0-9]+[iu]")
_LONGEST = 1 << 16


def influx_name(measurement: str, tags: Mapping[str, str], field: str) -> tuple[str, str]:
    """What a series of InfluxDB is called here, and its unit where the name tells that.

    As line protocol has it, tags sorted: `climate,room=hall temperature`. What Home Assistant
    wrote, whose measurement is the unit, is called by its entity: `sensor.hall_temperature`; other
    fields than its value with them behind: `climate.hall.current_temperature`.
    """
    entity = tags.get("entity_id", "")
    if entity:
        domain = tags.get("domain", "")
        full = f"{domain}.{entity}" if domain and "." not in entity else entity
        if field != "value":
            return f"{full}.{field}", ""
        return full, measurement if unit_of(measurement) else ""
    parts = [measurement, *(f"{name}={tags[name]}" for name in sorted(tags) if tags[name])]
    return f"{','.join(parts)} {field}", ""


def samples_of_line(number: int, line: str) -> Iterator[Sample | RefusedLine]:
    """What a line of line protocol says; nothing for a comment, an empty line or a statement."""
    text = line.strip()
    if not text or text.startswith(("#", "CREATE ", "DROP ")):
        return
    found = _LINE.fullmatch(text) if len(text) < _LONGEST else None
    if found is None:
        yield RefusedLine(number, "is no line protocol: measurement,tag=x field=1.5 1700000000")
        return
    measurement, *parts = _PART.findall(found["key"])
    tags = {}
    for part in parts:
        tag = _TAG.fullmatch(part)
        if tag is not None:
            tags[_plain(tag["name"])] = _plain(tag["value"])
    end, fields = 0, []
    for field in _FIELD.finditer(found["fields"]):
        if field.start() != end:
            break
        end = field.end()
        fields.append((_plain(field["name"]), field["value"]))
    if end != len(found["fields"]) or not fields:
        yield RefusedLine(number, "has fields that are none: field=1.5,other=2i")
        return
    for field_name, raw in fields:
        name, unit = influx_name(_plain(measurement), tags, field_name)
        yield Sample(number, name, found["at"] or "", _value(raw), unit)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _value(raw: str) -> str:
    if raw.startswith('"'):
        return _plain(raw[1:-1])
    if _WHOLE.fullmatch(raw):
        return raw[:-1]
    return {"t": "true", "T": "true", "f": "false", "F": "false"}.get(raw, raw)
