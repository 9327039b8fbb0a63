"""A file from a browser's disk to /api/imports: read there each time, kept nowhere in between."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from nicegui import ui
from pydantic import ValidationError

from hub.errors import HubError
from hub.imports.routes import ReportOut
from hub.language.words import _

__all__ = ["FileNotSentError", "SentFile", "send"]

_DAY_S = 86400.0  # a file of gigabytes, over a slow network

# How far it is, the browser says by itself: told by NiceGUI it would be a message each time.
_SEND = """
return await new Promise((done) => {
  const asked = %s;
  const file = document.getElementById(asked.input)?.files?.[0];
  if (!file) return done({fault: asked.nothing});
  const which = `${file.name}/${file.size}/${file.lastModified}`;
  if (asked.which && asked.which !== which) {
    return done({fault: asked.another});
  }
  const told = document.getElementById(asked.progress);
  const request = new XMLHttpRequest();
  const source = encodeURIComponent(file.name.slice(0, 200));
  request.open("POST", `/api/imports?${asked.query}&source=${source}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.onprogress = (e) => {
    const percent = e.total ? Math.floor((100 * e.loaded) / e.total) : 0;
    if (told) told.textContent = `${asked.doing}: ${percent} %%`;
  };
  request.onloadend = () => { if (told) told.textContent = ""; };
  request.onload = () => done({status: request.status, text: request.responseText, which});
  const broken = {fault: asked.broken};
  request.onerror = request.onabort = () => done(broken);
  request.send(file);
});
"""


class FileNotSentError(HubError):
    """The file could not be sent."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """What the hub told of a file; `which` tells it from another one."""

    which: str
    report: ReportOut


async def send(
    *,
    chosen: str,
    progress: str,
    query: Mapping[str, str | Sequence[str]],
    doing: str,
    which: str = "",
) -> SentFile:
    """Have the browser send the file that is chosen in the element `chosen`.

    How far it is stands in the element `progress`, which nobody else writes to, behind `doing`.
    With `which` it must be the same file as then. Raises FileNotSentError, with what the hub
    refused it for.
    """
    asked = {
        "input": chosen, "progress": progress, "doing": doing, "which": which,
        "query": urlencode(query, doseq=True),
        "nothing": _("Choose a file first."),
        "another": _("That is another file than the one that was tried: try it first."),
        "broken": _("The connection broke off, or the file cannot be read."),
    }  # fmt: skip
    answer = await ui.run_javascript(_SEND % json.dumps(asked), timeout=_DAY_S)
    if not isinstance(answer, dict) or "fault" in answer:
        raise FileNotSentError(str((answer or {}).get("fault", "")) or None)
    text = str(answer.get("text", ""))
    if answer.get("status") != 200:
        raise FileNotSentError(_refusal(text))
    try:
        return SentFile(str(answer.get("which", "")), ReportOut.model_validate_json(text))
    except ValidationError:
        raise FileNotSentError from None


def _refusal(text: str) -> str:
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return _("The hub did not take the file; try again.")
