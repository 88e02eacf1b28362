"""Whoever goes by a file goes on doing so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from service import files
from service.files import Changes, follow


class Counting:
    """Counts its looks; the first of them fails."""

    def __init__(self) -> None:
        self.looks = 0

    def look(self) -> None:
        """Look."""
        self.looks += 1
        if self.looks == 1:
            raise RuntimeError("a disk is gone")


def test_one_failure_ends_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(files, "POLL_S", 0.001)
    first, second = Counting(), Counting()

    async def scene() -> None:
        following = asyncio.create_task(follow(first, second))
        for _ in range(10_000):
            if first.looks > 3:
                break
            await asyncio.sleep(0.001)
        following.cancel()

    asyncio.run(scene())
    assert first.looks > 3 and second.looks >= 3
    assert caplog.text.count("could not be taken up") == 2


def test_every_change_is_found_once(tmp_path: Path) -> None:
    paths = tmp_path / "a", tmp_path / "b"
    changes = Changes(*paths)
    assert not changes.found()
    for path in paths:
        for change in (path.touch, lambda path=path: path.write_text("x"), path.unlink):
            change()
            assert changes.found()
            assert not changes.found()
