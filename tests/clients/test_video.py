"""`simahand video.mp4` and `simahand bench`, against the real gateway."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from sima_hand_client import Box, HandClient, StreamReply
from sima_hand_client.cli import main
from sima_hand_client.streams.messages import Problem, TrackingState
from sima_hand_client.types import HandResult
from sima_hand_client.video import Answered, VideoFile, VideoQuestion, arrays_of, summary_of

from deploy.bench.processes import free_port

WIDTH_PX, HEIGHT_PX, FPS, COUNT = 160, 120, 12.5, 9


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A square that moves."""
    path = tmp_path_factory.mktemp("video") / "square.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH_PX, HEIGHT_PX))
    assert writer.isOpened()
    for number in range(COUNT):
        picture = np.full((HEIGHT_PX, WIDTH_PX, 3), 40, np.uint8)
        picture[30:80, 10 + 10 * number : 60 + 10 * number] = (0, 0, 250)  # BGR
        writer.write(picture)
    writer.release()
    return path


def test_frames_come_in_order_with_their_times(video: Path) -> None:
    file = VideoFile(video)
    frames = list(file)
    file.close()
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(COUNT) / FPS, atol=1e-6)
    for number, frame in enumerate(frames):
        picture = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        left_px = np.flatnonzero(picture[55, :, 2] > 145)[0]
        assert abs(int(left_px) - (10 + 10 * number)) <= 2


@pytest.mark.parametrize("transport", ["websocket", "grpc"])
def test_every_frame_is_answered(
    video: Path, gateway_url: str, tmp_path: Path, transport: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.npz"
    words = [str(video), "-o", str(output), "--server", gateway_url, "--transport", transport]
    assert main([*words, "--hand", "left", "--intrinsics", "200,200,80,60"]) == 0
    assert capsys.readouterr().out == f"left hand in {COUNT} of {COUNT} frames\n"
    with np.load(output) as arrays, HandClient(gateway_url) as client:
        model = client.model()
        np.testing.assert_allclose(arrays["time_s"], np.arange(COUNT) / FPS, atol=1e-6)
        assert arrays["vertices_root_m"].shape == (COUNT, 778, 3)
        assert arrays["joints_root_m"].shape == (COUNT, 21, 3)
        assert arrays["joints_px"].shape == (COUNT, 21, 2)
        assert arrays["rotation"].shape == (COUNT, 3, 3)
        assert arrays["translation_m"].shape == (COUNT, 3)
        assert not any(
            np.isnan(arrays[name]).any() for name in arrays.files if arrays[name].dtype.kind == "f"
        )
        np.testing.assert_array_equal(arrays["faces"], model.faces_of("left"))
        assert tuple(arrays["joint_names"]) == model.joint_names
        np.testing.assert_allclose(arrays["crop_px"], np.tile(arrays["crop_px"][:1], (COUNT, 1)))


def test_with_a_box_the_stream_tracks(
    video: Path, gateway_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The constant hand stays in the middle of whatever is cropped, so the crop stays near its box."""
    output = tmp_path / "out.npz"
    words = [str(video), "-o", str(output), "--server", gateway_url, "--box", "50,30,60,60", "--joints-only"]
    assert main([*words, "--smoothing", "low"]) == 0
    assert "right hand in" in capsys.readouterr().out
    with np.load(output) as arrays:
        assert "vertices_root_m" not in arrays
        np.testing.assert_allclose(arrays["crop_px"][0], [35, 15, 90, 90])
        assert np.any(arrays["crop_px"][1] != arrays["crop_px"][0])
        assert np.isfinite(arrays["joints_px"][0]).all()


def reply(
    hand: HandResult | None, tracking: TrackingState | None = None, slug: str = "bad-box"
) -> StreamReply:
    return StreamReply(
        frame_id=1, captured_at_us=1, dropped=0, age_ms=1.0, tracking=tracking, hand=hand,
        crop_px=None if hand is None else Box(1, 2, 3, 4),
        problem=Problem(slug=slug, detail="why") if hand is None else None,
    )  # fmt: skip


def test_frames_without_a_hand_are_nan(template_result: HandResult, gateway_url: str) -> None:
    replies = [reply(None), reply(template_result), reply(template_result, "lost"), reply(None, "lost")]
    with HandClient(gateway_url) as client:
        model = client.model()
    answered = [Answered(number / 10, one) for number, one in enumerate(replies)]
    arrays = arrays_of(answered, VideoQuestion(), model)
    for name in ("vertices_root_m", "joints_root_m", "joints_px", "rotation"):
        missing = np.isnan(arrays[name]).reshape(4, -1)
        assert missing.all(axis=1).tolist() == missing.any(axis=1).tolist() == [True, False, True, True]
    assert arrays["problem"].tolist() == ["bad-box", "", "hand-lost", "bad-box"]
    assert summary_of(arrays) == "right hand in 1 of 4 frames; bad-box in 2; hand-lost in 1"
    nothing = arrays_of(answered[:1], VideoQuestion(), model)
    assert summary_of(nothing) == "right hand in 0 of 1 frames; bad-box in 1"


def failure(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(words)
    captured = capsys.readouterr()
    assert captured.out == ""
    line = captured.err.splitlines()[-1]
    assert line.startswith("simahand: ")
    return code, line


def test_what_cannot_be_done_is_said(
    video: Path, gateway_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ["-o", str(tmp_path / "out.npz")]
    server = ["--server", gateway_url]
    code, line = failure([str(tmp_path / "none.mp4"), *output, *server], capsys)
    assert (code, "none.mp4" in line) == (3, True)
    code, line = failure([str(video), *output, *server, "--box", "500,500,10,10"], capsys)
    assert (code, "box" in line) == (3, True)
    nobody = f"http://127.0.0.1:{free_port()}"
    code, line = failure([str(video), *output, "--server", nobody], capsys)
    assert (code, nobody in line) == (4, True)
    code, line = failure(["bench", "--server", nobody], capsys)
    assert (code, nobody in line) == (4, True)
    assert not (tmp_path / "out.npz").exists()


def test_a_file_that_is_no_video_is_told_in_one_line(gateway_url: str, tmp_path: Path) -> None:
    """In a process of its own: the decoder would write to its stderr directly."""
    broken = tmp_path / "text.mp4"
    broken.write_text("no video")
    words = [str(broken), "-o", str(tmp_path / "out.npz"), "--server", gateway_url]
    done = subprocess.run([sys.executable, "-m", "sima_hand_client", *words], capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr == f"simahand: {broken} is no video that can be read\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.mp4"], "a video needs -o FILE.npz"),
        (["a.mp4", "-o", "a.glb"], "a video needs -o FILE.npz"),
        (["a.mp4", "-o", "a.npz", "--json", "a.json"], "are for photos"),
        (["a.jpg", "-o", "a.npz"], "a.jpg is no video"),
        (["a.jpg", "-o", "a.json"], "its output is .glb, and --json writes JSON"),
        (["bench", "--seconds", "0"], "expected a positive number"),
        (["bench", "--transport", "udp"], "invalid choice"),
    ],
)
def test_wrong_usage_is_2(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_the_benchmark_measures_each_way(gateway_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--server", gateway_url, "--seconds", "0.3"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["transport", "frames", "fps", "p50", "ms", "p99", "ms"]
    assert [row.split()[0] for row in rows] == ["rest", "grpc-unary", "websocket", "grpc"]
    for row in rows:
        count, fps, p50_ms, p99_ms = map(float, row.split()[1:])
        assert count >= 1
        assert 0 < p50_ms <= p99_ms
        # The mean lies between zero and the longest, and the calls fill the time.
        assert fps > 0


@pytest.mark.parametrize(("missing", "words"), [("cv2", []), ("grpc", ["--transport", "grpc"])])
def test_an_extra_that_is_missing_is_named(
    missing: str, words: list[str], video: Path, gateway_url: str, tmp_path: Path
) -> None:
    """Whoever imports the client needs no extra, and loads none."""
    code = f"""
import sys
sys.modules[{missing!r}] = None
from sima_hand_client.cli import main
assert not {{"cv2", "grpc", "tqdm", "torch"}} & {{name for name, module in sys.modules.items() if module}}
raise SystemExit(main(sys.argv[1:]))
"""
    words = [str(video), "-o", str(tmp_path / "out.npz"), "--server", gateway_url, *words]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 2
    assert missing in done.stderr
    assert done.stderr.endswith("install sima-hand-client[grpc,video]\n")
