"""The bulk job from the command line, with a real Ray and a real Triton: killed, gone on, and right."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.triton.install import CHECKOUT
from deploy.triton.server import TritonServer
from tests.service.conftest import gateway_process
from tests.service.pictures import encoded, picture, with_orientation

pytestmark = [pytest.mark.triton, pytest.mark.slow]

GOOD = 90
BAD = {"cut.jpg": encoded(picture(90, 90), "JPEG")[:400], "sub/text.png": b"not a picture", "empty.webp": b""}
KILL_TIMEOUT_S = 120.0


def image(number: int) -> bytes:
    return with_orientation(picture(90, 70, seed=number % 7), 1 + number % 8)


def command(triton: TritonServer, source: Path, output: Path) -> list[str]:
    return [
        sys.executable, "-m", "deploy.bulk", str(source), str(output), "--triton-url", triton.grpc_url,
        "--repository", str(triton.repository), "--measure-s", "0.5", "--block-rows", "8", "--cpus", "2",
    ]  # fmt: skip


def run(triton: TritonServer, source: Path, output: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(triton, source, output), cwd=CHECKOUT, capture_output=True, text=True)


def parts(output: Path, kind: str) -> list[Path]:
    return sorted((output / kind).glob("*.parquet"))


def rows(output: Path, kind: str) -> dict[str, dict[str, Any]]:
    """Return all rows by name; no name is there twice."""
    found = [row for part in parts(output, kind) for row in pq.read_table(part).to_pylist()]
    assert len({row["source"] for row in found}) == len(found)
    return {row["source"]: row for row in found}


def kill_after_its_first_part(triton: TritonServer, source: Path, output: Path) -> None:
    process = subprocess.Popen(command(triton, source, output), cwd=CHECKOUT, start_new_session=True)
    deadline_s = time.monotonic() + KILL_TIMEOUT_S
    try:
        while not parts(output, "meshes"):
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()


def test_a_directory_whose_job_is_killed_and_gone_on_with(triton: TritonServer, tmp_path: Path) -> None:
    source, output = tmp_path / "photos", tmp_path / "meshes"
    good = {f"sub/{number:03}.jpg": image(number) for number in range(GOOD)}
    for name, data in {**good, **BAD}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    (source / "notes.txt").write_text("no picture, and none of ours")

    kill_after_its_first_part(triton, source, output)
    kept = rows(output, "meshes")
    assert 0 < len(kept) < GOOD
    (output / "meshes" / "part-000099.incoming").write_bytes(b"half a part, as a kill may leave it")

    done = run(triton, source, output)
    assert done.returncode == 3, done.stderr
    assert rows(output, "meshes").keys() == good.keys()
    assert rows(output, "failed").keys() == BAD.keys()
    assert not list(output.rglob("*.incoming"))
    for name, row in kept.items():
        assert rows(output, "meshes")[name] == row, "what was done is left as it was"
    report = list(csv.reader(io.StringIO((output / "failed.csv").read_text())))
    assert [row[0] for row in report] == ["source", *sorted(BAD)]
    assert all(name in done.stdout for name in BAD)
    assert f"{len(good) + len(BAD)} rows" in done.stdout
    assert "images/s" in done.stdout
    assert "Triton alone" in done.stdout

    written = {part: part.stat().st_mtime_ns for part in parts(output, "meshes")}
    again = run(triton, source, output)
    assert "0 meshes and 0 failures now" in again.stdout
    assert {part: part.stat().st_mtime_ns for part in parts(output, "meshes")} == written


def test_parquet_gives_what_the_gateway_answers(triton: TritonServer, tmp_path: Path) -> None:
    jpeg = encoded(picture(120, 100), "JPEG")
    table = pa.table(
        {
            "source": ["a", "b", "c", "box", "foot", "none", "a"],
            "image": [jpeg, jpeg, jpeg, jpeg, jpeg, None, image(3)],
            "hand": [None, "left", "right", "right", "foot", None, None],
            "box": [None, None, "20,10,60,70", "900,0,9,9", None, None, None],
        }
    )
    pq.write_table(table, tmp_path / "photos.parquet")
    done = run(triton, tmp_path / "photos.parquet", tmp_path / "out")
    assert done.returncode == 3, done.stderr
    assert "1 rows left out" in done.stdout
    found, failed = rows(tmp_path / "out", "meshes"), rows(tmp_path / "out", "failed")
    assert {name: row["problem"] for name, row in failed.items()} == {
        "box": "bad-box", "foot": "invalid-parameter", "none": "unreadable-image",
    }  # fmt: skip
    asked: dict[str, dict[str, str]] = {"a": {}, "b": {"hand": "left"}, "c": {"box": "20,10,60,70"}}
    assert found.keys() == asked.keys()
    settings = {"TRITON_URL": triton.grpc_url, "MODEL_REPOSITORY": str(triton.repository), "DEADLINE_S": "30"}
    with gateway_process(settings) as client:
        for name, parameters in asked.items():
            answer = answered(client, jpeg, parameters)
            for column in ("vertices", "joints", "rotation", "joints_2d"):
                flat = np.asarray(found[name][column], np.float32)
                np.testing.assert_allclose(flat, np.ravel(answer[column]), atol=1e-4)
            assert [found[name]["model"], found[name]["version"]] == list(answer["model"].values())


def answered(client: httpx.Client, jpeg: bytes, parameters: dict[str, str]) -> dict[str, Any]:
    answer = client.post(
        "/v1/reconstruct", content=jpeg, headers={"content-type": "image/jpeg"}, params=parameters
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
