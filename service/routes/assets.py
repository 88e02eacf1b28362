"""Files that are served as they lie there, in the smallest form that the browser reads."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

BROTLI_QUALITY: Final = 9
"""The highest one takes eight seconds for the page's script, for a tenth fewer bytes."""

CODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "br": lambda content: bytes(brotli.compress(content, quality=BROTLI_QUALITY)),
    "gzip": lambda content: gzip.compress(content, mtime=0),
}
"""Best first."""


@dataclass(frozen=True)
class Form:
    """A file's bytes in one coding."""

    content: bytes
    coding: str | None
    etag: str


class Asset:
    """One file, read and compressed once, when it is first asked for."""

    def __init__(self, path: Path) -> None:
        """Serve the file at `path`, which does not change."""
        self._path = path
        self._media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"

    async def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Return the file, or 304 to one who has it."""
        forms = await run_in_threadpool(lambda: self._forms)
        form = next(form for form in forms if form.coding in (None, *_read_by(request)))
        headers = {**headers, "etag": form.etag, "vary": "accept-encoding"}
        if form.etag in _known_to(request):
            return Response(status_code=304, headers=headers)
        if form.coding is not None:
            headers["content-encoding"] = form.coding
        return Response(form.content, media_type=self._media_type, headers=headers)

    @cached_property
    def _forms(self) -> tuple[Form, ...]:
        """The file's forms, the smallest first; those that gain nothing are left out."""
        content = self._path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:16]
        plain = Form(content, None, f'"{digest}"')
        coded = [Form(code(content), coding, f'"{digest}-{coding}"') for coding, code in CODINGS.items()]
        smaller = sorted(coded, key=lambda form: len(form.content))
        return (*(form for form in smaller if len(form.content) < 0.9 * len(content)), plain)


def _read_by(request: Request) -> set[str]:
    """Return the codings that the browser names without refusing them."""
    named = set()
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, quality = (piece.strip() for piece in part.partition(";"))
        if quality.replace(" ", "").rstrip("0.") != "q=":
            named.add(coding)
    return named


def _known_to(request: Request) -> set[str]:
    """Return the tags of what the browser has; a weak one stands for the same bytes (RFC 9110, 13.1.2)."""
    tags = request.headers.get("if-none-match", "").split(",")
    return {tag.strip().removeprefix("W/") for tag in tags}
