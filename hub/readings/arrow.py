"""Whether Parquet and Arrow can be written here: pyarrow is 170 MB, and an extra."""

from __future__ import annotations

from importlib.util import find_spec

from hub.errors import HubError

__all__ = ["NoArrowError", "require"]


class NoArrowError(HubError):
    """There is no pyarrow on this machine."""

    http_status = 406

    def __init__(self) -> None:
        super().__init__(
            "Parquet and Arrow need pyarrow, which is not installed with this hub: "
            "pip install 'dormouse-home[export]', or take CSV"
        )


def require() -> None:
    """Raise NoArrowError where there is no pyarrow."""
    if find_spec("pyarrow") is None:
        raise NoArrowError
