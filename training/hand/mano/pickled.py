"""Reads a pickle without running any of it.

A pickle is a program that names callables and has them called. Here a name stands for an inert `Record`,
which keeps what it is called with and given; nothing of numpy, scipy or chumpy runs while the file is read,
and a name that MANO's files do not need is refused. `as_array` then computes what the records mean.
"""

from __future__ import annotations

import io
import pickle
import re
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_NUMBER_TYPE = re.compile(r"[iuf][1248]")


class Record:
    """What a pickle says of one object: the arguments it is made with, and the state it is given."""

    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: object) -> Record:
        """Keep the arguments; an object that is built from its state alone has none."""
        record = super().__new__(cls)
        record.arguments = arguments
        record.state = None
        return record

    def __setstate__(self, state: object) -> None:
        self.state = state

    def array(self) -> Array:
        """Return the array that the record describes.

        Raises:
            ValueError: It describes none.
        """
        raise ValueError(f"{type(self).__name__} is not an array")


class BytesRecord(Record):
    """`_codecs.encode(text, "latin1")`: how Python 3 writes bytes for Python 2."""

    def content(self) -> bytes:
        """Return the bytes."""
        text, _ = self.arguments
        return _bytes(text)


class NumberTypeRecord(Record):
    """`numpy.dtype`."""

    def number_type(self) -> np.dtype[Any]:
        """Return the type of number.

        Raises:
            ValueError: It is not one of plain numbers: objects must not come in this way.
        """
        code, byte_order = str(self.arguments[0]), self.state[1]
        if not _NUMBER_TYPE.fullmatch(code) or byte_order not in ("<", ">", "|"):
            raise ValueError(f"numbers of type {byte_order}{code} are not read")
        number_type: np.dtype[Any] = np.dtype(byte_order + code)
        return number_type


class ScalarRecord(Record):
    """`numpy.core.multiarray.scalar(dtype, bytes)`."""

    def array(self) -> Array:
        """Return the number, ()."""
        number_type, content = self.arguments
        return np.frombuffer(_bytes(content), dtype=number_type.number_type()).reshape(())


class ArrayRecord(Record):
    """`numpy.core.multiarray._reconstruct`, with the state of an array."""

    def array(self) -> Array:
        """Return the array, of the shape that the state says."""
        _, shape, number_type, columns_first, content = self.state
        numbers = np.frombuffer(_bytes(content), dtype=number_type.number_type())
        return numbers.reshape(shape, order="F" if columns_first else "C")


class SparseColumnsRecord(Record):
    """`scipy.sparse.csc_matrix`."""

    def array(self) -> Array:
        """Return the matrix with its zeros."""
        values, rows, starts = (_array_of(self.state[name]) for name in ("data", "indices", "indptr"))
        dense = np.zeros(self.state["_shape"], dtype=values.dtype)
        lengths = np.diff(starts)
        # The lengths are numbers of the file: unchecked, they would say how much memory to take.
        if len(lengths) != dense.shape[1] or (lengths < 0).any() or lengths.sum() != len(values):
            raise ValueError(f"a sparse matrix of shape {dense.shape} has columns of other lengths")
        np.add.at(dense, (rows, np.repeat(np.arange(len(lengths)), lengths)), values)
        return dense


class ChumpyRecord(Record):
    """`chumpy.ch.Ch`: an array `x` that could be differentiated."""

    def array(self) -> Array:
        """Return the array."""
        return _array_of(self.state["x"])


class ChumpySelectRecord(Record):
    """`chumpy.reordering.Select`: numbers `idxs` of the flattened `a`, in a shape of their own."""

    def array(self) -> Array:
        """Return the selected numbers."""
        selected = _array_of(self.state["a"]).ravel()[_array_of(self.state["idxs"])]
        return selected.reshape(self.state.get("preferred_shape", selected.shape))


_RECORDS: dict[tuple[str, str], type[Record]] = {
    ("__builtin__", "set"): Record,
    ("builtins", "set"): Record,
    ("_codecs", "encode"): BytesRecord,
    ("numpy", "dtype"): NumberTypeRecord,
    ("numpy", "ndarray"): Record,
    ("numpy.core.multiarray", "_reconstruct"): ArrayRecord,
    ("numpy._core.multiarray", "_reconstruct"): ArrayRecord,
    ("numpy.core.multiarray", "scalar"): ScalarRecord,
    ("numpy._core.multiarray", "scalar"): ScalarRecord,
    ("scipy.sparse.csc", "csc_matrix"): SparseColumnsRecord,
    ("scipy.sparse._csc", "csc_matrix"): SparseColumnsRecord,
    ("chumpy.ch", "Ch"): ChumpyRecord,
    ("chumpy.reordering", "Select"): ChumpySelectRecord,
}
"""Every name that may stand in a file: those of the released ones, and of these saved again by Python 3."""


class _RecordUnpickler(pickle.Unpickler):
    known: ClassVar = _RECORDS

    def find_class(self, module_name: str, global_name: str) -> type[Record]:
        record = self.known.get((module_name, global_name))
        if record is None:
            raise ValueError(f"it names {module_name}.{global_name}, which is refused")
        return record


def read_records(content: bytes) -> object:
    """Return what a pickle holds, with a `Record` in the place of everything that is no plain value.

    Strings of Python 2 are read as latin-1. No callable that the file names is looked up, let alone called.

    Raises:
        ValueError: The pickle is damaged, or names something that MANO's files do not need.
    """
    try:
        return _RecordUnpickler(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # a damaged pickle fails in nearly every way that there is
        raise ValueError(f"not a readable pickle of MANO: {error}") from error


def as_array(value: object) -> Array:
    """Return the array that a value of a pickle describes.

    Raises:
        ValueError: It describes none, or contradicts itself.
    """
    try:
        return _array_of(value)
    except Exception as error:  # a record holds what the file likes, so that anything may fail
        raise ValueError(f"not a readable array: {error}") from error


def _array_of(value: object) -> Array:
    if not isinstance(value, Record):
        raise ValueError(f"{type(value).__name__} is not an array")
    return value.array()


def _bytes(value: object) -> bytes:
    if isinstance(value, BytesRecord):
        return value.content()
    if isinstance(value, str):  # a string of Python 2
        return value.encode("latin1")
    if not isinstance(value, bytes):
        raise ValueError(f"{type(value).__name__} is not a string of bytes")
    return value
