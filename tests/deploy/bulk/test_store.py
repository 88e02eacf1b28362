"""What the bulk job writes, and the inputs and outputs that it refuses, without Ray and Triton."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.bulk.__main__ import main
from deploy.bulk.source import SourceError, open_source
from deploy.bulk.store import FAILED, Store, StoreError, mesh_schema, open_store
from deploy.triton.install import CHECKOUT
from service.contract import ModelContract, load_contract


@pytest.fixture(scope="module")
def contract() -> ModelContract:
    return load_contract(CHECKOUT / "model_repository", "svr_hand")


def meshes(schema: pa.Schema, *names: str) -> pa.Table:
    sizes = {field.name: field.type.list_size for field in schema if pa.types.is_fixed_size_list(field.type)}
    rows = [
        {"source": name, "hand": "right", "model": "svr_hand", "version": "1"}
        | {column: [0.5] * size for column, size in sizes.items()}
        for name in names
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def failures(*names: str) -> pa.Table:
    rows = [{"source": name, "problem": "bad-box", "detail": "it is, bad"} for name in names]
    return pa.Table.from_pylist(rows, schema=FAILED)


def add(store: Store, schema: pa.Schema, good: str, bad: str) -> tuple[int, int]:
    return store.write(meshes(schema, *good), failures(*bad))


def test_a_name_is_written_once_whoever_writes_it(tmp_path: Path, contract: ModelContract) -> None:
    schema = mesh_schema(contract)
    with open_store(tmp_path, contract) as store:
        assert add(store, schema, "aab", "c") == (1, 2)
        assert add(store, schema, "acd", "be") == (1, 1)
    with open_store(tmp_path, contract) as store:
        assert store.sources == frozenset("abcde")
        assert add(store, schema, "abcde", "abcde") == (0, 0)
        assert [name for name, _, _ in store.report()] == ["c", "e"]
        store.forget_failed()
        assert store.sources == frozenset({"a", "b", "d"})
        assert add(store, schema, "c", "") == (0, 1)
    table = pq.read_table(tmp_path / "meshes")
    assert sorted(table["source"].to_pylist()) == ["a", "b", "c", "d"]
    assert table.schema.field("vertices").type == pa.list_(pa.float32(), 778 * 3)
    assert (
        b"wrist at the origin"
        in pq.read_schema(tmp_path / "meshes" / "part-000000.parquet").metadata[b"simahand"]
    )


def test_two_jobs_do_not_write_to_one_place(tmp_path: Path, contract: ModelContract) -> None:
    with (
        open_store(tmp_path, contract),
        pytest.raises(StoreError, match="another job"),
        open_store(tmp_path, contract),
    ):
        raise AssertionError("opened")
    with open_store(tmp_path, contract) as store:
        assert not store.sources


def test_meshes_of_another_contract_are_not_mixed(tmp_path: Path, contract: ModelContract) -> None:
    with open_store(tmp_path, contract) as store:
        add(store, mesh_schema(contract), "a", "")
    other = contract.model_copy(update={"model": "another"})
    with pytest.raises(StoreError, match="another contract"), open_store(tmp_path, other):
        raise AssertionError("opened")


def test_an_input_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.parquet").write_bytes(b"PAR?")
    pq.write_table(pa.table({"source": [1], "image": [b""]}), tmp_path / "numbers.parquet")
    pq.write_table(pa.table({"name": ["a"]}), tmp_path / "names.parquet")
    boxes = {"source": ["a"], "image": [b""], "box": [4]}
    pq.write_table(pa.table(boxes), tmp_path / "boxes.parquet")
    for name, says in {
        "none": "there is no", "empty": "neither pictures", "bad.parquet": "as Parquet",
        "numbers.parquet": "'source'",
        "names.parquet": "'source'", "boxes.parquet": "'box'",
    }.items():  # fmt: skip
        with pytest.raises(SourceError, match=says):
            open_source(tmp_path / name)


def test_a_job_that_cannot_begin_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none"), str(tmp_path / "out"), "--measure-s", "0"]) == 1
    assert "there is no" in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path / "out"), "--triton-url", "localhost:1"]) == 1
    assert "Triton is not ready" in capsys.readouterr().err
