"""The file of keys: names, hashes, limits. A key itself is shown once, where it is made, and kept nowhere.

A key is 32 random bytes, so that its plain SHA-256 tells nobody the key: salts and slow hashes are for words
that people choose. Whoever writes the hash of such a word into the file by hand is not protected by this.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints, ValidationError
from pydantic.types import PositiveFloat

PREFIX: Final = "simahand_"
"""Scanners of code and logs find a key by it."""
RANDOM_BYTES: Final = 32
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

KeyName = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]


class KeyLimits(BaseModel):
    """What one key may have; None sets no limit beside those that hold for all keys together."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    requests_per_s: PositiveFloat | None = None
    """Requests and frames of streams together, in the long run."""
    burst: PositiveInt | None = None
    """How many of them may come at once; None stands for those of one second, and at least one."""
    max_streams: PositiveInt | None = None
    """Live streams at once, gRPC and WebSocket together."""


class StoredKey(KeyLimits):
    """One key as it lies in the file."""

    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]

    @property
    def limits(self) -> KeyLimits:
        """What the key may have."""
        return KeyLimits(**self.model_dump(exclude={"sha256"}))


class KeyFile(BaseModel):
    """All keys by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: dict[KeyName, StoredKey] = Field(default_factory=dict)

    def with_key(self, name: str, stored: StoredKey) -> KeyFile:
        """Return the same with one key more.

        Raises:
            ValueError: The name is taken, or is none.
        """
        if NAME.fullmatch(name) is None:
            raise ValueError(f"a key's name is letters, digits, '.', '_' and '-', 64 at most; got {name!r}")
        if name in self.keys:
            raise ValueError(f"there is a key {name!r} already; remove it first")
        return KeyFile(keys={**self.keys, name: stored})

    def without_key(self, name: str) -> KeyFile:
        """Return the same without one key.

        Raises:
            ValueError: There is none of this name.
        """
        if name not in self.keys:
            raise ValueError(f"there is no key {name!r}; there are {', '.join(self.keys) or 'none'}")
        return KeyFile(keys={known: stored for known, stored in self.keys.items() if known != name})


def new_key() -> str:
    """Return a key that nobody has seen before."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def digest_of(key: str) -> str:
    """Return what is kept of a key; any text has one."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def read_key_file(path: Path) -> KeyFile:
    """Return what the file holds.

    Raises:
        ValueError: It cannot be read, or is no file of keys; the message says where, and holds no hash.
    """
    try:
        file = KeyFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"the keys in {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"{path} is no file of keys: {place}: {first['msg']}") from None
    digests = [stored.sha256 for stored in file.keys.values()]
    if len(set(digests)) < len(digests):
        raise ValueError(f"{path} is no file of keys: two names have the same key")
    return file


def write_key_file(path: Path, file: KeyFile) -> None:
    """Replace the file in one step, so that no reader sees half of it; a new one is the owner's alone.

    Raises:
        OSError: It cannot be written.
    """
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as sink:
            sink.write(file.model_dump_json(indent=2, exclude_none=True) + "\n")
            os.fchmod(sink.fileno(), mode)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
