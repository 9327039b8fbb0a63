"""What a hook is: where its pushes come from, the chain that they start; runs and their steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hub.hooks.signature import signing_key
from hub.hooks.sources import HookSource
from hub.rollouts.model import RolloutOptions
from hub.rollouts.select import Selection

__all__ = [
    "OVER",
    "SHORTEST_SECRET",
    "ChainStep",
    "Hook",
    "HookChain",
    "HookChange",
    "HookRun",
    "NewHook",
    "RunState",
    "RunStep",
    "SandboxLimits",
    "StepKind",
    "StepState",
    "Submodules",
    "refuse_secret",
    "steps_of",
]

SHORTEST_SECRET = 16
"""Characters of a secret that somebody else chose."""

_NAME = r"^[a-z][a-z0-9._-]{0,63}$"
# git's own rules and then some: nothing that could be an option, a range or another ref.
_BRANCH = re.compile(
    r"(?!.*(\.\.|//|@\{|\.lock(/|$)))[A-Za-z0-9_][A-Za-z0-9._/@+-]{0,199}(?<![/.])"
)
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!//)[A-Za-z0-9_.~/][^\s:]*")
_SCHEMES = {"https", "http", "ssh", "git"}


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # for a person with the key
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  # a newer one came before it began


class StepState(StrEnum):
    """Where a step of a run stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"


OVER = frozenset({RunState.PASSED, RunState.FAILED, RunState.SKIPPED})
"""States that a run does not leave."""


class StepKind(StrEnum):
    """What a step does; the chain's order is that of this list, but for commands."""

    FETCH = "fetch"
    MERGE = "merge"
    TEST = "test"
    BUILD = "build"
    SIGN = "sign"
    STORE = "store"
    ROLLOUT = "rollout"
    INSTALL = "install"  # of another version of the hub, beside the one that runs
    UPDATE = "update"  # to that version
    COMMAND = "command"


# s: how long a step of a kind may take where nothing else is said.
_TIMEOUTS = {
    StepKind.FETCH: 600, StepKind.MERGE: 300, StepKind.TEST: 3600, StepKind.BUILD: 3600,
    StepKind.SIGN: 7 * 86400, StepKind.STORE: 300, StepKind.ROLLOUT: 14 * 86400,
    StepKind.INSTALL: 3600, StepKind.UPDATE: 2 * 86400, StepKind.COMMAND: 3600,
}  # fmt: skip


_COMMANDS = {StepKind.TEST, StepKind.BUILD, StepKind.INSTALL, StepKind.COMMAND}


class Submodules(StrEnum):
    """What becomes of a repository's submodules."""

    REFUSE = "refuse"
    FETCH = "fetch"
    LEAVE = "leave"


def _branch(text: str) -> str:
    if text and not _BRANCH.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no branch's name")
    return text


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if text and (path.is_absolute() or ".." in path.parts or text.startswith("-")):
        raise ValueError(f"{text[:80]!r} is no path within the repository")
    return text


def _command(text: str) -> str:
    if "\0" in text:
        raise ValueError("a command has no NUL in it")
    return text


def _repository(text: str) -> str:
    """An address that git fetches from over a network, without a password in it."""
    if any(ord(letter) < 33 or ord(letter) > 126 for letter in text):
        raise ValueError("the repository's address has blanks, or other than ASCII's letters")
    if _SCP.fullmatch(text):
        return text
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("the repository's address cannot be read") from None
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.hostname.startswith("-"):
        raise ValueError(
            "the repository's address begins with https://, ssh:// or git@host:, and names a host"
        )
    if parts.password:
        raise ValueError(
            "the repository's address has a password in it: use a deploy key (--key), or a "
            "credential of git's"
        )
    return text


Branch = Annotated[str, AfterValidator(_branch)]
Inside = Annotated[str, Field(max_length=400), AfterValidator(_inside)]
Command = Annotated[str, Field(max_length=4000), AfterValidator(_command)]
File = Annotated[str, Field(max_length=400, pattern=r"^(/[^\x00\n]*)?$")]


class SandboxLimits(BaseModel):
    """What a step's commands may take of the machine; each process for itself but `processes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_s: int = Field(3600, ge=1, le=7 * 86400, description="processor seconds of a process")
    memory_mb: int = Field(2048, ge=64, le=1 << 20, description="MB of address space a process")
    processes: int = Field(512, ge=8, le=32768, description="processes and threads at a time")
    file_mb: int = Field(1024, ge=1, le=1 << 20, description="MB that a file may have")
    network: bool = Field(True, description="false: a step's commands reach no network")


class ChainStep(BaseModel):
    """One step behind the fetch and the merge check; which members belong to which kind: `kind`.

    test, command: `command`. build: `command`, and the `file` that comes out. sign: `command` of a
    signer program (empty: a person signs), `version` or `version_file`, `board`. rollout: `select`
    and `options`. install: `command`, and the folder `file` that it makes: a virtual environment
    with another version of the hub, which a step update has take its place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: StepKind
    command: Command = ""
    file: Inside = ""
    version: str = Field("", max_length=64)
    version_file: Inside = ""
    board: str = Field("", max_length=64)
    select: Selection = Selection()
    options: RolloutOptions = RolloutOptions()
    timeout_s: float = Field(0, ge=0, le=366 * 86400, description="0: as is usual for its kind")

    @model_validator(mode="after")
    def _whole(self) -> ChainStep:
        kind, needs = self.kind, []
        if kind in {StepKind.FETCH, StepKind.MERGE}:
            raise ValueError(f"{kind} is no step to add: every chain begins with it")
        if kind in _COMMANDS and not self.command.strip():
            needs.append("a command")
        if kind in {StepKind.BUILD, StepKind.INSTALL} and not self.file:
            needs.append("the file that comes out")
        if needs:
            raise ValueError(f"a step of kind {kind} needs {' and '.join(needs)}")
        return self

    @property
    def patience_s(self) -> float:
        """s: how long it may take."""
        return self.timeout_s or _TIMEOUTS[self.kind]


class HookChain(BaseModel):
    """How a push is fetched, and the steps after that, in their order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    merge_into: Branch = Field("", description="tests run on the merge with this branch")
    submodules: Submodules = Submodules.REFUSE
    max_mb: int = Field(200, ge=1, le=1 << 20, description="MB of what is fetched, and checked out")
    key: File = Field("", description="file with the private key that git fetches by ssh with")
    known_hosts: File = Field("", description="file with the keys of hosts that ssh trusts")
    fetch_s: float = Field(600, ge=1, le=86400, description="s that the fetch may take")
    limits: SandboxLimits = SandboxLimits()
    status_url: str = Field("", max_length=400, pattern=r"^(https?://[!-~]+)?$")
    steps: tuple[ChainStep, ...] = Field((), max_length=30)

    @model_validator(mode="after")
    def _in_order(self) -> HookChain:
        made: set[StepKind] = set()
        for step in self.steps:
            before = {StepKind.SIGN: StepKind.BUILD, StepKind.STORE: StepKind.SIGN,
                      StepKind.ROLLOUT: StepKind.STORE,
                      StepKind.UPDATE: StepKind.INSTALL}.get(step.kind)  # fmt: skip
            if before is not None and before not in made:
                raise ValueError(f"a step {step.kind} comes after a step {before}")
            if step.kind in made and step.kind not in {StepKind.TEST, StepKind.COMMAND}:
                raise ValueError(f"a chain has one step of kind {step.kind}")
            made.add(step.kind)
        return self

    @property
    def updates_hub(self) -> bool:
        """Whether it replaces the hub that runs it."""
        return any(step.kind is StepKind.UPDATE for step in self.steps)


class HookChange(BaseModel):
    """What of a hook is to be otherwise; what is None stays.

    `secret` empty: a new one is made. `status_token` empty: nothing is told to the source any more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    repository: Annotated[str, Field(max_length=400), AfterValidator(_repository)] | None = None
    branch: Annotated[Branch, Field(min_length=1)] | None = None
    secret: str | None = Field(None, max_length=200, repr=False)
    status_token: str | None = Field(None, max_length=400, pattern=r"^[!-~]*$", repr=False)
    chain: HookChain | None = None


class NewHook(BaseModel):
    """A hook to be; without a `secret` the hub makes one."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=_NAME, description="a-z, 0-9, . _ and -, a letter first, at most 64")
    source: HookSource
    repository: Annotated[str, Field(max_length=400), AfterValidator(_repository)]
    branch: Branch = Field("main", min_length=1)
    secret: str = Field("", max_length=200, repr=False)
    status_token: str = Field("", max_length=400, pattern=r"^[!-~]*$", repr=False)
    chain: HookChain = HookChain()

    @model_validator(mode="after")
    def _secret(self) -> NewHook:
        refuse_secret(self.source, self.secret)
        return self


def refuse_secret(source: HookSource, secret: str) -> None:
    """Raises ValueError for what nobody could sign by; an empty one is to be made."""
    if secret and not (secret.isascii() and secret.isprintable() and " " not in secret):
        raise ValueError("secret: printable characters without blanks")
    if secret and len(secret) < SHORTEST_SECRET:
        raise ValueError(f"secret: {SHORTEST_SECRET} characters or more")
    if secret and source is HookSource.GITLAB_SIGNED:
        try:
            long = len(signing_key(secret)) >= SHORTEST_SECRET
        except ValueError:
            long = False
        if not long:
            raise ValueError("secret: GitLab's signing token, whsec_ and base64")


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook as it is kept, without its secrets; `tells`: commit statuses are told."""

    id: int
    name: str
    source: HookSource
    repository: str
    branch: str
    chain: HookChain
    tells: bool
    made_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RunStep:
    """A step of a run: `text` says in one line what came of it, `tail` its last lines.

    `attempts` beyond 1: it was interrupted and begun anew. `detail` is what the step needs to go on
    with after a restart, and what the next ones need.
    """

    position: int
    kind: StepKind
    state: StepState = StepState.PENDING
    attempts: int = 0
    text: str = ""
    tail: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    began_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HookRun:
    """One run of a hook's chain; `commit` empty: the branch's head, whatever it is.

    `chain` is the hook's as it was when the run was queued.
    """

    id: int
    hook: int
    name: str
    who: str
    branch: str
    commit: str
    forced: bool
    state: RunState
    reason: str
    chain: HookChain
    created_at: datetime
    began_at: datetime | None = None
    ended_at: datetime | None = None
    steps: Sequence[RunStep] = ()


def steps_of(chain: HookChain) -> list[StepKind]:
    """What a run of the chain does, in order."""
    merge = [StepKind.MERGE] if chain.merge_into else []
    return [StepKind.FETCH, *merge, *(step.kind for step in chain.steps)]
