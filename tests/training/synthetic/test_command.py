"""The verb `render` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.__main__ import main


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(2):
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 255, (40, 60, 3), dtype=np.uint8))
    return folder


def test_render_writes_a_card_shards_and_a_sheet(tmp_path: Path, photos: Path) -> None:
    out, sheet = tmp_path / "set", tmp_path / "sheets" / "sheet.png"
    words = f"render --samples 2 --views 3 --size 40 --seed 5 --out {out} --photos {photos}"

    assert main([*words.split(), "--sheet", str(sheet), "--skeleton"]) == 0

    card = json.loads((out / "dataset.json").read_text(encoding="utf-8"))
    assert (card["samples"], card["views"], card["size_px"], card["photos"]) == (2, 3, 40, 2)
    assert card["modes"] == ["free", "contact", "grasp"]
    assert [path.name for path in sorted(out.glob("*.npz"))] == ["shard-00000.npz"]
    assert not list(out.glob("*.partial"))
    picture = cv2.imread(str(sheet))
    assert picture is not None
    assert picture.shape == (2 * 40, 3 * 40, 3)


def test_a_mistake_is_one_line_and_exit_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"render --samples 0 --out {tmp_path}".split()) == 2
    assert "samples" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
