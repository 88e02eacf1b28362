"""Reading an upload: a bounded body, raw or as a form, with one image or with several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from service.errors import (
    LONGEST_ECHO,
    MalformedMultipartError,
    SlowUploadError,
    TooLargeError,
    UnreadableImageError,
    UnsupportedMediaError,
    about_image,
)

IMAGE_MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
MULTIPART = "multipart/form-data"
IMAGE_FIELD = "image"
MAX_FORM_FIELDS = 16
MAX_FIELD_BYTES = 1024
FEWEST_VIEWS = 2


@dataclass(frozen=True)
class Upload:
    """An image and what a form said beside it."""

    image: bytes
    fields: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class ViewsUpload:
    """Images of one moment, in their order, and what the form said beside them."""

    images: list[bytes]
    fields: list[tuple[str, str]]


async def read_upload(request: Request, *, max_bytes: int, timeout_s: float) -> Upload:
    """Read a body with one image.

    Raises:
        UnsupportedMediaError: The content type is none of those that are accepted.
        TooLargeError: The body has, or promises, more than `max_bytes`.
        SlowUploadError: It took longer than `timeout_s`.
        MalformedMultipartError: The form cannot be read, or does not hold one image.
        UnreadableImageError: The caller went away.
    """
    media_type = _media_type(request, (*IMAGE_MEDIA_TYPES, MULTIPART))
    body = await _read_in_time(request, max_bytes=max_bytes, timeout_s=timeout_s)
    if media_type != MULTIPART:
        return Upload(body)
    form = await _parse_form(request, body, max_files=1, max_fields=MAX_FORM_FIELDS)
    image = next((content for name, content in form.files if name == IMAGE_FIELD), None)
    if image is None:
        raise MalformedMultipartError(f"the form has no file field {IMAGE_FIELD!r}")
    return Upload(image, form.fields)


async def read_views(request: Request, *, most: int, max_image_bytes: int, timeout_s: float) -> ViewsUpload:
    """Read a form with at least two images.

    Args:
        request: Of the form.
        most: How many images it may hold.
        max_image_bytes: Of each image; all of the body may be `most` times as large.
        timeout_s: How long the body may take.

    Raises:
        GatewayError: As in `read_upload`, or there are too few images or too many.
    """
    _media_type(request, (MULTIPART,))
    body = await _read_in_time(request, max_bytes=most * max_image_bytes, timeout_s=timeout_s)
    # One box for each image, beside the fields of a form with one image.
    form = await _parse_form(request, body, max_files=most, max_fields=MAX_FORM_FIELDS + most)
    for name, _ in form.files:
        if name != IMAGE_FIELD:
            raise MalformedMultipartError(
                f"the form has a file {name[:LONGEST_ECHO]!r}; images are {IMAGE_FIELD!r}"
            )
    if len(form.files) < FEWEST_VIEWS:
        raise MalformedMultipartError(
            f"the form has {len(form.files)} file fields {IMAGE_FIELD!r}, {FEWEST_VIEWS} to {most} are wanted"
        )
    for number, (_, content) in enumerate(form.files):
        if len(content) > max_image_bytes:
            with about_image(number):
                raise TooLargeError(
                    f"it has {len(content)} bytes, over {max_image_bytes}", limit_bytes=max_image_bytes
                )
    return ViewsUpload([content for _, content in form.files], form.fields)


def _media_type(request: Request, accepted: tuple[str, ...]) -> str:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in accepted:
        raise UnsupportedMediaError(
            f"content-type {media_type[:LONGEST_ECHO] or 'is missing and'} is not accepted",
            accepted=list(accepted),
        )
    return media_type


async def _read_in_time(request: Request, *, max_bytes: int, timeout_s: float) -> bytes:
    try:
        async with asyncio.timeout(timeout_s):
            return await _read_body(request, max_bytes=max_bytes)
    except TimeoutError as error:
        raise SlowUploadError(f"the body took longer than {timeout_s:g} s") from error
    except ClientDisconnect as error:
        raise UnreadableImageError("the connection was closed before the body's end") from error


async def _read_body(request: Request, *, max_bytes: int) -> bytes:
    promised = request.headers.get("content-length", "0")
    if promised.isdecimal() and int(promised) > max_bytes:
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


@dataclass(frozen=True)
class _Form:
    files: list[tuple[str, bytes]]
    fields: list[tuple[str, str]]


async def _parse_form(request: Request, body: bytes, *, max_files: int, max_fields: int) -> _Form:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = _FormParser(
        request.headers, stream(), max_files=max_files, max_fields=max_fields, max_part_size=MAX_FIELD_BYTES
    )
    with closing(parser):
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise MalformedMultipartError(error.message) from error
        except ValueError as error:  # the form names an encoding that its text is not in
            raise MalformedMultipartError(f"the form's text cannot be decoded: {error}") from error
        items = form.multi_items()
        return _Form(
            files=[(name, await value.read()) for name, value in items if isinstance(value, UploadFile)],
            fields=[(name, value) for name, value in items if isinstance(value, str)],
        )
