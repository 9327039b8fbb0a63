"""Taking the mapping file up again while the hub runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from hub.errors import HubError, SettingsError
from hub.mapping.rules import Mapping as Rules
from hub.mapping.stored import StoredMapping, configured

__all__ = ["MappingReload", "NoMappingError"]


class NoMappingError(HubError):
    """This hub was started without a mapping: set DORMOUSE_MAPPING, start it again."""


class MappingReload:
    """Reads what the settings name (see `configured`); `follow` is awaited once it holds."""

    def __init__(
        self,
        presets: str,
        file: str,
        *,
        stored: StoredMapping,
        follow: Callable[[], Awaitable[object]],
    ) -> None:
        self._presets, self._file = presets, file
        self._stored, self._follow = stored, follow

    async def __call__(self) -> Rules:
        """The rules that hold now. Raises SettingsError, NoMappingError; then nothing changed."""
        try:
            rules = configured(self._presets, self._file)
        except SettingsError as error:
            raise SettingsError(f"{error}; the mapping stays as it was") from None
        if rules is None:
            raise NoMappingError
        await self._stored.reload(rules)
        await self._follow()
        return rules
