"""The study of the paper's claim: every arm builds, and differs from its base in the key that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from training.config import as_dict, load_recipe
from training.hand.template import load_template
from training.networks.build import build_any
from training.study.plan import Arm, load_study
from training.study.table import as_page
from training.toml_tables import differing

DOCS = Path(__file__).parents[3] / "docs"
STUDY = load_study("claim")
COMPARED = [arm for name, arm in STUDY.arms.items() if name != "encoder"]
PICTURES_A_STEP = 64
RIVALS = {
    "h2onet": {"network.mapping", "network.orientation_fusion", "network.rotation_layers"},
    "mobrecon": {"network.mesh_convolution", "network.frame", "stages"},
}


def keys(values: dict[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from keys(value, f"{under}{key}.")
        else:
            yield f"{under}{key}", value


@pytest.mark.parametrize("arm", STUDY.arms.values(), ids=STUDY.arms)
def test_every_arm_builds(arm: Arm) -> None:
    with torch.device("meta"):
        build_any(arm.config.network, load_template().topology)


@pytest.mark.parametrize("arm", COMPARED, ids=lambda arm: arm.name)
def test_an_arm_differs_from_its_base_in_what_it_names(arm: Arm) -> None:
    base, own = as_dict(load_recipe("svr_small")), as_dict(arm.config)
    expected = RIVALS.get(arm.name, {key for key, _ in keys(arm.described.change)})
    assert differing(base, own).keys() == expected
    assert not (arm.name in RIVALS and arm.described.change)


@pytest.mark.parametrize("arm", COMPARED, ids=lambda arm: arm.name)
def test_every_arm_has_the_same_budget_and_start(arm: Arm) -> None:
    (stage,) = arm.config.stages
    (base,) = load_recipe("svr_small").stages
    assert (stage.steps, stage.learning_rate, stage.schedule) == (
        base.steps,
        base.learning_rate,
        base.schedule,
    )
    assert arm.config.data.views * stage.batch_size == PICTURES_A_STEP
    assert arm.described.init == "encoder"


def test_the_encoder_s_run_has_the_shape_of_all() -> None:
    encoder = STUDY.arms["encoder"].config
    assert encoder.network == load_recipe("svr_small").network
    assert [stage.scope for stage in encoder.stages] == ["shape"]
    assert encoder.data.views * encoder.stages[0].batch_size == PICTURES_A_STEP


def test_every_student_has_the_teacher_of_its_row() -> None:
    taught = {name: arm.described.teacher for name, arm in STUDY.arms.items() if arm.described.teacher}
    assert taught == {"svr_sima": "mvr", "svr_sima_cat": "mvr_cat", "svr_sima_pool": "mvr_pool"}


def test_every_compared_arm_stands_beside_a_row_of_the_paper() -> None:
    rows = [arm.described.paper.row for arm in COMPARED]
    assert all(rows)
    assert {row for row in rows if row.startswith("Table 5")} == {
        f"Table 5 ({number})" for number in ("iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
    }


def test_the_published_tables_are_those_of_the_published_results() -> None:
    runs = STUDY.runs(list(STUDY.arms), STUDY.seeds, DOCS / "claim")
    assert as_page(runs) in (DOCS / "accuracy.md").read_text(encoding="utf-8")
