"""Hostile files over HTTP, at a gateway in a process of its own, whose memory is watched."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image

from service.errors import PROBLEM_TYPE_PREFIX
from tests.service import hostile
from tests.service.conftest import MODEL, gateway_and_its_process
from tests.service.hostile import PIXELS
from tests.service.pictures import encoded, picture, png_header, with_orientation
from tests.service.test_bad_input import assert_problem

MAX_PIXELS = 4_000_000
WORKERS = 2
BYTES_A_PIXEL = 24
"""That decoding may hold at once at most, in whatever form: six times four bytes."""
MARGIN_MIB = 64
"""For uploads, and what an allocator keeps."""
PHOTO = Image.fromarray(PIXELS)


@dataclass(frozen=True)
class Watched:
    """A gateway and its process."""

    client: httpx.Client
    process: subprocess.Popen[bytes]

    def post(self, body: bytes, kind: str) -> httpx.Response:
        """Send a picture; decoding may take what it takes on a busy machine."""
        return self.client.post("/v1/reconstruct", content=body, headers={"content-type": f"image/{kind}"})

    def forget_peak(self) -> int:
        """Have the kernel measure the peak anew; return what is held now, in MiB."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self._held_mib("VmRSS")

    def peak_mib(self) -> int:
        """Return the most that was held since then."""
        return self._held_mib("VmHWM")

    def _held_mib(self, name: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith(name)]
        return int(line.split()[1]) >> 10


@pytest.fixture(scope="module")
def gateway(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    settings = {
        "ENGINE": "embedded", "MODEL_REPOSITORY": str(repository), "MODEL_NAME": MODEL,
        "MAX_IMAGE_PIXELS": str(MAX_PIXELS), "DECODE_WORKERS": str(WORKERS), "DEADLINE_S": "60",
    }  # fmt: skip
    with gateway_and_its_process(settings) as (client, process):
        watched = Watched(client, process)
        assert watched.post(encoded(PIXELS), "png").status_code == 200
        yield watched
        assert process.poll() is None, "the gateway did not live through it"
        assert watched.post(encoded(PIXELS), "png").status_code == 200


def hands(*answers: httpx.Response) -> bool:
    return all(answer.status_code == 200 and len(answer.json()["joints"]) == 21 for answer in answers)


ODD_BUT_GOOD = {
    "progressive.jpeg": encoded(PIXELS, "JPEG", progressive=True),
    "cmyk.jpeg": encoded(PHOTO.convert("CMYK"), "JPEG"),
    "grey.jpeg": encoded(PHOTO.convert("L"), "JPEG"),
    "turned.jpeg": with_orientation(PIXELS, 6),
    "deep.png": hostile.deep_png(),
    "alpha.png": encoded(PHOTO.convert("RGBA")),
    "one_bit.png": encoded(PHOTO.convert("1")),
    "alpha.webp": encoded(PHOTO.convert("RGBA"), "WEBP"),
    "one_pixel.png": encoded(PIXELS[:1, :1]),
    "one_row.jpeg": encoded(picture(900, 2)[:1], "JPEG"),
    "overfull.png": hostile.overfull_png(),
}


@pytest.mark.parametrize("name", ODD_BUT_GOOD)
def test_an_odd_picture_gets_its_hand(gateway: Watched, name: str) -> None:
    assert hands(gateway.post(ODD_BUT_GOOD[name], name.split(".")[1]))


def test_of_a_file_that_is_two_things_only_the_picture_counts(gateway: Watched) -> None:
    for name, body in hostile.polyglots().items():
        answer = gateway.post(body, "png" if name.startswith("png") else "jpeg")
        assert hands(answer), name
        assert answer.headers["content-type"] == "application/json"


BOMBS = {
    "many pixels.png": (png_header(30_000, 30_000), 413, "too-large", f"over {MAX_PIXELS}"),
    "no width.png": (png_header(0, 10), 400, "unreadable-image", "header"),
    "no height.png": (png_header(10, 0), 400, "unreadable-image", "header"),
    "large.webp": (hostile.empty_square(6000, "WEBP"), 413, "too-large", f"over {MAX_PIXELS}"),
    "text.png": (hostile.note_bomb(b"zTXt"), 400, "unreadable-image", "too large"),
    "profile.png": (hostile.note_bomb(b"iCCP"), 400, "unreadable-image", "too large"),
    "palette.png": (hostile.palette_before_header(), 400, "unreadable-image", "colours"),
    "scans.jpeg": (hostile.many_scans(64, 101), 415, "unsupported-media-type", "101 scans, over 100"),
    "large scans.jpeg": (hostile.many_scans(1900, 40), 415, "unsupported-media-type", "40 scans, over 17"),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_goes_off(gateway: Watched, name: str) -> None:
    body, status, slug, says = BOMBS[name]
    held_mib = gateway.forget_peak()
    assert_problem(gateway.post(body, name.split(".")[1]), status, slug, says)
    assert gateway.peak_mib() < held_mib + MARGIN_MIB


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "I;16"), ("WEBP", "RGBA"), ("JPEG", "CMYK")]
)
def test_memory_is_that_of_the_workers_however_many_send(gateway: Watched, kind: str, mode: str) -> None:
    """The largest pictures that are allowed, a dozen at once."""
    body = hostile.empty_square(2000, kind, mode)
    held_mib = gateway.forget_peak()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: gateway.post(body, kind.lower()), range(12)))
    assert hands(*answers)
    most_mib = WORKERS * MAX_PIXELS * BYTES_A_PIXEL >> 20
    assert gateway.peak_mib() < held_mib + most_mib + MARGIN_MIB


def test_a_file_that_ends_early_is_refused_wherever_it_ends(gateway: Watched) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = encoded(PIXELS, kind)
        for part in range(1, 40):
            answer = gateway.post(whole[: len(whole) * part // 40], kind.lower())
            assert answer.status_code == 400, (kind, part)
            assert answer.json()["type"] == PROBLEM_TYPE_PREFIX + "unreadable-image"
            assert " at 0x" not in answer.json()["detail"], "Python's own names say nothing to a caller"


FILE_NAMES = [
    "../../../etc/passwd",
    "/etc/shadow",
    "C:\\Windows\\a.jpg",
    "a\\0b",
    "%2e%2e%2f",
    "..",
    "",
    "x" * 900,
]


def test_a_file_s_name_is_nothing_to_the_gateway(gateway: Watched) -> None:
    before = set(Path.cwd().iterdir())
    for name in FILE_NAMES:
        files = {"image": (name or "a", encoded(PIXELS, "JPEG"))}
        assert hands(gateway.client.post("/v1/reconstruct", files=files)), name
    assert set(Path.cwd().iterdir()) == before


BEGINNING = b'--x\r\nContent-Disposition: form-data; name="hand"\r\n\r\n\xff\xfe\r\n'


@pytest.mark.parametrize("charset", ["undefined", "idna", "hex", "punycode", "no-such", "x" * 5000])
def test_a_form_in_an_encoding_that_does_not_decode_is_refused(gateway: Watched, charset: str) -> None:
    headers = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    body = (
        BEGINNING + b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n\r\n--x--\r\n'
    )
    answer = gateway.client.post("/v1/reconstruct", content=body, headers=headers)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.json()["type"].removeprefix(PROBLEM_TYPE_PREFIX) in {
        "malformed-multipart",
        "invalid-parameter",
    }


@pytest.mark.parametrize(
    "content_type",
    ["image/svg+xml", "application/json", "image/", "image/jpeg, image/png", "text/html", "*/*", "a" * 5000],
)
def test_a_content_type_that_is_none_of_ours_says_which_are(gateway: Watched, content_type: str) -> None:
    answer = gateway.client.post(
        "/v1/reconstruct", content=encoded(PIXELS, "JPEG"), headers={"content-type": content_type}
    )
    problem = assert_problem(answer, 415, "unsupported-media-type", "is not accepted")
    assert "image/webp" in problem["accepted"]
    assert len(answer.content) < 1000, "what a caller wrote is not repeated at length"


def test_what_a_caller_wrote_is_not_repeated_at_length(gateway: Watched) -> None:
    long = "b" * 20_000
    for query in (f"hand={long}", f"model={long}", f"{long}=1", f"{long}=1&{long}=1", f"box={long}"):
        answer = gateway.client.post(f"/v1/reconstruct?{query}", content=encoded(PIXELS, "JPEG"),
                                     headers={"content-type": "image/jpeg"})  # fmt: skip
        assert answer.status_code in {400, 404, 422}
        assert len(answer.content) < 1000, query[:9]
    assert len(gateway.client.get(f"/{long}").content) < 1000
