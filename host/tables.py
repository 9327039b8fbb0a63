"""Lists that are TOML files: a table for each thing, its name the thing's id."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from host import files
from host.errors import TableError

__all__ = ["read"]

M = TypeVar("M", bound=BaseModel)


def read(path: Path, model: type[M]) -> dict[str, M]:
    """The file's tables, in its order. Raises FileReadError, EmptyFileError, TableError."""
    try:
        tables = tomllib.loads(files.read(path).decode("utf-8-sig"))
        return {id_: model.model_validate({"id": id_, **table}) for id_, table in tables.items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
        raise TableError(f"{path}: not a list in TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise TableError(f"{path}: {error.title} {field}: {first['msg']}") from None
