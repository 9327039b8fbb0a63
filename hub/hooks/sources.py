"""Where hooks are called from, and how each signs what it sends."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["HookSource"]


class HookSource(StrEnum):
    """A repository's host."""

    GITHUB = "github"
    GITEA = "gitea"
    FORGEJO = "forgejo"
    GITLAB = "gitlab"
    """By its secret token, which is sent as it is."""
    GITLAB_SIGNED = "gitlab-signed"
    """By its signing token: Standard Webhooks."""
    BITBUCKET = "bitbucket"
    """Bitbucket Cloud."""
    BITBUCKET_DC = "bitbucket-dc"
    """Bitbucket Data Center."""
