"""Settings come from the environment, fail at start, and do not change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import Settings


def test_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMAHAND_TRITON_URL", "triton:9001")
    monkeypatch.setenv("SIMAHAND_MAX_IN_FLIGHT", "7")
    settings = Settings()
    assert (settings.triton_url, settings.max_in_flight) == ("triton:9001", 7)


@pytest.mark.parametrize(("name", "value"), [("ENGINE", "abacus"), ("DEADLINE_S", "0"), ("PORT", "70000")])
def test_an_impossible_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SIMAHAND_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_a_gateway_without_a_model_says_so_in_one_line(tmp_path: Path) -> None:
    environment = os.environ | {"SIMAHAND_MODEL_REPOSITORY": str(tmp_path)}
    finished = subprocess.run(
        [sys.executable, "-m", "service"], env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 2
    assert finished.stderr.startswith(f"simahand: no contract at {tmp_path}")
    assert finished.stderr.count("\n") == 1
