"""From DexYCB and MANO on disk to a served model, by the very commands of docs/research.md, in small."""

from __future__ import annotations

import contextlib
import json
import shlex
from pathlib import Path

import orjson
import pytest

from tests.deploy.test_serve import reconstruct, served, wait_until_ready
from tests.training.hand.mano.fabricated import fabricated_fields, write_released
from training.__main__ import main

PAGE = Path(__file__).parents[2] / "docs" / "research.md"
SMALL = """
base = "smoke"
validation_views = 4
[data]
workers = 0
cache = "{cache}"
{rest}
"""
ENCODER = """
[[stages]]
name = "encoder"
scope = "shape"
steps = 2
batch_size = 4
losses = { joints_uv = 1.0 }
"""
RECIPES = {
    "encoder_paper": ENCODER,
    "mvr_paper": "[network]\nviews = 2\n",
    "sima_paper": '[adaptation]\nshape = "lifted"\norientation = "fused"\n',
}


def page_commands() -> list[list[str]]:
    """Return the words of each command of the page, its variables filled in."""
    block = PAGE.read_text(encoding="utf-8").split("```sh\n")[1].split("```")[0]
    commands, variables = [], {}
    for line in block.splitlines():
        name, is_assignment, value = line.partition("=")
        if is_assignment and name.isupper():
            variables[f"${name}"] = value.strip('"')
            continue
        for variable, value in variables.items():
            line = line.replace(variable, value)
        if words := shlex.split(line, comments=True):
            commands.append(words)
    return commands


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
def finished(dexycb: Path, mano: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all that the page says of training; return the folder that it was said in."""
    root = tmp_path_factory.mktemp("research")
    in_small = {"/data/dexycb": str(dexycb), "/data/mano": str(mano), "cuda": "cpu", "8": "1"}
    for name, rest in RECIPES.items():
        recipe = root / f"{name}.toml"
        recipe.write_text(SMALL.format(cache=root / "cache", rest=rest), encoding="utf-8")
        in_small[name] = str(recipe)
    with contextlib.chdir(root):
        for words in page_commands():
            if words[:3] == ["python", "-m", "training"]:
                assert run(*(in_small.get(word, word) for word in words[3:])) == 0, words
    return root


def test_every_command_of_the_page_is_run_here() -> None:
    verbs = [" ".join(words[:4]) for words in page_commands()]
    training = ["check-data", "train", "train", "train", "evaluate", "evaluate", "export", "export"]
    assert verbs == [
        *(f"python -m training {verb}" for verb in training),
        "python -m deploy.serve --repository",
    ]


def test_the_index_is_kept(finished: Path) -> None:
    assert any((finished / "cache").iterdir())


@pytest.mark.parametrize("name", ["mvr", "sima"])
def test_both_are_measured_on_s0(name: str, finished: Path) -> None:
    report = json.loads((finished / f"{name}.json").read_text())
    assert report["data"]["name"] == "DexYCB"
    assert report["scores"]["landmarks"]["hands"] == report["data"]["views"] > 0
    assert ("efficiency" in report) == (name == "sima")


@pytest.mark.parametrize("model", ["svr_hand", "mvr_hand"])
def test_what_is_exported_says_on_whose_terms(model: str, finished: Path) -> None:
    card = json.loads((finished / "my_models" / model / "1" / "card.json").read_text())
    assert "not for commercial use" in card["licences"]["model"]
    assert "hand_template" not in card["sha256"]
    assert not {"root", "mano", "cache"} & set(card["recipe"]["data"])
    assert card["scores"]


@pytest.mark.triton
@pytest.mark.slow
def test_what_is_exported_is_served(finished: Path, tmp_path: Path) -> None:
    with served(finished / "my_models", tmp_path / "log") as run:
        wait_until_ready(run)
        answer = orjson.loads(reconstruct(run.port))
    assert len(answer["joints"]) == 21


def test_hanco_is_trained_on_as_well(hanco: Path, mano: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "hanco.toml"
    recipe.write_text(SMALL.format(cache="", rest=""), encoding="utf-8")
    words: list[str | Path] = ["train", recipe, "--dataset", "hanco", "--data", hanco, "--mano", mano]
    assert run(*words, "--out", tmp_path / "run", "--steps", "1") == 0


@pytest.mark.parametrize(
    ("mano_words", "complaint"),
    [
        ([], "name the folder of its files"),
        (["--mano", "nowhere"], "nowhere/MANO_RIGHT.pkl: is not readable: No such file or directory"),
    ],
)
def test_without_mano_the_labels_cannot_be_read(
    mano_words: list[str],
    complaint: str,
    dexycb: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words: list[str | Path] = ["train", "smoke", "--dataset", "dexycb", "--data", dexycb]
    words += ["--out", tmp_path / "run"]
    assert run(*words, *mano_words) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_file_of_the_other_side_is_refused(
    dexycb: Path, mano: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, other in (("MANO_RIGHT.pkl", "MANO_LEFT.pkl"), ("MANO_LEFT.pkl", "MANO_RIGHT.pkl")):
        (tmp_path / name).write_bytes((mano / other).read_bytes())
    words: list[str | Path] = ["train", "smoke", "--dataset", "dexycb", "--data", dexycb]
    assert run(*words, "--mano", tmp_path, "--out", tmp_path / "run") == 2
    assert "v_template: is a left hand, a right one is wanted" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
