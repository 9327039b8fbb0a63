"""The status of a commit, told to the API of its repository's host as that documents it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from hub.hooks.errors import HookUnknownError
from hub.hooks.model import HookRun, RunState
from hub.hooks.repository import HookRepository
from hub.hooks.sources import HookSource

__all__ = ["CommitStatus", "StatusRequest", "status_request"]

_TIMEOUT_S = 15.0
# Of a description; GitHub has the shortest.
_LONGEST = 140
_CONTEXT = "dormouse"

_COMMON = {
    RunState.QUEUED: "pending", RunState.RUNNING: "pending", RunState.WAITING: "pending",
    RunState.PASSED: "success", RunState.FAILED: "failure", RunState.SKIPPED: "error",
}  # fmt: skip
_GITLAB = {
    RunState.QUEUED: "pending", RunState.RUNNING: "running", RunState.WAITING: "running",
    RunState.PASSED: "success", RunState.FAILED: "failed", RunState.SKIPPED: "canceled",
}  # fmt: skip
_BITBUCKET = {
    RunState.QUEUED: "INPROGRESS", RunState.RUNNING: "INPROGRESS", RunState.WAITING: "INPROGRESS",
    RunState.PASSED: "SUCCESSFUL", RunState.FAILED: "FAILED", RunState.SKIPPED: "FAILED",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """A POST of JSON."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


def status_request(
    source: HookSource, repository: str, api: str, token: str, run: HookRun
) -> StatusRequest:
    """What tells the source of a run. `api` empty: where the host's usually is."""
    host, path = _parts(repository)
    base = (api or _usual(source, host)).rstrip("/")
    said = run.reason[:_LONGEST] or f"run {run.id} is {run.state}"
    name = f"{_CONTEXT}/{run.name}"
    if source is HookSource.GITHUB:
        headers = {
            "authorization": f"Bearer {token}", "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
        }  # fmt: skip
        body = {"state": _COMMON[run.state], "description": said, "context": name}
        return StatusRequest(f"{base}/repos/{path}/statuses/{run.commit}", headers, body)
    if source in {HookSource.GITEA, HookSource.FORGEJO}:
        body = {"state": _COMMON[run.state], "description": said, "context": name}
        url = f"{base}/repos/{path}/statuses/{run.commit}"
        return StatusRequest(url, {"authorization": f"token {token}"}, body)
    if source in {HookSource.GITLAB, HookSource.GITLAB_SIGNED}:
        body = {"state": _GITLAB[run.state], "description": said, "name": name, "ref": run.branch}
        url = f"{base}/projects/{quote(path, safe='')}/statuses/{run.commit}"
        return StatusRequest(url, {"private-token": token}, body)
    # Both want an address for people; a hub at home has none that the host's users could open.
    body = {
        "state": _BITBUCKET[run.state], "key": name[:40], "name": name, "description": said,
        "url": f"https://{host}/{path}",
    }  # fmt: skip
    bearer = {"authorization": f"Bearer {token}"}
    if source is HookSource.BITBUCKET:
        url = f"{base}/repositories/{path}/commit/{run.commit}/statuses/build"
        return StatusRequest(url, bearer, body)
    project, _, slug = path.removeprefix("scm/").partition("/")
    url = f"{base}/projects/{quote(project)}/repos/{quote(slug)}/commits/{run.commit}/builds"
    return StatusRequest(url, bearer, body)


class CommitStatus:
    """The status of one run's commit, where the hook has a token for that."""

    def __init__(self, run: HookRun, repository: HookRepository) -> None:
        self._run, self._repository = run, repository

    async def tell(self, run: HookRun) -> str:
        """Tell it where the run stands; what went wrong, in one line, without the token."""
        if not run.commit:
            return ""
        try:
            hook = await self._repository.named(str(self._run.hook))
            token = await self._repository.status_token(hook.id) if hook.tells else ""
        except HookUnknownError:
            return ""
        if not token:
            return ""
        request = status_request(hook.source, hook.repository, run.chain.status_url, token, run)
        return await _post(request, token)


async def _post(request: StatusRequest, token: str) -> str:
    import httpx  # noqa: PLC0415  # 10 MB, for the few hooks that tell

    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client,
            client.stream(
                "POST", request.url, json=dict(request.body), headers=dict(request.headers)
            ) as answer,
        ):
            status = answer.status_code
    except httpx.HTTPError as error:
        return f"no answer: {error}".replace(token, "…")[:200]
    return "" if 200 <= status < 300 else f"the host's API answered {status}"


def _usual(source: HookSource, host: str) -> str:
    if source is HookSource.GITHUB:
        bare = host.partition(":")[0]
        return "https://api.github.com" if bare == "github.com" else f"https://{host}/api/v3"
    if source is HookSource.BITBUCKET:
        return "https://api.bitbucket.org/2.0"
    kind = {HookSource.BITBUCKET_DC: "rest/api/1.0", HookSource.GITLAB: "api/v4",
            HookSource.GITLAB_SIGNED: "api/v4"}.get(source, "api/v1")  # fmt: skip
    return f"https://{host}/{kind}"


def _parts(repository: str) -> tuple[str, str]:
    """Host (with a port only of http) and path without .git, of any form of address."""
    if "://" in repository:
        parts = urlsplit(repository)
        host, path = parts.hostname or "", parts.path
        if parts.scheme in {"http", "https"} and parts.port:
            host = f"{host}:{parts.port}"
    else:
        host, _, path = repository.partition(":")
        host = host.rpartition("@")[2]
    return host, path.strip("/").removesuffix(".git")
