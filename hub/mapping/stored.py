"""The mapping in the database: taken from a file at start, kept with what was learned."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hub.database.errors import DatabaseAwayError
from hub.database.key_value import KeyValueStore
from hub.errors import SettingsError
from hub.mapping.parts import MappedParts
from hub.mapping.rules import PRESETS, load_file
from hub.mapping.rules import Mapping as Rules
from hub.mapping.translator import Translator
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["StoredMapping", "configured"]

log = logging.getLogger(__name__)

_AREA = "mapping"
_PARTS = "parts"
_LAST_S = 3.0  # for what is being kept when the hub ends


def configured(presets: str, file: str) -> Rules | None:
    """The rules that the settings name: presets, comma-separated, and a JSON file.

    None where they name neither. Raises SettingsError.
    """
    names = tuple(name.strip() for name in presets.split(",") if name.strip())
    for name in names:
        if name not in PRESETS:
            raise SettingsError(
                f"DORMOUSE_PRESETS={presets!r}: no preset {name!r}; there are {', '.join(PRESETS)}"
            )
    if not file:
        return Rules(presets=names) if names else None
    rules = load_file(Path(file))
    data = rules.model_dump()
    data["presets"] = tuple(dict.fromkeys((*rules.presets, *names)))
    try:
        return Rules.model_validate(data)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise SettingsError(f"DORMOUSE_PRESETS={presets!r} with {file}: {reason}") from None


class StoredMapping:
    """One tenant's translator by the rules that are kept, and the parts it learns.

    `configured_rules` are the settings' rules, which take the place of the kept ones; `model` tells
    a device's model, or None, `speaks_for` whether a gateway's account may speak for a device.
    `translator` knows no rules before `start`.
    """

    def __init__(
        self,
        key_values: KeyValueStore,
        configured_rules: Rules | None = None,
        model: Callable[[str], str | None] = lambda _: None,
        supervisor: Supervisor | None = None,
        *,
        speaks_for: Callable[[str, str], bool] = lambda _gateway, _device: True,
    ) -> None:
        self._key_values = key_values
        self._configured_rules = configured_rules
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        self._learned: set[str] = set()
        self._keeping = False
        self._parts = MappedParts(self._on_learned)
        self.translator = Translator(Rules(), parts=self._parts, model=model, speaks_for=speaks_for)

    async def start(self) -> None:
        """Load what is kept; the given rules are kept from now on."""
        stored = await self._key_values.load(_AREA)
        if self._configured_rules is not None:
            await self._keep_rules(self._configured_rules)
        self._parts.load(await self._key_values.load(_PARTS))
        # A hub of before kept nodes alone; what was learned since is newer.
        self._parts.load_nodes(stored.get("nodes", {}))
        self.translator.use_rules(self._configured_rules or _kept(stored.get("rules", {})))

    async def reload(self, configured_rules: Rules) -> None:
        """Let the translator go by these rules, which are kept."""
        await self._keep_rules(configured_rules)
        self.translator.use_rules(configured_rules)

    async def read_again(self) -> None:
        """Go by the rules that another worker has kept."""
        stored = await self._key_values.load(_AREA)
        self.translator.use_rules(_kept(stored.get("rules", {})))

    async def stop(self) -> None:
        """Finish what is being kept."""
        await self._tasks.ended(_LAST_S)
        if not self._keeping:
            await self._keep()
        await self._tasks.stop()

    async def _keep_rules(self, rules: Rules) -> None:
        await self._key_values.save(_AREA, {"rules": rules.model_dump(mode="json")})

    def _on_learned(self, device: str) -> None:
        self._learned.add(device)
        if not self._keeping:
            self._keeping = True
            self._tasks.spawn("keeping what the mapping learned", self._keep())

    async def _keep(self) -> None:
        """One save after another, each of the latest: an older one must not end up on top."""
        self._keeping = True
        try:
            while self._learned:
                learned, self._learned = self._learned, set()
                try:
                    records = {device: self._parts.record(device) for device in learned}
                    await self._key_values.save(_PARTS, records)
                except DatabaseAwayError as error:  # the next part learned brings these along
                    self._learned |= learned
                    log.warning("mapping: cannot keep what was learned yet: %s", error.reason)
                    return
        finally:
            self._keeping = False


def _kept(stored: Any) -> Rules:
    """The rules that were kept; none where this hub refuses what an older one took."""
    try:
        return Rules.model_validate(stored)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        log.error("mapping: the rules that were kept are refused, give them again: %s", reason)  # noqa: TRY400  # one line says it
        return Rules()
