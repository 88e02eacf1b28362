"""The `summary` verb."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from training.networks.summary import add_arguments, run, summarise

SMALL = """
[network]
trunk_channels = 8
latent_channels = 8
decoder_channels = [8, 8, 8, 8]
attention_heads = 1
attention_head_channels = 8
"""


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return str(path)


def test_the_paper_s_counts() -> None:
    summary = summarise("svr_paper")
    assert summary.parameters == 78_421_046
    assert summary.parameters_thop == 78_420_017
    # 1.645 and 1.6516 G less the means of the gates, which are taken after pooling here and not before.
    assert summary.multiply_accumulates_fvcore == pytest.approx(1.645e9, rel=1e-3)
    assert summary.multiply_accumulates_thop == pytest.approx(1.6516e9, rel=1e-3)


def test_the_compact_network_keeps_its_bounds() -> None:
    summary = summarise("svr_compact")
    assert summary.parameters <= 11_200_000  # 45 MB in fp32
    assert summary.multiply_accumulates_fvcore <= 500_000_000


def test_the_modules_make_up_the_whole(recipe: str) -> None:
    summary = summarise(recipe)
    assert sum(module.parameters for module in summary.modules) == summary.parameters


def test_json_holds_what_the_table_shows(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(arguments(recipe, "--json"))
    written = json.loads(capsys.readouterr().out)
    run(arguments(recipe))
    table = capsys.readouterr().out
    assert f"{written['parameters']:,}" in table
    assert all(module["name"] in table for module in written["modules"])
    assert written["images_per_second"] is None


def test_speed_is_measured_when_asked_for(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(arguments(recipe, "--speed", "--json"))
    assert json.loads(capsys.readouterr().out)["images_per_second"] > 0


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="no recipe 'nothing'"):
        run(arguments("nothing"))
