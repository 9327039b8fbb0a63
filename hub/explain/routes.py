"""Why devices are as they are: silent, late, not updated, or fine."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import APIRouter
from pydantic import BaseModel

from hub.api.access import Read
from hub.api.parameters import DeviceId
from hub.explain.problems import Explainer
from hub.explain.sentence import Explanation, Sentence

__all__ = ["ExplanationOut", "routes"]


class SentenceOut(BaseModel):
    """A fact in words; `level` is fine, warning or bad."""

    at: datetime
    kind: str
    text: str
    level: str


class ExplanationOut(BaseModel):
    """What there is to say of a device; `chain` the newest first.

    `battery_empty` is the day on which its battery is empty by its own trend, null without one.
    Sentences tell times by the clock of `zone`.
    """

    device: str
    name: str | None
    headline: SentenceOut
    chain: list[SentenceOut]
    battery_empty: date | None
    zone: str

    @classmethod
    def of(cls, explanation: Explanation) -> ExplanationOut:
        """An explanation as the API gives it."""
        return cls(
            device=explanation.device,
            name=explanation.name,
            headline=_sentence(explanation.headline),
            chain=[_sentence(sentence) for sentence in explanation.chain],
            battery_empty=explanation.battery.empty_on if explanation.battery else None,
            zone=explanation.zone,
        )


class ProblemOut(SentenceOut):
    """What is wrong with a device, in a sentence."""

    device: str | None
    name: str | None


def routes(explainer: Explainer) -> APIRouter:
    """/problems and /devices/{device}/explain."""
    router = APIRouter(tags=["devices"])

    @router.get("/problems")
    async def every_problem(caller: Read) -> list[ProblemOut]:
        """What is wrong in the tenant, the worst first."""
        return [
            ProblemOut(
                device=problem.device,
                name=problem.name,
                at=problem.at,
                kind=problem.kind,
                text=problem.text,
                level=problem.level.name.lower(),
            )
            for problem in await explainer.problems(caller.tenant)
        ]

    @router.get("/devices/{device}/explain")
    async def explain(caller: Read, device: DeviceId) -> ExplanationOut:
        """Why a device is as it is: silent, late, not updated, or fine."""
        return ExplanationOut.of(await explainer.device(caller.tenant, device))

    return router


def _sentence(sentence: Sentence) -> SentenceOut:
    return SentenceOut(
        at=sentence.at, kind=sentence.kind, text=sentence.text, level=sentence.level.name.lower()
    )
