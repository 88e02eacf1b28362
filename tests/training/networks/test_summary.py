"""The `summary` verb."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from training.config import load_recipe
from training.networks.summary import (
    NetworkSummary,
    add_arguments,
    as_text,
    hands_per_second,
    run,
    summarise,
)

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


def summarised(recipe: str) -> NetworkSummary:
    return summarise(load_recipe(recipe).network, recipe=recipe)


@pytest.fixture(scope="module")
def paper() -> NetworkSummary:
    return summarised("svr_paper")


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return str(path)


def test_the_paper_s_counts(paper: NetworkSummary) -> None:
    assert paper.parameters == 78_421_046
    assert paper.parameters_released == 78_964_232
    assert paper.parameters_thop == 78_420_017
    # 1.645 and 1.6516 G less the means of the gates, which are taken after pooling here and not before.
    assert paper.multiply_accumulates_fvcore == pytest.approx(1.645e9, rel=1e-3)
    assert paper.multiply_accumulates_thop == pytest.approx(1.6516e9, rel=1e-3)


def test_the_multi_view_network_s_counts() -> None:
    summary = summarised("mvr_paper")
    assert summary.parameters == 30_295_094
    assert summary.parameters_released == 30_838_280
    assert summary.multiply_accumulates_thop == pytest.approx(4.08e9, rel=5e-3)


def test_the_modules_make_up_the_whole(paper: NetworkSummary) -> None:
    assert sum(module.parameters for module in paper.modules) == paper.parameters


def test_the_table_names_every_module(paper: NetworkSummary) -> None:
    table = as_text(paper)
    assert all(f"{module.name} " in table and f"{module.parameters:,}" in table for module in paper.modules)
    assert "78,421,046" in table
    assert "as released: 78,964,232 parameters" in table


def test_the_compact_network_keeps_its_bounds() -> None:
    summary = summarised("svr_compact")
    assert summary.parameters <= 11_200_000  # 45 MB in fp32
    assert summary.multiply_accumulates_fvcore <= 500_000_000


def test_json_is_the_summary(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(arguments(recipe, "--json"))
    written = json.loads(capsys.readouterr().out)
    assert written["parameters"] == sum(module["parameters"] for module in written["modules"])
    assert written["hands_per_second"] is None


def test_speed_is_measured(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.networks.summary.MEASURED_S", 0.05)
    assert hands_per_second(load_recipe(recipe).network) > 0


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="no recipe 'nothing'"):
        run(arguments("nothing"))
