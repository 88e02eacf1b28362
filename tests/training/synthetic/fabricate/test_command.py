"""The verb `fabricate` from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.__main__ import main


def test_a_made_data_set_passes_its_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"fabricate dexycb --out {tmp_path / 'set'} --seed 4 --frames 1 --cameras 1"
    assert main(words.split()) == 0
    assert main(["check-data", "dexycb", str(tmp_path / "set")]) == 0
    assert capsys.readouterr().out.endswith("no faults\n")


def test_a_mistake_is_one_line_and_exit_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"fabricate hanco --out {tmp_path / 'set'} --frames 1".split()) == 2
    assert "error: frames must be from 3 to 1000, got 1" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()
