"""The log's events: as declared, as called, as on their page."""

from __future__ import annotations

import ast
import logging
from pathlib import Path

import pytest

from hub.logs.commands import events_page
from hub.runtime.log_events import EVENTS, FIELDS

ROOT = Path(__file__).resolve().parents[3]


def calls():
    """(file, event, fields or None where they are handed on whole) of every call in the hub."""
    for path in sorted((ROOT / "hub").rglob("*.py")):
        text = path.read_text("utf-8")
        if "EVENTS." not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        value=ast.Attribute(value=ast.Name("EVENTS"), attr=event), attr="log"
                    ),
                    keywords=given,
                ):
                    names = None if any(k.arg is None for k in given) else {k.arg for k in given}
                    yield path.name, event, names


def test_every_call_gives_what_is_declared():
    found = list(calls())
    assert len(found) > 15
    for file, event, given in found:
        declared = getattr(EVENTS, event)
        assert given is None or given == set(declared.fields), (file, event)


def test_no_event_is_declared_that_never_happens():
    text = "".join(path.read_text("utf-8") for path in (ROOT / "hub").rglob("*.py"))
    for name in EVENTS.__dataclass_fields__:
        assert f"EVENTS.{name}" in text, name


def test_names_fields_and_texts_belong_together():
    names = [event.name for event in EVENTS.all()]
    assert len(names) == len(set(names))
    for event in EVENTS.all():
        assert event.text.format_map(dict.fromkeys(event.fields, "x"))
        assert set(event.fields) <= set(FIELDS)
        assert not (event.shared and {"tenant", "device", "reason"} & set(event.fields)), event.name
    assert {field for event in EVENTS.all() for field in event.fields} == set(FIELDS)


def test_the_page_has_them():
    assert (ROOT / "docs/logs.md").read_text("utf-8") == events_page()


def test_an_event_is_a_record_with_fields(caplog):
    with caplog.at_level(logging.INFO, "hub.events"):
        EVENTS.device_lost.log(device="esp8266_1", tenant="home", silent_s=90)
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == "esp8266_1 is not heard any more"
    assert (record.event, record.event_fields["silent_s"]) == ("device-lost", 90)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_no_field_is_for_what_is_personal(name: str):
    assert name not in {"name", "address", "value", "password", "token", "ssid", "code"}
