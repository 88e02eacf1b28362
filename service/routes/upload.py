"""Reading an upload: a bounded body, raw or as a form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from service.errors import (
    MalformedMultipartError,
    SlowUploadError,
    TooLargeError,
    UnreadableImageError,
    UnsupportedMediaError,
)

IMAGE_MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
MULTIPART = "multipart/form-data"
IMAGE_FIELD = "image"
MAX_FORM_FIELDS = 16
MAX_FIELD_BYTES = 1024


@dataclass(frozen=True)
class Upload:
    """An image and what a form said beside it."""

    image: bytes
    fields: list[tuple[str, str]] = field(default_factory=list)


async def read_upload(request: Request, *, max_bytes: int, timeout_s: float) -> Upload:
    """Read the body.

    Raises:
        UnsupportedMediaError: The content type is none of those that are accepted.
        TooLargeError: The body has, or promises, more than `max_bytes`.
        SlowUploadError: It took longer than `timeout_s`.
        MalformedMultipartError: The form cannot be read, or does not hold one image.
        UnreadableImageError: The caller went away.
    """
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != MULTIPART and media_type not in IMAGE_MEDIA_TYPES:
        raise UnsupportedMediaError(
            f"content-type {media_type or 'is missing and'} is not accepted",
            accepted=[*IMAGE_MEDIA_TYPES, MULTIPART],
        )
    try:
        async with asyncio.timeout(timeout_s):
            body = await _read_body(request, max_bytes=max_bytes)
    except TimeoutError as error:
        raise SlowUploadError(f"the body took longer than {timeout_s:g} s") from error
    except ClientDisconnect as error:
        raise UnreadableImageError("the connection was closed before the body's end") from error
    return await _parse_form(request, body) if media_type == MULTIPART else Upload(body)


async def _read_body(request: Request, *, max_bytes: int) -> bytes:
    promised = request.headers.get("content-length", "0")
    if promised.isdigit() and int(promised) > max_bytes:
        raise TooLargeError(f"the body has {promised} bytes, over {max_bytes}", limit_bytes=max_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise TooLargeError(f"the body has over {max_bytes} bytes", limit_bytes=max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


class _FormParser(MultiPartParser):
    # The body lies in memory already and is bounded: nothing is spooled to disk.
    spool_max_size = 0

    def close(self) -> None:
        """Close the files, also those of a form that breaks off, which `parse` forgets."""
        for file in self._files_to_close_on_error:
            file.close()


async def _parse_form(request: Request, body: bytes) -> Upload:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = _FormParser(
        request.headers, stream(), max_files=1, max_fields=MAX_FORM_FIELDS, max_part_size=MAX_FIELD_BYTES
    )
    with closing(parser):
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise MalformedMultipartError(error.message) from error
        image = form.get(IMAGE_FIELD)
        if not isinstance(image, UploadFile):
            raise MalformedMultipartError(f"the form has no file field {IMAGE_FIELD!r}")
        fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        return Upload(await image.read(), fields)
