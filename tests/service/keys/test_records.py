"""What is counted and written down of callers who show a key, and of those who show none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings
from tests.service.keys.houses import WAYS, guarded, run, until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_every_refusal_is_counted_and_written_down_once(
    path: Path, embedded_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "simahand")

    async def scene() -> None:
        async with guarded(embedded_settings, path) as (served, _):
            for number, ask in enumerate(WAYS.values(), 1):
                assert await ask(served, None) == "unauthorized"
                assert served.metric("simahand_rejected_total", reason="unauthorized") == number
            for transport, times in (("websocket", 2), ("grpc", 1)):
                labels = {"transport": transport, "end": "unauthorized"}
                assert served.metric("simahand_streams_total", **labels) == times
            await until(lambda: len(fields_of(caplog)) == len(WAYS))
            for fields in fields_of(caplog):
                assert fields["outcome"] == "unauthorized"
                assert "caller" not in fields, "nobody knows who it was"

    run(scene())


def test_a_line_names_whose_key_was_shown(
    path: Path, embedded_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "simahand")

    async def scene() -> None:
        limits = {"requests_per_s": 1e-3, "burst": 1}
        async with guarded(embedded_settings, path, limits=limits) as (served, key):
            slugs = [await ask(served, key) for ask in WAYS.values()]
            assert {"ok", "rate-limited"} == set(slugs)
            await until(lambda: len(fields_of(caplog)) == len(WAYS))
            assert {fields["caller"] for fields in fields_of(caplog)} == {"studio"}

    run(scene())


def fields_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return what the lines of requests and of streams hold."""
    return [vars(record)["fields"] for record in caplog.records if record.msg in {"request", "stream"}]
