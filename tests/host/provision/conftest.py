from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def written(tmp_path):
    """Writes a file of devices, mode 0600."""

    def write(text: str, mode: int = 0o600) -> Path:
        path = tmp_path / "devices.toml"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write
