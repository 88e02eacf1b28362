"""What a faulty file is told, and what is not in this repository."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.training.hand.mano.fabricated import Fields, python2_pickle, write_released
from training.hand.mano import load_mano
from training.hand.mano.parameters import read_parameters

NEEDED = (
    "v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "hands_mean",
    "hands_components",
)  # fmt: skip
REAL = tuple(name for name in NEEDED if name not in ("f", "kintree_table"))


def refusal(folder: Path, fields: Fields) -> str:
    """Return what is said of a file with these fields; it must name the file."""
    path = write_released(folder / "MANO_RIGHT.pkl", fields)
    with pytest.raises(ValueError, match=re.escape(str(path))) as refused:
        load_mano(path, side="right")
    return str(refused.value).removeprefix(f"{path}: ")


def spoiled(fields: Fields, name: str, spoil: Callable[[np.ndarray], object]) -> Fields:
    """Return fields of which one is changed in place, or is what `spoil` returns."""
    array = fields[name].copy()
    replaced = spoil(array)
    return {**fields, name: array if replaced is None else replaced}


def test_the_fields_reach_the_parameters(right_file: Path, fields: Fields) -> None:
    parameters = read_parameters(right_file, side="right")
    np.testing.assert_array_equal(parameters.template_m, fields["v_template"])
    np.testing.assert_array_equal(parameters.shape_basis_m, fields["shapedirs"])
    np.testing.assert_array_equal(parameters.pose_basis_m, fields["posedirs"])
    np.testing.assert_array_equal(parameters.joint_regressor, fields["J_regressor"])
    np.testing.assert_array_equal(parameters.weights, fields["weights"])
    np.testing.assert_array_equal(parameters.faces, fields["f"])
    np.testing.assert_array_equal(parameters.mean_articulation, fields["hands_mean"])
    np.testing.assert_array_equal(parameters.components, fields["hands_components"])


def test_the_other_side_is_refused(right_file: Path, left_file: Path) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(str(left_file))}: v_template: is a left hand"):
        load_mano(left_file, side="right")
    with pytest.raises(ValueError, match=f"{re.escape(str(right_file))}: v_template: is a right hand"):
        load_mano(right_file, side="left")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "MANO_RIGHT.pkl"
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: is not readable: No such file"):
        load_mano(path, side="right")


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_field_is_named(tmp_path: Path, fields: Fields, name: str) -> None:
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(python2_pickle({key: value for key, value in fields.items() if key != name}))
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: {name}: missing"):
        load_mano(path, side="right")


@pytest.mark.parametrize("name", NEEDED)
def test_a_field_of_another_shape_is_named(tmp_path: Path, fields: Fields, name: str) -> None:
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(python2_pickle({**fields, name: fields[name][:-1]}))
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: {name}: has shape"):
        load_mano(path, side="right")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", REAL)
def test_a_number_that_is_not_finite_is_named(
    tmp_path: Path, fields: Fields, name: str, value: float
) -> None:
    def spoil(array: np.ndarray) -> None:
        array.flat[array.size // 2] = value

    assert refusal(tmp_path, spoiled(fields, name, spoil)) == f"{name}: 1 numbers are not finite"


@pytest.mark.parametrize("name", ["weights", "J_regressor"])
def test_shares_that_do_not_sum_to_one_are_named(tmp_path: Path, fields: Fields, name: str) -> None:
    def spoil(array: np.ndarray) -> None:
        array[5] *= 1.5

    assert refusal(tmp_path, spoiled(fields, name, spoil)) == f"{name}: row 5 sums to 1.5000, not 1"


def test_faces_that_make_no_surface_are_named(tmp_path: Path, fields: Fields) -> None:
    def turn(faces: np.ndarray) -> None:
        faces[100] = faces[100][::-1]

    def leave(faces: np.ndarray) -> None:
        faces[100, 1] = 778

    assert "same direction" in refusal(tmp_path, spoiled(fields, "f", turn))
    assert "[0, 778)" in refusal(tmp_path, spoiled(fields, "f", leave))
    assert "whole numbers" in refusal(tmp_path, {**fields, "f": fields["f"].astype(np.float64)})


def test_another_skeleton_is_named(tmp_path: Path, fields: Fields) -> None:
    def hang_elsewhere(table: np.ndarray) -> None:
        table[0, 4] = 3

    assert refusal(tmp_path, spoiled(fields, "kintree_table", hang_elsewhere)).startswith("kintree_table: ")


@pytest.mark.parametrize("root", [-1, 4294967295])
def test_the_root_may_write_its_parent_in_any_width(tmp_path: Path, fields: Fields, root: int) -> None:
    def write_root(table: np.ndarray) -> None:
        table[0, 0] = root

    path = write_released(tmp_path / "MANO_RIGHT.pkl", spoiled(fields, "kintree_table", write_root))
    assert load_mano(path, side="right").side == "right"


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.999999])
def test_a_truncated_file_is_named(tmp_path: Path, right_file: Path, share: float) -> None:
    path, content = tmp_path / "MANO_RIGHT.pkl", right_file.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: not a readable pickle"):
        load_mano(path, side="right")


def test_a_pickle_of_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(python2_pickle([1, 2]))
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: holds a list"):
        load_mano(path, side="right")


def test_a_field_that_is_no_array_is_named(tmp_path: Path, fields: Fields) -> None:
    path = tmp_path / "MANO_RIGHT.pkl"
    path.write_bytes(python2_pickle({**fields, "hands_mean": "relaxed"}))
    with pytest.raises(ValueError, match="hands_mean: not a readable array: str is not an array"):
        load_mano(path, side="right")


def test_the_repository_holds_no_file_of_mano() -> None:
    root = next(parent for parent in Path(__file__).parents if (parent / "pyproject.toml").is_file())
    listing = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True)
    names = [Path(line).name.lower() for line in listing.stdout.splitlines()]
    assert "pyproject.toml" in names
    data = [name for name in names if not name.endswith((".py", ".md"))]
    assert not [name for name in data if name.endswith((".pkl", ".pickle")) or "mano" in name]
