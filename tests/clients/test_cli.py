"""`simahand`: files out, one line on stderr and an exit code when not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sima_hand_client.cli import main

from deploy.bench.null_engine import constant_mesh
from deploy.bench.processes import free_port


def test_everything_that_is_asked_for_is_written(gateway_url: str, photo_file: Path, tmp_path: Path) -> None:
    glb, overlay, view, document = (tmp_path / name for name in ("h.glb", "o.png", "v.png", "h.json"))
    outputs = ["-o", str(glb), "--overlay", str(overlay), "--view", str(view), "--json", str(document)]
    assert main([str(photo_file), *outputs, "--server", gateway_url, "--box", "10,20,100,120"]) == 0
    assert glb.read_bytes().startswith(b"glTF")
    with Image.open(overlay) as drawn_over, Image.open(view) as alone:
        assert drawn_over.size == (640, 480)
        assert alone.format == "PNG"
    vertices_root_m = json.loads(document.read_text())["vertices_root_m"]
    np.testing.assert_array_equal(np.float32(vertices_root_m), constant_mesh().vertices_root_m)


def test_without_an_output_it_says_what_it_saw(
    gateway_url: str, photo_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMAHAND_SERVER", gateway_url)
    assert main([str(photo_file), "--hand", "left"]) == 0
    assert capsys.readouterr().out.startswith("left hand by svr_hand version 1: 778 vertices")


@pytest.mark.parametrize(
    "arguments",
    [[], ["photo.jpg", "--hand", "both"], ["photo.jpg", "--box", "1,2,3"], ["a.jpg", "--nothing"]],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: simahand" in capsys.readouterr().err


def failure(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a command that fails; return its exit code and the one line it says."""
    code = main(arguments)
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("simahand: ")
    return code, line


def test_a_photo_that_is_not_there_is_3(capsys: pytest.CaptureFixture[str], gateway_url: str) -> None:
    code, line = failure(["nothing.jpg", "--server", gateway_url], capsys)
    assert code == 3
    assert "nothing.jpg" in line


def test_a_photo_that_is_none_is_3(
    capsys: pytest.CaptureFixture[str], gateway_url: str, tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    code, line = failure([str(tmp_path / "text.jpg"), "--server", gateway_url], capsys)
    assert code == 3
    assert "not those of a JPEG, PNG or WebP" in line


def test_no_service_is_4(capsys: pytest.CaptureFixture[str], photo_file: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    code, line = failure([str(photo_file), "--server", url], capsys)
    assert code == 4
    assert url in line


def test_an_output_that_cannot_be_written_is_3(
    capsys: pytest.CaptureFixture[str], gateway_url: str, photo_file: Path, tmp_path: Path
) -> None:
    code, _ = failure(
        [str(photo_file), "-o", str(tmp_path / "no" / "h.glb"), "--server", gateway_url], capsys
    )
    assert code == 3
