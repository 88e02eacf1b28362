"""From DexYCB and MANO on disk to a model to serve, by the commands of docs/research.md, in small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.hand.mano.fabricated import fabricated_fields, write_released
from training.__main__ import main

SMALL = """
base = "smoke"
[data]
workers = 0
cache = "{cache}"
{rest}
"""
STUDENT = '[adaptation]\nshape = "lifted"\norientation = "fused"\n'


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def mano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files as MANO's are, made of our own template."""
    folder = tmp_path_factory.mktemp("mano")
    write_released(folder / "MANO_RIGHT.pkl", fabricated_fields("right"))
    write_released(folder / "MANO_LEFT.pkl", fabricated_fields("left"))
    return folder


@pytest.fixture(scope="module")
def runs(dexycb: Path, mano: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a teacher and its student on DexYCB; return the folder of their runs."""
    root = tmp_path_factory.mktemp("research")
    steps: tuple[tuple[str, str, list[str | Path]], ...] = (
        ("teacher", "[network]\nviews = 2\n", []),
        ("student", STUDENT, ["--teacher", root / "teacher" / "last.pt"]),
    )
    for name, rest, more in steps:
        recipe = root / f"{name}.toml"
        recipe.write_text(SMALL.format(cache=root / "cache", rest=rest), encoding="utf-8")
        where: list[str | Path] = [
            "--dataset",
            "dexycb",
            "--data",
            dexycb,
            "--mano",
            mano,
            "--out",
            root / name,
        ]
        assert run("train", recipe, *where, *more) == 0
    return root


def test_the_copy_is_looked_through(dexycb: Path) -> None:
    assert run("check-data", "dexycb", dexycb) == 0


def test_the_index_is_kept(runs: Path) -> None:
    assert any((runs / "cache").iterdir())


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_both_are_measured_on_s0(name: str, runs: Path, dexycb: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    assert run("evaluate", runs / name / "last.pt", "--data", dexycb, "--json", out) == 0
    report = json.loads(out.read_text())
    assert report["data"]["name"] == "DexYCB"
    assert report["scores"]["landmarks"]["hands"] == report["data"]["views"] > 0


def test_what_is_exported_says_on_whose_terms(runs: Path, tmp_path: Path) -> None:
    assert run("export", runs / "student" / "last.pt", "--repository", tmp_path) == 0
    card = json.loads((tmp_path / "svr_hand" / "1" / "card.json").read_text())
    assert "not for commercial use" in card["licences"]["model"]
    assert "hand_template" not in card["sha256"]
    assert not {"root", "mano", "cache"} & set(card["recipe"]["data"])


def test_hanco_is_trained_on_as_well(hanco: Path, mano: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "hanco.toml"
    recipe.write_text(SMALL.format(cache="", rest=""), encoding="utf-8")
    words: list[str | Path] = ["train", recipe, "--dataset", "hanco", "--data", hanco, "--mano", mano]
    assert run(*words, "--out", tmp_path / "run", "--steps", "1") == 0


def test_without_mano_the_labels_cannot_be_read(
    dexycb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", "smoke", "--dataset", "dexycb", "--data", dexycb, "--out", tmp_path / "run") == 2
    assert "name the folder of its files" in capsys.readouterr().err
    assert not (tmp_path / "run" / "last.pt").exists()
