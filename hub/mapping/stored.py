"""The mapping in the database: taken from a file at start, kept with what was learned."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from hub.database.errors import DatabaseAwayError
from hub.database.key_value import KeyValueStore
from hub.errors import SettingsError
from hub.mapping.rules import PRESETS, load_file
from hub.mapping.rules import Mapping as Rules
from hub.mapping.translator import Translator
from hub.runtime.supervisor import PartRole, Supervisor

__all__ = ["StoredMapping", "configured"]

log = logging.getLogger(__name__)

_AREA = "mapping"
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
    return rules.model_copy(update={"presets": tuple(dict.fromkeys((*rules.presets, *names)))})


class StoredMapping:
    """One tenant's translator by the rules that are kept, and the nodes it learns.

    `configured_rules` are the settings' rules, which take the place of the kept ones; `model` tells
    a device's model, or None. `translator` knows no rules before `start`.
    """

    def __init__(
        self,
        key_values: KeyValueStore,
        configured_rules: Rules | None = None,
        model: Callable[[str], str | None] = lambda _: None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._key_values = key_values
        self._configured_rules = configured_rules
        self._tasks = (supervisor or Supervisor()).tasks(PartRole.INTAKE)
        self._nodes: dict[str, list[str]] = {}
        self.translator = Translator(Rules(), on_learned=self._learned, model=model)

    async def start(self) -> None:
        """Load what is kept; the given rules are kept from now on."""
        stored = await self._key_values.load(_AREA)
        if self._configured_rules is not None:
            await self._keep_rules(self._configured_rules)
        self.translator.load_nodes(stored.get("nodes", {}))
        self.translator.use_rules(
            self._configured_rules or Rules.model_validate(stored.get("rules", {}))
        )

    async def reload(self, configured_rules: Rules) -> None:
        """Let the translator go by these rules, which are kept."""
        await self._keep_rules(configured_rules)
        self.translator.use_rules(configured_rules)

    async def stop(self) -> None:
        """Finish what is being kept."""
        await self._tasks.ended(_LAST_S)
        await self._tasks.stop()

    async def _keep_rules(self, rules: Rules) -> None:
        await self._key_values.save(_AREA, {"rules": rules.model_dump(mode="json")})

    def _learned(self, nodes: Mapping[str, list[str]]) -> None:
        self._nodes = {name: list(known) for name, known in nodes.items()}
        if not self._tasks:
            self._tasks.spawn("keeping what the mapping learned", self._keep())

    async def _keep(self) -> None:
        """One save after another, each of the latest: an older one must not end up on top."""
        while self._nodes:
            nodes, self._nodes = self._nodes, {}
            try:
                await self._key_values.save(_AREA, {"nodes": nodes})
            except DatabaseAwayError as error:  # the next node learned brings these along
                log.warning("mapping: cannot keep what was learned yet: %s", error.reason)
