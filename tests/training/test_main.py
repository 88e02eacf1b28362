"""How the command line ends: one line of error and a status, no traceback."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from training import __main__ as command_line


class Failing:
    """A verb that fails in its own way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take none."""

    def run(self, arguments: argparse.Namespace) -> None:
        """Fail."""
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("views is at least 1, got 0"), 2, "error: views is at least 1, got 0\n"),
        (
            PermissionError(13, "Permission denied", "/out"),
            2,
            "error: [Errno 13] Permission denied: '/out'\n",
        ),
        (FloatingPointError("no finite gradient"), 1, "error: no finite gradient\n"),
    ],
)
def test_what_goes_wrong_is_one_line(
    error: Exception,
    status: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command_line, "_load", lambda _: Failing(error))
    assert command_line.main(["summary"]) == status
    assert capsys.readouterr().err == line


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "_load", lambda _: Failing(AssertionError("ours")))
    with pytest.raises(AssertionError, match="ours"):
        command_line.main(["summary"])


def test_help_needs_no_torch() -> None:
    program = "import sys; from training.__main__ import main\ntry: main(['--help'])\n"
    program += "finally: assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert all(verb in done.stdout for verb in command_line.VERBS)
