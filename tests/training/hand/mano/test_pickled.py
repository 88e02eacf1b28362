"""Laws of reading a pickle: the values come out, and nothing of it ever runs."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from tests.training.hand.mano.fabricated import Ch, Fields, Select, python2_pickle, released
from training.hand.mano.pickled import NumberTypeRecord, Record, as_array, read_records

ARRAYS = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "kintree_table", "hands_components")


class Call:
    """Pickles as the call of something."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def arrays_of(content: bytes) -> dict[str, NDArray[Any]]:
    records = read_records(content)
    assert isinstance(records, dict)
    return {name: as_array(records[name]) for name in ARRAYS}


def test_a_released_file_gives_its_arrays(fields: Fields) -> None:
    for name, array in arrays_of(python2_pickle(released(fields))).items():
        np.testing.assert_array_equal(array, fields[name], err_msg=name)
        assert array.dtype == fields[name].dtype


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_file_saved_again_without_chumpy_gives_its_arrays(fields: Fields, protocol: int) -> None:
    plain = {**fields, "J_regressor": csc_matrix(fields["J_regressor"]), "scale": np.float64(2.5)}
    content = pickle.dumps(plain, protocol=protocol)
    for name, array in arrays_of(content).items():
        np.testing.assert_array_equal(array, fields[name], err_msg=name)
    records = read_records(content)
    assert isinstance(records, dict)
    assert as_array(records["scale"]) == 2.5


def test_reading_makes_plain_values_and_records_alone(fields: Fields) -> None:
    records = read_records(python2_pickle(released(fields)))
    assert isinstance(records, dict)
    kinds = {type(value) for value in records.values()}
    assert all(kind is str or issubclass(kind, Record) for kind in kinds)
    assert not [name for name in sys.modules if name.split(".")[0] == "chumpy"]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">f8").reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.array(7, dtype=np.uint8),
    ],
    ids=["big endian", "columns first", "no axes"],
)
def test_arrays_come_out_as_they_went_in(array: NDArray[Any]) -> None:
    for content in (python2_pickle(array), pickle.dumps(array, protocol=2)):
        np.testing.assert_array_equal(as_array(read_records(content)), array)


def test_a_selection_of_a_selection_is_read() -> None:
    numbers = np.arange(10.0)
    inner = Select(Ch(numbers), np.array([9, 8, 7, 6]), (2, 2))
    outer = Select(inner, np.array([3, 0]), (2,))
    np.testing.assert_array_equal(as_array(read_records(python2_pickle(outer))), [6.0, 9.0])


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.mkdir, r"(posix|nt)\.mkdir"),
        (exec, r"builtins\.exec|__builtin__\.exec"),
        (np.load, r"numpy\.load"),
    ],
)
def test_what_a_file_calls_is_refused_by_name_and_not_called(
    fields: Fields, tmp_path: Path, function: Callable[..., object], name: str, protocol: int
) -> None:
    trap = tmp_path / "trap"
    argument = f"import os; os.mkdir({str(trap)!r})" if function is exec else str(trap)
    content = pickle.dumps({**fields, "bs_style": Call(function, argument)}, protocol=protocol)
    with pytest.raises(ValueError, match=f"it names ({name}), which is refused"):
        read_records(content)
    assert not trap.exists()


def test_the_trap_would_have_sprung(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    pickle.loads(pickle.dumps(Call(os.mkdir, str(trap))))
    assert trap.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x8c\x05numpy\x94\x8c\x0edtype.__init__\x94\x93.",  # an attribute of something known
        b"\x80\x02cscipy.sparse.csr\ncsr_matrix\n.",  # known, but not needed
        b"\x80\x02ccopy_reg\n_reconstructor\n.",
        b"\x80\x02Pnumber one\n.",  # a persistent id
        b"\x80\x02\x82\x01.",  # a registered extension
        b"",
        b"no pickle at all",
    ],
)
def test_other_ways_to_something_foreign_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a readable pickle of MANO"):
        read_records(content)


def test_a_file_cannot_change_the_classes_of_its_records() -> None:
    before = dict(vars(NumberTypeRecord))
    content = (
        b"\x80\x02cnumpy\ndtype\n}X\x0b\x00\x00\x00number_typeK\x01sb."  # gives the class itself a state
    )
    with pytest.raises(ValueError, match="not a readable pickle"):
        read_records(content)
    assert dict(vars(NumberTypeRecord)) == before


def endless_selection() -> Select:
    selection = Select(None, np.array([0]), (1,))
    selection.a = selection
    return selection


@pytest.mark.parametrize(
    "value",
    [
        np.array([{}, None], dtype=object),
        np.array(["a"]),
        np.array([1j]),
        [1.0, 2.0],
        {1.0},
        Ch([1.0]),  # type: ignore[arg-type]
        Select(Ch(np.zeros(3)), np.array([3]), (1,)),
        Select(Ch(np.zeros(3)), np.array([0]), (5, 5)),
        endless_selection(),
    ],
    ids=[
        "objects",
        "text",
        "complex",
        "list",
        "set",
        "list in chumpy",
        "out of range",
        "shape",
        "endless",
    ],
)
def test_what_is_no_array_of_numbers_is_refused(value: object) -> None:
    records = read_records(python2_pickle(value))
    with pytest.raises(ValueError, match="array"):
        as_array(records)


@pytest.mark.parametrize("starts", [[0, 1, 2, 2000], [0, 1, 2, 3, 3], [0, 2, 1, 3], [0, 1, 2, 2]])
def test_columns_that_hold_other_numbers_than_there_are_take_no_memory(starts: list[int]) -> None:
    matrix = csc_matrix(np.eye(3))
    matrix.indptr = np.array(starts, dtype=np.int32)
    with pytest.raises(ValueError, match="has columns of other lengths"):
        as_array(read_records(python2_pickle(matrix)))


def test_a_row_outside_a_sparse_matrix_is_refused() -> None:
    matrix = csc_matrix(np.eye(3))
    matrix.indices = np.array([0, 1, 3], dtype=np.int32)
    with pytest.raises(ValueError, match="out of bounds"):
        as_array(read_records(python2_pickle(matrix)))
