"""What the steps of a run do, each from the run to a line of text."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from contracts import image
from contracts.errors import ContractError
from contracts.ota import canned
from contracts.versions import Version
from hub.errors import HubError
from hub.firmware.repository import FirmwareRepository
from hub.hooks.errors import StepFailedError
from hub.hooks.git import GitSource
from hub.hooks.model import ChainStep, Hook, HookRun, SandboxLimits, StepKind
from hub.hooks.rolled import follow_rollout
from hub.hooks.sandbox import CommandResult, Sandbox
from hub.hooks.self_update import install_version, update_hub
from hub.rollouts.service import Rollouts
from hub.self_update.service import SelfUpdate

__all__ = ["RunFolder", "StepContext", "StepResult", "perform"]

# Bytes of an image that a build makes; the store takes less.
_LARGEST = 8 << 20


@dataclass(frozen=True, slots=True)
class RunFolder:
    """What is kept of a run on the disk: the scratch folder, the image, the signed image."""

    path: Path

    @property
    def image(self) -> Path:
        """What the build made."""
        return self.path / "image.bin"

    @property
    def signed(self) -> Path:
        """The same, signed."""
        return self.path / "image.ota"

    def write(self, file: Path, data: bytes) -> None:
        """Write a file whole, closed to others."""
        fresh = file.with_name(file.name + ".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
        fresh.replace(file)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came of a step: a line, its last lines, the commit that was fetched (empty: as was)."""

    text: str
    tail: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class StepContext:
    """What steps work with. `detail` is the run's memory: kept with each step that passed.

    `remember` keeps it at once; `wait` says that a person is waited for, and returns when that is
    over.
    """

    tenant: str
    hook: Hook
    run: HookRun
    folder: RunFolder
    sandbox: Sandbox
    firmware: FirmwareRepository
    rollouts: Rollouts
    updates: SelfUpdate
    remember: Callable[[], Awaitable[None]]
    wait: Callable[[str, Callable[[], bool]], Awaitable[None]]
    detail: dict[str, Any] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """What commands are told of the run."""
        return {
            "DORMOUSE_HOOK": self.hook.name, "DORMOUSE_RUN": str(self.run.id),
            "DORMOUSE_BRANCH": self.run.branch, "DORMOUSE_COMMIT": self.run.commit,
        }  # fmt: skip


async def perform(context: StepContext, kind: StepKind, step: ChainStep | None) -> StepResult:
    """Do one step. Raises StepFailedError; other HubErrors say why it failed in one line."""
    if kind is StepKind.FETCH:
        return await _fetch(context)
    if kind is StepKind.MERGE:
        done = await _source(context).merge(context.run.chain.merge_into, 300)
        return StepResult(done.text, commit=done.commit)
    if step is None:
        raise StepFailedError("the hook's chain has no such step any more")
    return await _STEPS[kind](context, step)


def _source(context: StepContext) -> GitSource:
    hook, run = context.hook, context.run
    return GitSource(context.sandbox, hook.repository, run.branch, run.chain)


async def _fetch(context: StepContext) -> StepResult:
    await asyncio.to_thread(context.sandbox.make)
    found = await _source(context).fetch(context.run.chain.fetch_s)
    text, pushed = found.text, context.run.commit
    if pushed and pushed != found.commit:
        text = f"{text}: it has moved on since {pushed[:12]} was pushed"
    elif context.run.forced:
        text = f"{text}: it was pushed by force"
    return StepResult(text, commit=found.commit)


async def _command(context: StepContext, step: ChainStep) -> StepResult:
    await asyncio.to_thread(context.sandbox.hand_over)
    done = await context.sandbox.run(
        ["sh", "-c", step.command], timeout_s=step.patience_s, env=context.environment(), own=True
    )
    _check(done, step)
    return StepResult(done.last[:200], done.tail)


def _check(done: CommandResult, step: ChainStep) -> None:
    if done.late:
        raise StepFailedError(f"took longer than {step.patience_s:g} s and was ended", done.tail)
    if done.status:
        raise StepFailedError(f"ended with status {done.status}: {done.last[:200]}", done.tail)


async def _build(context: StepContext, step: ChainStep) -> StepResult:
    result = await _command(context, step)
    data = _made(context.sandbox.work, step.file)
    try:
        image.application(data)
    except ContractError as error:
        raise StepFailedError(f"{step.file}: {error}", result.tail) from None
    context.folder.write(context.folder.image, data)
    return StepResult(f"{step.file}: {len(data)} bytes", result.tail)


def _made(work: Path, name: str, largest: int = _LARGEST) -> bytes:
    """A file that a command made: within the checkout, no link to anything else."""
    path = work / name
    try:
        inside = path.resolve(strict=True)
        if not inside.is_relative_to(work.resolve()):
            raise StepFailedError(f"{name}: it leads out of the repository")
        descriptor = os.open(inside, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                raise StepFailedError(f"{name}: no file of its own")
            data = file.read(largest + 1)
    except OSError as error:
        raise StepFailedError(f"{name}: {error.strerror}") from None
    if len(data) > largest:
        raise StepFailedError(f"{name}: more than {largest >> 20} MB")
    return data


async def _sign(context: StepContext, step: ChainStep) -> StepResult:
    folder = context.folder
    version = _version(context, step)
    context.detail.update(version=version, board=step.board)
    if step.command:
        await _signer(context, step, version)
    else:
        await context.remember()
        await context.wait(
            f"waits for a person with the key: `dormouse hook sign {context.run.id} --key KEY`",
            folder.signed.exists,
        )
    return StepResult(check_signed(folder, folder.signed.read_bytes()))


def _version(context: StepContext, step: ChainStep) -> str:
    text = step.version
    if step.version_file:
        raw = _made(context.sandbox.work, step.version_file, 4096)
        text = raw.decode("utf-8", "replace").strip()
    if text:
        try:
            Version.parse(text)
        except ContractError as error:
            raise StepFailedError(f"{step.version_file or 'version'}: {error}") from None
    return text


async def _signer(context: StepContext, step: ChainStep, version: str) -> None:
    """A program of the operator's: as the hub's user, who alone can have a key."""
    folder = context.folder
    output = folder.path / "signer.ota"
    output.unlink(missing_ok=True)
    trusted = Sandbox(folder.path / "signer", None, SandboxLimits())
    trusted.make()
    done = await trusted.run(
        ["sh", "-c", step.command], timeout_s=min(step.patience_s, 3600), cwd=trusted.work,
        env={**context.environment(), "IMAGE": str(folder.image), "OUTPUT": str(output),
             "VERSION": version, "BOARD": step.board},
    )  # fmt: skip
    trusted.remove()
    _check(done, step)
    folder.write(folder.signed, _made(folder.path, output.name))
    output.unlink(missing_ok=True)


def check_signed(folder: RunFolder, data: bytes) -> str:
    """What a signed image says; raises StepFailedError unless it is what the build made."""
    if not canned.is_canned(data):
        raise StepFailedError("the signed image is none: `dormouse sign` makes one")
    try:
        payload = canned.parse(data).payload()
        signed, built = image.application(payload), image.application(folder.image.read_bytes())
    except (ContractError, ValueError) as error:
        raise StepFailedError(f"the signed image: {error}") from None
    if signed.md5 != built.md5 or signed.trailer is None:
        raise StepFailedError("the signed image is not what the build made, or says no version")
    board = signed.trailer.board or "any board"
    return f"version {signed.trailer.version} for {board} is signed"


async def _store(context: StepContext, _: ChainStep) -> StepResult:
    notes = f"hook {context.hook.name}, run {context.run.id}, {context.run.commit[:12]}"
    kept = await context.firmware.add(context.folder.signed.read_bytes(), notes=notes)
    context.detail["image"] = kept.id
    return StepResult(f"image {kept.id}: {kept.version} for {kept.board or 'any board'}")


async def _rollout(context: StepContext, step: ChainStep) -> StepResult:
    who = f"hook {context.hook.name}, run {context.run.id}"
    try:
        text = await follow_rollout(
            context.rollouts, context.tenant, step, image=int(context.detail["image"]), who=who,
            detail=context.detail, remember=context.remember,
        )  # fmt: skip
    except StepFailedError:
        raise
    except HubError as error:
        raise StepFailedError(str(error)) from None
    return StepResult(text)


async def _install(context: StepContext, step: ChainStep) -> StepResult:
    result = await _command(context, step)
    version = f"{context.run.commit[:12]}-{context.tenant}-{context.run.id}"
    new = await install_version(context.updates, context.sandbox, step.file, version)
    context.detail["hub"] = asdict(new)
    return StepResult(f"Dormouse {new.release} with schema {new.schema}", result.tail)


async def _update(context: StepContext, _: ChainStep) -> StepResult:
    who = f"hook {context.hook.name}, run {context.run.id} of {context.tenant}"
    return StepResult(await update_hub(context.updates, context.detail["hub"], who))


_STEPS: dict[StepKind, Callable[[StepContext, ChainStep], Awaitable[StepResult]]] = {
    StepKind.TEST: _command,
    StepKind.BUILD: _build,
    StepKind.SIGN: _sign,
    StepKind.STORE: _store,
    StepKind.ROLLOUT: _rollout,
    StepKind.INSTALL: _install,
    StepKind.UPDATE: _update,
    StepKind.COMMAND: _command,
}
