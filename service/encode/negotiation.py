"""Which encoder an Accept header asks for (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.encode.result import HandResult
from service.errors import LONGEST_ECHO, NotAcceptableError


@dataclass(frozen=True)
class Encoder:
    """Writes one media type."""

    media_type: str
    encode: Callable[[HandResult], bytes]


class Encoders:
    """The encoders there are; the first is the default."""

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        """Register the encoders."""
        self._encoders = {encoder.media_type: encoder for encoder in encoders}
        # Callers repeat themselves; the bound keeps one who does not from filling the memory.
        self._choose = functools.lru_cache(maxsize=256)(self._negotiate)

    @property
    def media_types(self) -> list[str]:
        """What can be written, the default first."""
        return list(self._encoders)

    def choose(self, accept: str | None) -> Encoder:
        """Return the encoder that the header likes best, the earlier one where it likes two the same.

        Raises:
            NotAcceptableError: It likes none.
        """
        media_type = self._choose(accept or "*/*")
        if media_type is None:
            raise NotAcceptableError(
                f"cannot write {(accept or '')[:LONGEST_ECHO]}; there is {', '.join(self._encoders)}",
                available=self.media_types,
            )
        return self._encoders[media_type]

    def _negotiate(self, accept: str) -> str | None:
        ranges = _parse(accept)
        qualities = {media_type: _quality(media_type, ranges) for media_type in self._encoders}
        best = max(qualities, key=lambda media_type: qualities[media_type])
        return best if qualities[best] > 0 else None


def _parse(accept: str) -> dict[str, float]:
    ranges = {}
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        try:
            ranges[media_range] = float(quality)
        except ValueError:
            ranges[media_range] = 0.0
    return ranges


def _quality(media_type: str, ranges: dict[str, float]) -> float:
    """Return the weight of the most specific range that matches."""
    kind = media_type.split("/")[0]
    return next((ranges[key] for key in (media_type, f"{kind}/*", "*/*") if key in ranges), 0.0)
