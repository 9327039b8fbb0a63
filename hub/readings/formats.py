"""What readings can be had as: JSON, CSV, Parquet, an Arrow stream."""

from __future__ import annotations

from enum import StrEnum

from hub.api.problems import ProblemError

__all__ = ["MEDIA", "ResponseFormat", "negotiated"]


class ResponseFormat(StrEnum):
    """Kinds of answers."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


MEDIA = {
    ResponseFormat.JSON: "application/json",
    ResponseFormat.CSV: "text/csv; charset=utf-8",
    ResponseFormat.PARQUET: "application/vnd.apache.parquet",
    ResponseFormat.ARROW: "application/vnd.apache.arrow.stream",
}
"""The media type of each."""


def negotiated(requested: ResponseFormat | None, accept: str) -> ResponseFormat:
    """What was asked for by name, else the best of an Accept header; JSON where any will do.

    Raises ProblemError (406).
    """
    if requested is not None:
        return requested
    ranked = sorted(_ranges(accept), key=lambda ranked_range: -ranked_range[1])
    for media, quality in ranked:
        if quality <= 0:
            continue
        if media in {"*/*", "application/*"}:
            return ResponseFormat.JSON
        if media == "text/*":
            return ResponseFormat.CSV
        for form, known in MEDIA.items():
            if media == known.partition(";")[0]:
                return form
    raise ProblemError(
        406, f"readings come as {', '.join(m.partition(';')[0] for m in MEDIA.values())}"
    )


def _ranges(accept: str) -> list[tuple[str, float]]:
    ranges = []
    for part in (accept or "*/*").split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 0.0
        ranges.append((media, quality))
    return ranges
