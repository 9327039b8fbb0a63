"""Sites whose tunnel is down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.explain.problems import Explainer
from hub.notifications.finding import Around, Finding, FindingEnd, Findings
from hub.notifications.model import Alert, Rule

__all__ = ["TunnelSource"]

# A gateway that restarts, or an address that changes, is back by then.
_LASTING_S = 120.0


class TunnelSource:
    """Asks for the tunnels that are down, which is nearly none."""

    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer

    async def look(
        self, around: Around, rules: Sequence[Rule], known: Mapping[int, Mapping[str, Alert]]
    ) -> list[Findings]:
        """Which went down, which are up again (or gone)."""
        down = {
            f"site {site.name}": (site, text)
            for site, text in await self._explainer.tunnels_down(around.tenant, now=around.now)
        }
        standing = self._explainer.tunnels(around.tenant)
        every = []
        for rule in rules:
            found, before = Findings(rule), known.get(rule.id, {})
            for subject, (site, text) in down.items():
                lasted = (around.now - site.since).total_seconds()
                is_open = subject in before and before[subject].ended_at is None
                if lasted >= (rule.options.lasting_s or _LASTING_S) and not is_open:
                    new = Finding(subject, site.title, text, site.since, place=site.place)
                    found.begun.append(new)
            for subject, alert in before.items():
                # Where WireGuard does not answer, or was begun anew, nobody knows that it is up.
                if alert.ended_at is not None or subject in down or standing is None:
                    continue
                state = standing.get(subject.removeprefix("site "))
                if state is None:
                    why = "the site was removed"
                    found.ended[subject] = FindingEnd.of_unwatched(around.now, why)
                elif state == "up":
                    since = around.clock(alert.place).at(alert.since)
                    text = f"its tunnel is up again, after being down since {since}"
                    found.ended[subject] = FindingEnd(around.now, text)
            every.append(found)
        return every
