"""The mapping in the database: taken from a file at start, kept with what was learned."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from hub.database.errors import DatabaseAwayError
from hub.database.key_value import KeyValueStore
from hub.errors import SettingsError
from hub.mapping.rules import PRESETS, load_file
from hub.mapping.rules import Mapping as Rules
from hub.mapping.translator import Translator

__all__ = ["StoredMapping", "configured"]

log = logging.getLogger(__name__)

_AREA = "mapping"


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
    """Loads one tenant's translator and keeps the nodes it learns; `stop` waits for the last."""

    def __init__(self, memory: KeyValueStore) -> None:
        self._memory = memory
        self._nodes: dict[str, list[str]] = {}
        self._keeping: asyncio.Task[None] | None = None

    async def load(
        self, given: Rules | None, model: Callable[[str], str | None] = lambda _: None
    ) -> Translator:
        """The translator for the given rules, which are kept; without any, for the kept ones."""
        kept = await self._memory.load(_AREA)
        if given is not None:
            await self._memory.save(_AREA, {"rules": given.model_dump(mode="json")})
        rules = given or Rules.model_validate(kept.get("rules", {}))
        return Translator(rules, nodes=kept.get("nodes"), learned=self._learned, model=model)

    async def reload(self, translator: Translator, given: Rules) -> None:
        """Let the translator go by these rules, which are kept."""
        await self._memory.save(_AREA, {"rules": given.model_dump(mode="json")})
        translator.take(given)

    async def stop(self) -> None:
        """Finish what is being kept."""
        if self._keeping is not None:
            await self._keeping

    def _learned(self, nodes: Mapping[str, list[str]]) -> None:
        self._nodes = {name: list(known) for name, known in nodes.items()}
        if self._keeping is None:
            self._keeping = asyncio.get_running_loop().create_task(self._keep())

    async def _keep(self) -> None:
        """One save after another, each of the latest: an older one must not end up on top."""
        while self._nodes:
            nodes, self._nodes = self._nodes, {}
            try:
                await self._memory.save(_AREA, {"nodes": nodes})
            except DatabaseAwayError as error:  # the next node learned brings these along
                log.warning("mapping: what was learned waits for the database: %s", error.reason)
            except Exception:  # as above
                log.exception("mapping: what was learned could not be kept")
        self._keeping = None
