"""A person at the viewer: a photo, a box, the hand on the photo and in space, the files, the errors."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, Request, expect
from scipy.ndimage import binary_dilation

from tests.clients.web.conftest import SAMPLE

SAMPLE_SIDE_PX = 448


def open_sample(page: Page) -> None:
    page.click("#sample")
    expect(page.locator("#status")).to_contain_text("A right hand")


def pixels(page: Page, selector: str) -> NDArray[np.int16]:
    picture = Image.open(io.BytesIO(page.locator(selector).screenshot()))
    return np.asarray(picture.convert("RGB"), dtype=np.int16)


def share_changed(before: NDArray[np.int16], after: NDArray[np.int16]) -> float:
    return float((np.abs(before - after).max(-1) > 24).mean())


def downloaded(page: Page, button: str) -> bytes:
    with page.expect_download() as download:
        page.click(button)
    return download.value.path().read_bytes()


def overlay_alpha(page: Page, layer: str = "mesh") -> NDArray[np.uint8]:
    """Return how opaque a layer over the photo is, pixel by pixel: `mesh`, or `ink` with joints and box."""
    address = page.evaluate(f"() => document.querySelector('canvas.{layer}').toDataURL('image/png')")
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return np.asarray(picture.convert("RGBA"))[..., 3]


def projected_px(document: dict[str, Any], points: str) -> NDArray[np.float64]:
    """Project an answer's points by the camera that the page guesses."""
    x, y, z = (np.array(document[points]) + document["translation"]).T
    return 0.8 * SAMPLE_SIDE_PX * np.stack((x / z, y / z), axis=1) + SAMPLE_SIDE_PX / 2


def test_the_samples_hand_appears_in_space_and_on_the_photo(page: Page) -> None:
    empty = pixels(page, "#space")
    open_sample(page)
    page.wait_for_timeout(300)
    assert share_changed(empty, pixels(page, "#space")) > 0.05
    document = json.loads(downloaded(page, "#save-json"))
    alpha = overlay_alpha(page)
    assert alpha.shape == (SAMPLE_SIDE_PX, SAMPLE_SIDE_PX)
    covered = binary_dilation(alpha > 0, iterations=2)
    columns, rows = projected_px(document, "vertices").round().astype(int).T
    assert covered[rows, columns].mean() > 0.99  # the mesh is drawn where its camera sees it,
    assert (alpha > 0).mean() < 0.3  # nowhere else,
    missed_px = np.linalg.norm(projected_px(document, "joints") - document["joints_2d"], axis=1)
    assert missed_px.mean() < 0.05 * SAMPLE_SIDE_PX  # and that is where the network saw the hand


def test_the_files_are_the_gateways(page: Page) -> None:
    open_sample(page)
    document = json.loads(downloaded(page, "#save-json"))
    scene = trimesh.load_scene(io.BytesIO(downloaded(page, "#save-glb")), file_type="glb", process=False)
    (mesh,) = scene.geometry.values()
    turned = np.array(document["vertices"]) * [1, -1, -1]
    np.testing.assert_allclose(mesh.vertices, turned, atol=1e-5)


def press_left(page: Page) -> None:
    for _ in range(4):
        page.locator("#space").press("ArrowLeft")


def test_wireframe_joints_and_arrow_keys_change_the_view(page: Page) -> None:
    open_sample(page)
    views = [pixels(page, "#space")]
    changes: list[Callable[[], None]] = [
        lambda: page.check("#show-wireframe"),
        lambda: page.uncheck("#show-joints"),
        lambda: press_left(page),
    ]
    for change in changes:
        change()
        page.wait_for_timeout(200)
        views.append(pixels(page, "#space"))
        assert share_changed(views[-2], views[-1]) > 0.002


def queried(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.url).query)


def test_the_box_that_is_dragged_and_the_hand_that_is_chosen_are_asked_for(page: Page) -> None:
    open_sample(page)
    shown = page.locator("canvas.ink").bounding_box()
    assert shown
    scale = shown["width"] / SAMPLE_SIDE_PX
    page.mouse.move(shown["x"] + 100 * scale, shown["y"] + 90 * scale)
    page.mouse.down()
    page.mouse.move(shown["x"] + 380 * scale, shown["y"] + 330 * scale, steps=4)
    with page.expect_request("**/v1/reconstruct*") as asked:
        page.mouse.up()
    box = [float(number) for number in queried(asked.value)["box"][0].split(",")]
    assert box == pytest.approx([100, 90, 280, 240], abs=3)
    with page.expect_request("**/v1/reconstruct*") as asked:
        page.get_by_label("Left", exact=True).first.check()
    assert queried(asked.value)["hand"] == ["left"]
    expect(page.locator("#status")).to_contain_text("A left hand")


def test_errors_come_in_plain_words(page: Page) -> None:
    damaged = FilePayload(name="a.png", mimeType="image/png", buffer=b"no picture")
    page.set_input_files("#file", files=damaged)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("not a picture")
    expect(alert).to_contain_text("a.png")
    open_sample(page)
    expect(alert).to_be_hidden()
    page.click("summary")
    for name, value in {"x": 9000, "y": 9000, "width": 10, "height": 10}.items():
        page.fill(f"#box [name={name}]", str(value))
    page.click("#box [type=submit]")
    expect(alert).to_contain_text("The box lies outside the picture")
    expect(page.get_by_text("The hand appears here")).to_be_visible()  # and not the last one
    expect(page.locator("#save-glb")).to_be_disabled()


def test_nothing_is_left_of_a_hand_when_the_next_box_shows_none(page: Page) -> None:
    photo = io.BytesIO()
    Image.open(SAMPLE).resize((224, 224)).save(photo, "PNG")
    page.set_input_files(
        "#file", files=FilePayload(name="a.png", mimeType="image/png", buffer=photo.getvalue())
    )
    expect(page.locator("#status")).to_contain_text("A right hand")
    page.click("summary")
    for name, value in {"x": 300, "y": 300, "width": 10, "height": 10}.items():
        page.fill(f"#box [name={name}]", str(value))
    page.click("#box [type=submit]")
    expect(page.locator("#status")).to_have_text("No hand to show.")
    assert not overlay_alpha(page, "mesh").any()
    assert overlay_alpha(page, "ink").max() <= 1


def test_it_fits_a_phone_and_the_keyboard_reaches_everything(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_sample(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    reached = set()
    page.locator("body").press("Tab")
    for _ in range(24):
        reached.add(page.evaluate("() => document.activeElement.id || document.activeElement.name"))
        page.keyboard.press("Tab")
    wanted = {"file", "sample", "camera", "hand", "space", "show-mesh", "reset", "save-glb", "save-json"}
    assert wanted <= reached


def test_only_who_has_a_mouse_is_asked_to_drop_a_photo(page: Page, browser: Browser) -> None:
    expect(page.locator("#stage")).to_contain_text("Drop a photo of one hand here", use_inner_text=True)
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    on_phone = phone.new_page()
    on_phone.goto(page.url)
    expect(on_phone.locator("#stage")).to_have_text("A photo of one hand", use_inner_text=True)
    phone.close()
