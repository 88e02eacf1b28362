"""The laws of `POST /v1/reconstruct`, over a real socket and with a real (small) network behind it."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from service.contract import ModelContract
from tests.service.pictures import ImageArray, encoded, picture, with_orientation

PIXELS = picture(300, 280)
PNG = {"content-type": "image/png"}
GLB = {"accept": "model/gltf-binary"}
Document = dict[str, Any]


def post(client: httpx.Client, pixels: ImageArray | bytes, **parameters: str) -> Document:
    """Post a picture and return the JSON answer."""
    data = pixels if isinstance(pixels, bytes) else encoded(pixels)
    answer = client.post("/v1/reconstruct", content=data, headers=PNG, params=parameters)
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


def array(document: Document, key: str) -> NDArray[np.float64]:
    return np.array(document[key], np.float64)


def test_answers_with_the_contract_s_hand(client: httpx.Client, contract: ModelContract) -> None:
    document = post(client, PIXELS)
    assert document["model"] == {"name": contract.model, "version": "1"}
    assert document["hand"] == "right"
    assert document["translation"] is None
    for key, shape in {
        "vertices": (778, 3),
        "joints": (21, 3),
        "rotation": (3, 3),
        "joints_2d": (21, 2),
    }.items():
        assert array(document, key).shape == shape
    assert set(document["timing_ms"]) == {"read", "decode", "crop", "engine"}


def test_different_pictures_get_different_hands(client: httpx.Client) -> None:
    one, other = post(client, PIXELS), post(client, picture(300, 280, seed=1))
    assert np.abs(array(one, "vertices") - array(other, "vertices")).max() > 1e-3


def test_a_left_hand_is_the_mirrored_right_hand(client: httpx.Client) -> None:
    left = post(client, PIXELS, hand="left", box="60,80,120,140")
    right = post(client, PIXELS[:, ::-1], hand="right", box=f"{300 - 60 - 120},80,120,140")
    flip = np.array([-1, 1, 1])
    for key in ("vertices", "joints"):
        np.testing.assert_allclose(array(left, key), array(right, key) * flip, atol=1e-6)
    np.testing.assert_allclose(
        array(left, "rotation"), array(right, "rotation") * np.outer(flip, flip), atol=1e-6
    )
    mirrored_px = array(right, "joints_2d") * [-1, 1] + [300, 0]
    np.testing.assert_allclose(array(left, "joints_2d"), mirrored_px, atol=1e-3)


def test_a_box_is_cropping_first(client: httpx.Client) -> None:
    by_box = post(client, PIXELS, box="100,90,96,64")  # the square (76, 50) to (220, 194)
    alone = post(client, PIXELS[50:194, 76:220])
    np.testing.assert_allclose(array(by_box, "vertices"), array(alone, "vertices"), atol=5e-4)
    np.testing.assert_allclose(
        array(by_box, "joints_2d"), array(alone, "joints_2d") + np.array([76, 50]), atol=0.5
    )


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_upload_is_the_upright_one(client: httpx.Client, orientation: int) -> None:
    turns = {3: 2, 6: 3, 8: 1}[orientation]
    upright = np.rot90(PIXELS, turns)
    turned = post(client, with_orientation(PIXELS, orientation, "PNG"), box="50,70,130,110")
    straight = post(client, upright, box="50,70,130,110")
    for key in ("vertices", "joints_2d"):
        np.testing.assert_allclose(array(turned, key), array(straight, key), atol=1e-5)


def test_glb_carries_the_json_s_hand(client: httpx.Client, contract: ModelContract) -> None:
    box = {"box": "60,80,120,140", "hand": "left", "fx": "600", "fy": "600", "cx": "150", "cy": "140"}
    document = post(client, PIXELS, **box)
    answer = client.post("/v1/reconstruct", content=encoded(PIXELS), headers=PNG | GLB, params=box)
    assert answer.headers["content-type"] == "model/gltf-binary"
    scene = trimesh.load_scene(io.BytesIO(answer.content), file_type="glb", process=False)
    (mesh,) = scene.geometry.values()
    to_gltf = np.array([1, -1, -1])
    np.testing.assert_allclose(mesh.vertices, array(document, "vertices") * to_gltf, atol=1e-7)
    wrist = scene.graph.get("hand_left")[0][:3, 3]
    if document["translation"] is not None:
        np.testing.assert_allclose(wrist, array(document, "translation") * to_gltf, rtol=1e-5)
    for name, joint in zip(contract.joint_names, array(document, "joints") * to_gltf, strict=True):
        np.testing.assert_allclose(scene.graph.get(name)[0][:3, 3], wrist + joint, atol=1e-6)


def test_many_at_once_are_answered_as_one_by_one(client: httpx.Client) -> None:
    """The engine joins requests into batches; the answers do not show it."""
    uploads = [encoded(picture(200, 200, seed=seed)) for seed in range(12)]
    singles = [post(client, upload) for upload in uploads]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda upload: post(client, upload), uploads))
    for single, one in zip(singles, together, strict=True):
        np.testing.assert_allclose(array(single, "vertices"), array(one, "vertices"), atol=1e-6)


def test_a_form_is_a_raw_body(client: httpx.Client) -> None:
    files = {"image": ("hand.png", encoded(PIXELS), "image/png")}
    fields = {"hand": "left", "box": "60,80,120,140"}
    in_form = client.post("/v1/reconstruct", files=files, data=fields)
    in_query = client.post("/v1/reconstruct", files=files, params=fields)
    raw = post(client, PIXELS, **fields)
    assert in_form.status_code == in_query.status_code == 200
    for key in ("vertices", "joints", "joints_2d", "rotation", "hand", "model"):
        assert in_form.json()[key] == in_query.json()[key] == raw[key]


def test_names_the_model_and_version_that_were_asked_for(
    client: httpx.Client, contract: ModelContract
) -> None:
    assert post(client, PIXELS, model=contract.model, version="1")["model"]["version"] == "1"


def test_every_answer_tells_its_id_and_its_time(client: httpx.Client) -> None:
    answer = client.post("/v1/reconstruct", content=encoded(PIXELS), headers=PNG | {"x-request-id": "walk-7"})
    assert answer.headers["x-request-id"] == "walk-7"
    stages = [part.split(";dur=") for part in answer.headers["server-timing"].split(", ")]
    assert [name for name, _ in stages] == ["read", "decode", "crop", "engine", "encode"]
    assert all(0 <= float(duration) < 10_000 for _, duration in stages)
    ids = {client.get("/livez").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "née", "a\tb"])
def test_an_id_that_would_spoil_a_log_is_replaced(client: httpx.Client, given: str) -> None:
    headers = {b"x-request-id": given.encode()}
    assert client.get("/livez", headers=headers).headers["x-request-id"] != given
