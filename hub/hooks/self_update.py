"""The hub's own update as steps of a run: a version beside the one that runs, then in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub.hooks.errors import StepFailedError
from hub.hooks.sandbox import Sandbox
from hub.self_update.service import ASK, NewVersion, SelfUpdate

__all__ = ["install_version", "update_hub"]

# s: importing all of a hub on a small machine that is busy.
_ANSWER_S = 300.0


async def install_version(
    updates: SelfUpdate, sandbox: Sandbox, name: str, version: str
) -> NewVersion:
    """Take the folder that a command made among the hub's versions, once it says what it is.

    Raises StepFailedError, SelfUpdateRefusedError.
    """
    updates.refuse_unfit()
    tree = _within(sandbox.work, name)
    python = tree / "bin" / "python"
    # As a name that is not its own: what imports by where it lies does so in its later place too.
    done = await sandbox.run([str(python), "-P", "-c", ASK], timeout_s=_ANSWER_S, own=True)
    if done.late or done.status:
        raise StepFailedError(f"{name}: it does not run: {done.last[:200]}", done.tail)
    new = updates.understand(version, done.last)
    await updates.take(tree, version)
    return new


async def update_hub(updates: SelfUpdate, detail: Mapping[str, Any], who: str) -> str:
    """Have the hub replaced by a version; what came of it. Raises StepFailedError."""
    new = NewVersion(**detail)
    outcome = await updates.replace(new, who)
    if not outcome.healthy:
        kept = f"; {outcome.kept}" if outcome.kept else ""
        raise StepFailedError(f"Dormouse {outcome.release} {outcome.reason}: gone back{kept}")
    return f"Dormouse {outcome.release} runs, and was healthy while it was watched"


def _within(work: Path, name: str) -> Path:
    tree = (work / name).resolve()
    if not tree.is_relative_to(work.resolve()) or tree == work.resolve() or not tree.is_dir():
        raise StepFailedError(f"{name}: no folder within the repository")
    return tree
