"""What each host's API is told of a commit, as its document has it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.hooks.model import HookChain, HookRun, RunState
from hub.hooks.sources import HookSource
from hub.hooks.statuses import status_request

C = "c" * 40
TOKEN = "a-token"
RUN = HookRun(
    7, 1, "fw", "ann", "main", C, forced=False, state=RunState.FAILED, reason="test: ended",
    chain=HookChain(), created_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
DESCRIBED = {"description": "test: ended"}
BEARER = {"authorization": f"Bearer {TOKEN}"}
NAMED = {"context": "dormouse/fw", **DESCRIBED}
BUILD = {"key": "dormouse/fw", "name": "dormouse/fw", "state": "FAILED", **DESCRIBED}

# source, repository, where, the headers that prove it, the body without its address for people
DOCUMENTED = [
    # docs.github.com/rest/commits/statuses: error, failure, pending, success
    ("github", "https://github.com/o/r.git", f"https://api.github.com/repos/o/r/statuses/{C}",
     BEARER, {"state": "failure", **NAMED}),
    ("github", "git@ghe.example.org:o/r.git",
     f"https://ghe.example.org/api/v3/repos/o/r/statuses/{C}", BEARER,
     {"state": "failure", **NAMED}),
    # Gitea's and Forgejo's swagger: /repos/{owner}/{repo}/statuses/{sha}
    ("gitea", "https://git.example.org:3000/o/r.git",
     f"https://git.example.org:3000/api/v1/repos/o/r/statuses/{C}",
     {"authorization": f"token {TOKEN}"}, {"state": "failure", **NAMED}),
    ("forgejo", "ssh://git@git.example.org:2222/o/r",
     f"https://git.example.org/api/v1/repos/o/r/statuses/{C}",
     {"authorization": f"token {TOKEN}"}, {"state": "failure", **NAMED}),
    # docs.gitlab.com/api/commits, "Set commit pipeline status": pending, running, success, failed
    ("gitlab", "https://gitlab.com/g/s/r.git",
     f"https://gitlab.com/api/v4/projects/g%2Fs%2Fr/statuses/{C}", {"private-token": TOKEN},
     {"state": "failed", "name": "dormouse/fw", "ref": "main", **DESCRIBED}),
    # developer.atlassian.com, "Create a build status for a commit"
    ("bitbucket", "git@bitbucket.org:w/r.git",
     f"https://api.bitbucket.org/2.0/repositories/w/r/commit/{C}/statuses/build", BEARER, BUILD),
    ("bitbucket-dc", "https://bb.example.org/scm/prj/r.git",
     f"https://bb.example.org/rest/api/1.0/projects/prj/repos/r/commits/{C}/builds", BEARER, BUILD),
]  # fmt: skip


@pytest.mark.parametrize(("source", "repository", "url", "headers", "body"), DOCUMENTED)
def test_a_status_is_told_as_the_host_documents_it(source, repository, url, headers, body):
    found = status_request(HookSource(source), repository, "", TOKEN, RUN)
    assert found.url == url
    assert headers.items() <= found.headers.items()
    told = dict(found.body)
    if source.startswith("bitbucket"):
        assert told.pop("url").startswith("https://")
    assert told == body
    elsewhere = status_request(HookSource(source), repository, "http://h:1/x/", TOKEN, RUN)
    assert elsewhere.url.startswith("http://h:1/x/")
