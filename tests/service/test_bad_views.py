"""Every kind of bad upload of several views: its status, and which image was wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from tests.service.conftest import MODEL, served
from tests.service.pictures import encoded, picture, png_header
from tests.service.test_bad_input import assert_problem

URL = "/v1/reconstruct/views"
JPEG = encoded(picture(120, 100), "JPEG")
Files = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def client(views_repository: Path) -> Iterator[httpx.Client]:
    # TorchScript compiles in the first runs: on a busy machine they are late.
    settings = Settings(
        engine="embedded", model_repository=views_repository, max_body_bytes=100_000, deadline_s=20
    )
    with served(create_app(settings)) as client:
        yield client


@pytest.fixture(autouse=True)
def serves_on(client: httpx.Client) -> Iterator[None]:
    """After whatever a test has done, good pictures get their hand."""
    yield
    assert client.post(URL, files=images(JPEG, JPEG)).status_code == 200


def images(*contents: bytes) -> Files:
    return [("image", content) for content in contents]


@pytest.mark.parametrize(
    ("files", "status", "slug", "says"),
    [
        (images(JPEG), 400, "malformed-multipart", "1 file fields 'image', 2 to 8 are wanted"),
        (images(*[JPEG] * 9), 400, "malformed-multipart", "Too many files. Maximum number of files is 8"),
        ([*images(JPEG, JPEG), ("photo", JPEG)], 400, "malformed-multipart", "'photo'"),
        (images(JPEG, JPEG, b"no image"), 400, "unreadable-image", "image 2: the first bytes"),
        (images(JPEG, b"", JPEG), 400, "unreadable-image", "image 1: the body is empty"),
        (images(JPEG[: len(JPEG) // 2], JPEG), 400, "unreadable-image", "image 0: "),
        (images(JPEG, png_header(10_000, 10_000)), 413, "too-large", "image 1: the image has 10000 x 10000"),
        (images(JPEG, JPEG, bytes(100_001)), 413, "too-large", "image 2: it has 100001 bytes, over 100000"),
        (images(*[bytes(99_999)] * 9), 413, "too-large", "over 800000"),
    ],
)  # fmt: skip
def test_bad_files(client: httpx.Client, files: Files, status: int, slug: str, says: str) -> None:
    assert_problem(client.post(URL, files=files), status, slug, says)


def test_the_wrong_image_has_its_number_for_programs(client: httpx.Client) -> None:
    problem = client.post(URL, files=images(JPEG, b"no image")).json()
    assert problem["image"] == 1


@pytest.mark.parametrize(
    ("fields", "status", "slug", "says"),
    [
        ({"box": ["1,2,30,40"]}, 422, "invalid-parameter", "one for each of the 3 images"),
        ({"box": ["", "1,2,30,40", "oops"]}, 400, "bad-box", "image 2: box must be"),
        ({"box": ["", "200,10,50,50", ""]}, 400, "bad-box", "image 1: box 200,10,50,50 lies outside"),
        ({"target": "3"}, 422, "invalid-parameter", "there are images 0 to 2, got 3"),
        ({"target": "-1"}, 422, "invalid-parameter", "target"),
        ({"target": "1.5"}, 422, "invalid-parameter", "target"),
        ({"target": ["0", "1"]}, 422, "invalid-parameter", "target is given twice"),
        ({"hand": "foot"}, 422, "invalid-parameter", "'right' or 'left'"),
        ({"hadn": "left"}, 422, "invalid-parameter", "hadn"),
        ({"fx": "500"}, 422, "invalid-parameter", "belong together"),
        ({"model": "svr_hand"}, 404, "unknown-model", "svr_hand"),
        ({"version": "77"}, 404, "unknown-model", "77"),
    ],
)
def test_a_bad_parameter(
    client: httpx.Client, fields: dict[str, str | list[str]], status: int, slug: str, says: str
) -> None:
    answer = client.post(URL, files=images(JPEG, JPEG, JPEG), data=fields)
    assert_problem(answer, status, slug, says)


def test_boxes_are_given_in_one_place(client: httpx.Client) -> None:
    boxes = {"box": ["", ""]}
    answer = client.post(URL, files=images(JPEG, JPEG), data=boxes, params=boxes)
    assert_problem(answer, 422, "invalid-parameter", "in the query and in the form")


def test_a_single_raw_image_is_no_form(client: httpx.Client) -> None:
    answer = client.post(URL, content=JPEG, headers={"content-type": "image/jpeg"})
    problem = assert_problem(answer, 415, "unsupported-media-type", "image/jpeg")
    assert problem["accepted"] == ["multipart/form-data"]


def test_an_accept_that_cannot_be_met_lists_what_there_is(client: httpx.Client) -> None:
    answer = client.post(URL, files=images(JPEG, JPEG), headers={"accept": "text/html"})
    assert_problem(answer, 406, "not-acceptable", "text/html")


def test_without_the_model_there_is_no_such_route_and_the_rest_serves(repository: Path) -> None:
    settings = Settings(engine="embedded", model_repository=repository, model_name=MODEL)
    with served(create_app(settings)) as single:
        for answer in (single.post(URL, files=images(JPEG, JPEG)), single.get("/v1/model/views")):
            problem = assert_problem(answer, 404, "unknown-model", "holds no 'mvr_hand'")
            assert problem["available"] == [MODEL]
        assert single.get("/readyz").json() == {"status": "ready"}
        jpeg = {"content-type": "image/jpeg"}
        assert single.post("/v1/reconstruct", content=JPEG, headers=jpeg).status_code == 200


@pytest.mark.parametrize(
    "names",
    [{"model_name": "mvr_hand"}, {"views_model_name": "svr_hand"}],
)
def test_a_model_of_another_number_of_views_is_refused_at_start(
    names: dict[str, str], views_repository: Path
) -> None:
    settings = Settings(engine="embedded", model_repository=views_repository).model_copy(update=names)
    with pytest.raises(ValueError, match="is wanted"):
        create_app(settings)


def test_an_empty_name_serves_no_views(views_repository: Path) -> None:
    settings = Settings(engine="embedded", model_repository=views_repository, views_model_name="")
    with served(create_app(settings)) as single:
        assert single.get("/v1/model/views").status_code == 404
