"""MQTT topics as NATS subjects and back: how the gateway of nats-server writes them."""

from __future__ import annotations

__all__ = ["is_for_devices", "subject_of", "topic_of"]

_FOR_DEVICES = {"set", "$ack", "$config", "$ota"}
_WILD = {"+": "*", "#": ">"}


def subject_of(topic: str) -> str:
    """The subject of a topic, or of a filter.

    Levels become tokens; an empty level is `/`, and a dot within one `//`.
    """
    levels = topic.split("/")
    return ".".join(
        _WILD.get(level) or (level.replace(".", "//") if level else "/") for level in levels
    )


def topic_of(subject: str) -> str:
    """The topic of a subject."""
    return "/".join(
        "" if level == "/" else level.replace("//", ".") for level in subject.split(".")
    )


def is_for_devices(topic: str) -> bool:
    """Whether only a hub says this: it hears itself, since NATS gives everybody everything."""
    levels = topic.split("/")
    return levels[:1] == ["HomeKit"] and (levels[-1] in _FOR_DEVICES or levels[1:2] == ["$hub"])
