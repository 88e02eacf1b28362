"""Reads the files of published data sets; what is wrong with one is a `ValueError` naming file and field."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import simplejpeg
import yaml
from numpy.typing import NDArray

from training.data.sample import Float32

Fields = Mapping[str, Any]

PIXEL_CENTRE = np.float32(0.5)
"""Published labels and intrinsics put the centre of the first pixel at 0; `HandSample` puts it here."""

_JPEG_HEADER_BYTES = 65536
_JPEG_TAIL_BYTES = 64
_END_OF_JPEG = b"\xff\xd9"


def read_json(path: Path) -> Any:  # noqa: ANN401  (whatever the file holds)
    """Return the content of a JSON file.

    Raises:
        ValueError: There is no such file, or it is not JSON.
    """
    try:
        return json.loads(_content(path))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is not JSON: {error}") from error


def read_yaml(path: Path) -> Fields:
    """Return the mapping that a YAML file holds.

    Raises:
        ValueError: There is no such file, it is not YAML, or no mapping.
    """
    try:
        fields = yaml.load(_content(path), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is not YAML: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{path}: holds no mapping")
    return fields


def read_npz(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Return the named arrays of an npz file; the others are not read.

    Raises:
        ValueError: There is no such file, it is damaged, or an array is not in it.
    """
    arrays: dict[str, NDArray[Any]] = {}
    try:
        # Numpy would leave a file that it cannot make out open.
        with path.open("rb") as content, np.load(content) as file:
            for name in names:
                arrays[name] = file[name]
    except FileNotFoundError as error:
        raise ValueError(f"{path}: there is no such file") from error
    except KeyError as error:
        raise ValueError(f"{path}: {name}: is missing") from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: is damaged: {error}") from error
    return arrays


def read_jpeg(
    path: Path, *, width_px: int, height_px: int, colorspace: Literal["RGB", "GRAY"] = "RGB"
) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3), or (H, W, 1) for GRAY.

    Raises:
        ValueError: There is no such file, or it is truncated, no JPEG, or of another size.
    """
    image = decoded_jpeg(_content(path), where=str(path), colorspace=colorspace)
    _check_size(path, image.shape[:2], (height_px, width_px))
    return image


def decoded_jpeg(
    content: bytes | NDArray[np.uint8], *, where: str, colorspace: Literal["RGB", "GRAY"] = "RGB"
) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3), or (H, W, 1) for GRAY, out of memory.

    Raises:
        ValueError: It is truncated or no JPEG; names `where` it comes from.
    """
    try:
        image: NDArray[np.uint8] = simplejpeg.decode_jpeg(content, colorspace=colorspace)
    except ValueError as error:
        raise ValueError(f"{where}: is no whole JPEG: {error}") from error
    return image


def check_jpeg(path: Path, *, width_px: int, height_px: int) -> None:
    """Check a picture's size and its end without decoding it.

    Raises:
        ValueError: There is no such file, or it is truncated, no JPEG, or of another size.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_JPEG_HEADER_BYTES)
            file.seek(max(0, path.stat().st_size - _JPEG_TAIL_BYTES))
            tail = file.read()
    except FileNotFoundError as error:
        raise ValueError(f"{path}: there is no such file") from error
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(head)
    except ValueError as error:
        raise ValueError(f"{path}: is no JPEG: {error}") from error
    if _END_OF_JPEG not in tail:
        raise ValueError(f"{path}: is no whole JPEG: its end is missing")
    _check_size(path, (height, width), (height_px, width_px))


def entry(fields: object, name: str, path: Path) -> Any:  # noqa: ANN401  (whatever the file holds)
    """Return an entry of a file's mapping.

    Raises:
        ValueError: It is not there.
    """
    if not isinstance(fields, Mapping) or name not in fields:
        raise ValueError(f"{path}: {name}: is missing")
    return fields[name]


def finite(values: object, *, shape: tuple[int, ...], name: str, path: Path) -> Float32:
    """Return a field's values as an array.

    Args:
        values: Numbers, nested as deep as `shape` says.
        shape: What the field must be.
        name: The field, for the error.
        path: The file, for the error.

    Raises:
        ValueError: The field has another shape, or holds what is no finite number.
    """
    try:
        array = np.asarray(values, np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {name}: holds what is no number: {error}") from error
    if array.shape != shape:
        raise ValueError(f"{path}: {name}: has shape {array.shape}, not {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{path}: {name}: holds a number that is not finite")
    return array


def finite_flat(values: object, *, size: int, name: str, path: Path) -> Float32:
    """Return a field's values as a row (size,), however many brackets stand round them; else as `finite`."""
    try:
        row = np.asarray(values, np.float32).ravel()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {name}: holds what is no number: {error}") from error
    return finite(row, shape=(size,), name=name, path=path)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"{path}: there is no such file") from error


def _check_size(path: Path, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if found != wanted:
        raise ValueError(f"{path}: has {found} rows and columns, not {wanted}")
