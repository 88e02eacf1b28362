"""The laws of `POST /v1/reconstruct/views`, in front of the real Triton and of the engine in this process."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
import trimesh
from numpy.typing import NDArray

from deploy.triton.server import TritonServer
from service.app import create_app
from service.settings import Settings
from tests.service.conftest import served
from tests.service.pictures import ImageArray, encoded, picture
from tests.untrained import SMALL_VIEWS, untrained_served
from training.export.graph import Served, ServedOutputs

pytestmark = pytest.mark.triton

URL = "/v1/reconstruct/views"
VIEWS = SMALL_VIEWS.views
CROPS = [picture(128, 128, seed=seed) for seed in range(VIEWS)]
"""Finished crops: what the network sees is these pixels."""
PHOTOS = [picture(200, 170, seed=seed) for seed in range(3)]
FLIP = np.array([-1, 1, 1])
Document = dict[str, Any]
Fields = dict[str, str | list[str]]


@contextmanager
def in_front_of(triton: TritonServer, **changes: Any) -> Iterator[httpx.Client]:  # noqa: ANN401
    settings = Settings(triton_url=triton.grpc_url, model_repository=triton.repository, deadline_s=20)
    with served(create_app(settings.model_copy(update=changes))) as client:
        yield client


@pytest.fixture(scope="module")
def client(views_triton: TritonServer) -> Iterator[httpx.Client]:
    with in_front_of(views_triton) as client:
        yield client


@pytest.fixture(scope="module")
def network() -> Served:
    """The network that the repository was exported from."""
    return untrained_served(SMALL_VIEWS)


def send(client: httpx.Client, pictures: Sequence[ImageArray], **fields: str | list[str]) -> httpx.Response:
    accept = {"accept": str(fields.pop("accept", "application/json"))}
    files = [("image", (f"{n}.png", encoded(pixels), "image/png")) for n, pixels in enumerate(pictures)]
    return client.post(URL, files=files, data=fields, headers=accept)


def post(client: httpx.Client, pictures: Sequence[ImageArray], **fields: str | list[str]) -> Document:
    answer = send(client, pictures, **fields)
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


def array(document: Document, key: str) -> NDArray[np.float64]:
    return np.array(document[key], np.float64)


def assert_same(one: Document, other: Document) -> None:
    for key, tolerance in {"vertices": 1e-5, "joints": 1e-5, "rotation": 1e-4, "joints_2d": 1e-2}.items():
        np.testing.assert_allclose(array(one, key), array(other, key), atol=tolerance, err_msg=key)


@pytest.mark.parametrize(("count", "target"), [(VIEWS, 0), (VIEWS, 5), (3, 0), (3, 2), (2, 1)])
def test_the_answer_is_the_networks(client: httpx.Client, network: Served, count: int, target: int) -> None:
    """The ring begins with the target and closes over the pictures that there are; the rest are holes."""
    document = post(client, CROPS[:count], target=str(target))
    ring = [*CROPS[target:count], *CROPS[:target]]
    garbage = [picture(128, 128, seed=99)] * (VIEWS - count)
    images = torch.from_numpy(np.stack([*ring, *garbage]))[None]
    valid = torch.tensor([[1] * count + [0] * (VIEWS - count)], dtype=torch.uint8)
    with torch.inference_mode():
        wanted = ServedOutputs(*network(images, valid, torch.zeros(1, 1, dtype=torch.int32)))
    np.testing.assert_allclose(array(document, "vertices"), wanted.vertices_root_m[0], atol=1e-5)
    np.testing.assert_allclose(array(document, "joints"), wanted.joints_root_m[0], atol=1e-5)
    np.testing.assert_allclose(array(document, "rotation"), wanted.rotation[0], atol=1e-4)
    np.testing.assert_allclose(array(document, "joints_2d"), 128 * wanted.joints_uv[0], atol=1e-2)
    assert document["model"] == {"name": "mvr_hand", "version": "1"}
    assert set(document["timing_ms"]) == {"read", "decode", "crop", "engine"}


def test_every_picture_tells_on_the_answer(client: httpx.Client) -> None:
    whole = post(client, CROPS[:3])
    for number in range(3):
        changed = [*CROPS[:number], picture(128, 128, seed=50), *CROPS[number + 1 : 3]]
        assert np.abs(array(post(client, changed), "rotation") - array(whole, "rotation")).max() > 1e-3


@pytest.mark.parametrize("count", [3, VIEWS])
def test_a_target_is_the_list_turned_until_it_comes_first(client: httpx.Client, count: int) -> None:
    crops = CROPS[:count]
    assert_same(post(client, crops, target="2"), post(client, [*crops[2:], *crops[:2]]))


def test_a_left_hand_is_the_mirrored_right_hand(client: httpx.Client) -> None:
    boxes = ["60,40,70,80", "30,50,90,60", ""]
    mirrored = [f"{200 - 60 - 70},40,70,80", f"{200 - 30 - 90},50,90,60", ""]
    left = post(client, PHOTOS, hand="left", box=boxes, target="1")
    right = post(client, [pixels[:, ::-1] for pixels in PHOTOS], box=mirrored, target="1")
    assert left["hand"] == "left"
    for key in ("vertices", "joints"):
        np.testing.assert_allclose(array(left, key), array(right, key) * FLIP, atol=1e-5)
    np.testing.assert_allclose(
        array(left, "rotation"), array(right, "rotation") * np.outer(FLIP, FLIP), atol=1e-4
    )
    mirrored_px = array(right, "joints_2d") * [-1, 1] + [200, 0]
    np.testing.assert_allclose(array(left, "joints_2d"), mirrored_px, atol=1e-2)


def test_a_box_is_cropping_first(client: httpx.Client) -> None:
    """Each picture has its own box, and the joints are in the pixels of the target's photo."""
    boxes = ["52,33,64,96", "", "40,20,40,96"]  # squares of 144: (12, 9), none, (-12, -4)
    by_box = post(client, PHOTOS, box=boxes, target="0")
    crop = PHOTOS[0][9 : 9 + 144, 12 : 12 + 144]
    alone = post(client, [crop, *PHOTOS[1:]], box=["", *boxes[1:]])
    np.testing.assert_allclose(array(by_box, "vertices"), array(alone, "vertices"), atol=1e-3)
    np.testing.assert_allclose(
        array(by_box, "joints_2d"), array(alone, "joints_2d") + np.array([12, 9]), atol=0.5
    )


@pytest.mark.parametrize("hand", ["right", "left"])
def test_glb_carries_the_json_s_hand(client: httpx.Client, hand: str) -> None:
    fields: Fields = {"hand": hand, "target": "1", "fx": "600", "fy": "600", "cx": "100", "cy": "85"}
    document = post(client, PHOTOS, **fields)
    answer = send(client, PHOTOS, accept="model/gltf-binary", **fields)
    assert answer.headers["content-type"] == "model/gltf-binary"
    scene = trimesh.load_scene(io.BytesIO(answer.content), file_type="glb", process=False)
    (mesh,) = scene.geometry.values()
    np.testing.assert_allclose(mesh.vertices, array(document, "vertices") * [1, -1, -1], atol=1e-7)


def test_many_at_once_are_answered_as_one_by_one(client: httpx.Client) -> None:
    groups = [[picture(128, 128, seed=10 * group + n) for n in range(2 + group)] for group in range(5)]
    singles = [post(client, group) for group in groups]
    with ThreadPoolExecutor(len(groups)) as pool:
        together = list(pool.map(lambda group: post(client, group), groups))
    for single, one in zip(singles, together, strict=True):
        assert_same(single, one)


def test_the_embedded_engine_gives_the_same_hand(client: httpx.Client, views_repository: Path) -> None:
    settings = Settings(engine="embedded", model_repository=views_repository, deadline_s=20)
    with served(create_app(settings)) as embedded:
        for count in (2, VIEWS):
            assert_same(post(embedded, CROPS[:count], target="1"), post(client, CROPS[:count], target="1"))
        ready = embedded.get("/readyz")
        assert ready.json() == {"status": "ready", "views": "ready"}


def test_parameters_are_read_in_the_query_as_well(client: httpx.Client) -> None:
    files = [("image", encoded(pixels)) for pixels in PHOTOS]
    params: Fields = {"box": ["60,40,70,80", "", "30,50,90,60"], "target": "2", "version": "1"}
    in_query = client.post(URL, files=files, params={**params, "model": "mvr_hand"})
    assert in_query.status_code == 200, in_query.text
    assert_same(in_query.json(), post(client, PHOTOS, **params))


def test_the_model_is_described(client: httpx.Client) -> None:
    document = client.get("/v1/model/views").json()
    assert document["contract"]["views"] == VIEWS
    assert [tensor["name"] for tensor in document["contract"]["inputs"]] == [
        "images__0", "valid__1", "target__2"
    ]  # fmt: skip
    assert document["versions"] == ["1"]
    assert document["limits"]["image_bytes"] == 8 << 20
    assert document["limits"]["body_bytes"] == VIEWS * 8 << 20
    assert client.get("/v1/model").json()["contract"]["model"] == "svr_hand"


def test_it_is_counted_under_its_own_route(client: httpx.Client) -> None:
    post(client, CROPS[:2])
    send(client, CROPS[:1])
    lines = client.get("/metrics").text.splitlines()
    for outcome in ("ok", "malformed-multipart"):
        label = f'simahand_requests_total{{outcome="{outcome}",route="{URL}"}}'
        assert any(line.startswith(label) for line in lines), outcome


def test_openapi_shows_the_route(client: httpx.Client) -> None:
    operation = client.get("/openapi.json").json()["paths"][URL]["post"]
    assert {
        "200",
        "400",
        "401",
        "404",
        "406",
        "408",
        "413",
        "415",
        "422",
        "429",
        "431",
        "502",
        "503",
        "504",
    } == set(operation["responses"])
    assert {parameter["name"] for parameter in operation["parameters"]} == {
        "hand", "box", "target", "fx", "fy", "cx", "cy", "model", "version"
    }  # fmt: skip
    assert set(operation["requestBody"]["content"]) == {"multipart/form-data"}


def test_it_takes_the_places_of_all_its_pictures(views_triton: TritonServer) -> None:
    """Where there is room for one request of several views, two at once are one too many."""
    with in_front_of(views_triton, max_in_flight=VIEWS + 1) as client, ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda _: send(client, CROPS).status_code, range(12)))
        assert set(statuses) == {200, 429}
        assert send(client, CROPS).status_code == 200


def test_an_answer_too_late_is_504(views_triton: TritonServer) -> None:
    with in_front_of(views_triton, deadline_s=1e-4) as client:
        answer = send(client, CROPS)
        assert answer.status_code == 504
        assert answer.json()["detail"].startswith("image ")


def test_readiness_is_that_of_the_model_of_one_picture(
    views_triton: TritonServer, views_repository: Path, tmp_path: Path
) -> None:
    """A model of several views that Triton does not serve spoils its own route alone."""
    for name, called in (("svr_hand", "svr_hand"), ("mvr_hand", "mvr_other")):
        text = (views_repository / name / "contract.json").read_text()
        (tmp_path / called).mkdir()
        (tmp_path / called / "contract.json").write_text(text.replace(name, called))
    changes = {"model_repository": tmp_path, "views_model_name": "mvr_other"}
    with in_front_of(views_triton, **changes) as client:
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert "mvr_other" in ready.json()["views"]
        png = {"content-type": "image/png"}
        assert client.post("/v1/reconstruct", content=encoded(CROPS[0]), headers=png).status_code == 200
        assert send(client, CROPS).status_code in {404, 503}
