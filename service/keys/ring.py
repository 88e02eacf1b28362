"""Which key is whose: the file's keys in memory, read again when the file changes."""

from __future__ import annotations

import hmac
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from service.errors import UnauthorizedError
from service.files import Changes
from service.keys.caller import Caller
from service.keys.key_file import KeyFile, KeyLimits, StoredKey, digest_of, read_key_file

log = logging.getLogger("simahand")

HOW_TO_SEND: Final = (
    "send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY' (gRPC: metadata of the same names; a "
    "browser's WebSocket: the subprotocols 'simahand.v1' and 'simahand.key.KEY')"
)


class Keys(Protocol):
    """Tells who a caller is."""

    def caller_of(self, presented: str | None) -> Caller:
        """Return whose key was presented.

        Raises:
            UnauthorizedError: A key is asked for, and this is none.
        """

    def look(self) -> None:
        """Take up what the operator has changed; see `service.files.Follower`."""


class NoKeys:
    """Asks for none: everyone is the same caller, without limits of its own."""

    def __init__(self) -> None:
        """Know no one."""
        self._anyone = Caller("", KeyLimits())

    def caller_of(self, presented: str | None) -> Caller:
        """Return anyone, whatever was presented."""
        del presented
        return self._anyone

    def look(self) -> None:
        """There is nothing to look at."""


@dataclass(frozen=True)
class _Held:
    digest: bytes
    stored: StoredKey
    caller: Caller


class KeyRing:
    """The keys of one file."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ValueError: It cannot be read, is no file of keys, or holds none.
        """
        self._path = path
        self._held: dict[str, _Held] = {}
        self._changes = Changes(path)
        file = read_key_file(path)
        if not file.keys:
            raise ValueError(f"{path} holds no key; `python -m service.keys new NAME --file {path}` adds one")
        self._take(file)

    def caller_of(self, presented: str | None) -> Caller:
        """Return whose key was presented; see `Keys`.

        Every key is compared, each in constant time: how long it takes says nothing about any of them.
        """
        if presented is None:
            raise UnauthorizedError(f"this gateway asks for an API key: {HOW_TO_SEND}")
        digest = digest_of(presented).encode()
        found: Caller | None = None
        for held in self._held.values():
            if hmac.compare_digest(held.digest, digest):
                found = held.caller
        if found is None:
            raise UnauthorizedError("this API key is not known here")
        return found

    def look(self) -> None:
        """Read the file again if it has changed.

        What is no file of keys changes nothing: a slip of the pen must neither lock everyone out nor let
        everyone in. An emptied file does lock everyone out.
        """
        if not self._changes.found():
            return
        try:
            self._take(read_key_file(self._path))
        except ValueError as error:
            log.error("the keys of before still hold: %s", error)
            return
        log.warning("%d keys hold now: %s", len(self._held), ", ".join(self._held))

    def _take(self, file: KeyFile) -> None:
        """Hold the file's keys; one that has not changed keeps its bucket and its streams."""
        before = self._held
        self._held = {
            name: before[name]
            if name in before and before[name].stored == stored
            else _Held(stored.sha256.encode(), stored, Caller(name, stored.limits))
            for name, stored in file.keys.items()
        }
        for name, held in before.items():
            if self._held.get(name) is not held:
                held.caller.revoked.set()
