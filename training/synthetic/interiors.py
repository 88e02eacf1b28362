"""Painters of what hands meet indoors: shelves, rooms, people, keys, cloth, planks, lamps out of focus."""

from __future__ import annotations

import cv2
import numpy as np

from training.synthetic.brushes import (
    Color,
    Picture,
    as_tuple,
    blank,
    box,
    draw_color,
    field,
    mixed,
    overlay,
    write,
)

_SKINS = (
    (0.66, 0.43, 0.34),
    (0.55, 0.32, 0.22),
    (0.40, 0.22, 0.135),
    (0.205, 0.11, 0.07),
    (0.09, 0.052, 0.038),
)


def paint_shelf(rng: np.random.Generator, side_px: int) -> Picture:
    """Boards with books, boxes and gaps, upright or leaning."""
    canvas = blank(side_px, draw_color(rng, bright=0.3))
    board = draw_color(rng, vivid=0.02)
    row_height = int(rng.integers(40, 110))
    first = int(rng.integers(-row_height, 1))
    for top in range(first, side_px, row_height):
        x = int(rng.integers(-15, 5))
        while x < side_px:
            width = int(rng.integers(5, 30))
            height = int(row_height * rng.uniform(0.55, 0.93))
            if rng.random() < 0.85:
                spine = draw_color(rng, vivid=0.25)
                box(canvas, (x, top + row_height - height), (width, height), spine)
                stripe = top + row_height - int(height * rng.uniform(0.2, 0.9))
                box(canvas, (x, stripe), (width, int(rng.integers(2, 10))), spine * 0.5)
            x += width + int(rng.integers(0, 3))
        box(canvas, (0, top + row_height - 4), (side_px, 5), board)
    return _softened(rng, canvas)


def paint_room(rng: np.random.Generator, side_px: int) -> Picture:
    """A wall and a floor with a window, furniture and a picture or two."""
    canvas = blank(side_px, draw_color(rng, bright=rng.uniform(0.3, 0.9), vivid=0.04))
    floor = int(side_px * rng.uniform(0.55, 0.9))
    box(canvas, (0, floor), (side_px, side_px), mixed(draw_color(rng), (0.25, 0.16, 0.09), 0.5))
    box(canvas, (0, floor - 4), (side_px, 4), draw_color(rng, bright=0.8, vivid=0.0))
    if rng.random() < 0.6:
        _window(rng, canvas)
    for _ in range(rng.integers(1, 6)):
        width, height = (int(v) for v in rng.integers(20, 130, 2))
        corner = (int(rng.integers(-30, side_px)), floor + int(rng.integers(0, 30)) - height)
        _cupboard(rng, canvas, corner, (width, height))
    for _ in range(rng.integers(0, 3)):
        corner = (int(rng.integers(0, side_px)), int(rng.integers(0, floor // 2)))
        size = (int(rng.integers(15, 60)), int(rng.integers(15, 60)))
        box(canvas, corner, size, draw_color(rng, bright=0.1))
        box(canvas, (corner[0] + 3, corner[1] + 3), (size[0] - 6, size[1] - 6), draw_color(rng))
    turn = cv2.getRotationMatrix2D((side_px / 2, side_px / 2), float(rng.normal(0, 8)), 1.25)
    turned = cv2.warpAffine(canvas, turn, (side_px, side_px), borderMode=cv2.BORDER_REFLECT)
    return _softened(rng, np.asarray(turned, np.float32))


def _window(rng: np.random.Generator, canvas: Picture) -> None:
    side = canvas.shape[0]
    left, top = (int(v) for v in rng.integers(0, side // 2, 2))
    width, height = (int(v) for v in rng.integers(side // 5, side // 2, 2))
    box(canvas, (left, top), (width, height), mixed(draw_color(rng, bright=1.0), (0.85, 0.92, 1.0), 0.7))
    frame = draw_color(rng, bright=0.8, vivid=0.0)
    for x in np.linspace(left, left + width, int(rng.integers(2, 5))).astype(int):
        box(canvas, (int(x) - 2, top), (4, height), frame)
    box(canvas, (left, top + height // 2), (width, 3), frame)


def _cupboard(
    rng: np.random.Generator, canvas: Picture, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    front = draw_color(rng, vivid=0.08)
    box(canvas, corner, size, front)
    for _ in range(rng.integers(0, 4)):
        top = corner[1] + int(rng.integers(0, size[1]))
        box(canvas, (corner[0], top), (size[0], 2), front * 0.5)
    box(canvas, (corner[0] + size[0] - 2, corner[1]), (2, size[1]), front * 0.6)


def paint_person(rng: np.random.Generator, side_px: int) -> Picture:
    """Somebody behind the hand: a clothed body, a head, perhaps an arm; skin that is not the hand's."""
    canvas = paint_room(rng, side_px) if rng.random() < 0.6 else blank(side_px, draw_color(rng, vivid=0.04))
    skin = np.array(_SKINS[rng.integers(len(_SKINS))], np.float32) * rng.uniform(0.7, 1.2)
    x, y = int(side_px * rng.uniform(0.2, 0.8)), int(side_px * rng.uniform(0.1, 0.5))
    size = side_px * rng.uniform(0.12, 0.3)
    cloth = draw_color(rng, vivid=0.15)
    _ellipse(canvas, (x, y + int(3.1 * size)), (1.7 * size, 2.2 * size), cloth)
    if rng.random() < 0.5:
        _folds(rng, canvas, cloth)
    box(canvas, (x - int(0.35 * size), y), (int(0.7 * size), int(1.3 * size)), skin * 0.75)
    _ellipse(
        canvas, (x, y - int(0.25 * size)), (0.85 * size, 1.05 * size), draw_color(rng, bright=0.15, vivid=0.0)
    )
    _ellipse(canvas, (x, y), (0.68 * size, 0.9 * size), skin)
    for side in (-1, 1):
        _ellipse(
            canvas, (x + int(side * 0.25 * size), y - int(0.1 * size)), (0.1 * size, 0.06 * size), skin * 0.25
        )
    _ellipse(canvas, (x, y + int(0.45 * size)), (0.22 * size, 0.06 * size), skin * np.array([0.7, 0.4, 0.4]))
    if rng.random() < 0.5:
        start = (x + int(size * rng.uniform(-1.5, 1.5)), y + int(2 * size))
        end = tuple(int(v) for v in rng.integers(0, side_px, 2))
        cv2.line(canvas, start, end, as_tuple(skin * 0.9), max(int(0.45 * size), 1), cv2.LINE_AA)
    blurred = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(1.0, 5.0))
    return np.asarray(blurred * (1 + 0.2 * field(rng, side_px, slope=1.6)[:, :, None]), np.float32)


def _folds(rng: np.random.Generator, canvas: Picture, cloth: Color) -> None:
    is_cloth = np.abs(canvas - cloth).sum(axis=2) < 1e-4
    stripes = np.sin(np.arange(canvas.shape[0]) / rng.uniform(2, 8))[:, None] > rng.uniform(-0.5, 0.8)
    overlay(canvas, draw_color(rng), np.asarray(is_cloth & stripes, np.float32))


def _ellipse(canvas: Picture, middle: tuple[int, int], axes: tuple[float, float], color: Color) -> None:
    half = (max(int(axes[0]), 1), max(int(axes[1]), 1))
    cv2.ellipse(canvas, middle, half, 0, 0, 360, as_tuple(np.asarray(color, np.float32)), -1, cv2.LINE_AA)


def paint_keys(rng: np.random.Generator, side_px: int) -> Picture:
    """A keyboard, a calculator, a grid of buttons."""
    canvas = blank(side_px, draw_color(rng, bright=0.3, vivid=0.05))
    pitch, gap = int(rng.integers(12, 40)), int(rng.integers(1, 5))
    key = draw_color(rng, bright=float(rng.choice([0.1, 0.8])), vivid=0.05)
    ink = np.asarray(1.0 - key, np.float32)
    for row, y in enumerate(range(0, side_px, pitch)):
        x = -int((0.3 * row % 1.0) * pitch)
        while x < side_px:
            width = pitch * (1 if rng.random() < 0.85 else 2)
            box(canvas, (x + gap, y + gap), (width - 2 * gap, pitch - 2 * gap), key * rng.uniform(0.9, 1.1))
            box(canvas, (x + pitch // 3, y + pitch // 3), (max(pitch // 6, 1), max(pitch // 5, 1)), ink)
            x += width
    return _softened(rng, canvas)


def paint_cloth(rng: np.random.Generator, side_px: int) -> Picture:
    """Checked or woven cloth with folds."""
    rows, columns = np.mgrid[:side_px, :side_px].astype(np.float32)
    bend = 12 * field(rng, side_px, slope=2.2)
    canvas = blank(side_px, draw_color(rng))
    for _ in range(rng.integers(1, 4)):
        period, duty = rng.uniform(10, 60), rng.uniform(0.15, 0.6)
        color = draw_color(rng, vivid=0.25)
        for line in (rows + bend, columns + bend):
            overlay(canvas, color, np.asarray(0.5 * ((line / period) % 1.0 < duty), np.float32))
    weave = 1 + 0.12 * np.sin(rows * 2.1) * np.sin(columns * 2.1)
    folds = np.exp(0.35 * field(rng, side_px, slope=2.0))
    return np.asarray(canvas * (weave * folds)[:, :, None], np.float32)


def paint_planks(rng: np.random.Generator, side_px: int) -> Picture:
    """Boards of wood: a floor, a table, a fence."""
    brown = mixed(draw_color(rng), (0.34, 0.19, 0.09), 0.75)
    grain = field(rng, side_px, slope=1.4)
    stretched = cv2.resize(grain[: side_px // 12], (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    canvas = np.asarray(brown * np.exp(0.4 * stretched.T)[:, :, None], np.float32)
    wide = int(rng.integers(20, 90))
    for top in range(0, side_px, wide):
        canvas[top : top + wide] *= rng.uniform(0.7, 1.2)
        canvas[top : top + 2] *= 0.35
        joint = int(rng.integers(0, side_px))
        canvas[top : top + wide, joint : joint + 2] *= 0.4
    return canvas if rng.random() < 0.5 else np.ascontiguousarray(canvas.transpose(1, 0, 2))


def paint_lights(rng: np.random.Generator, side_px: int) -> Picture:
    """Lamps out of focus before something dim."""
    canvas = blank(side_px, draw_color(rng, bright=0.15)) * (
        1 + 0.5 * field(rng, side_px, slope=2.0)[:, :, None]
    )
    radius = rng.uniform(3, 18)
    for _ in range(rng.integers(10, 60)):
        disc = np.zeros((side_px, side_px), np.float32)
        middle = tuple(int(v) for v in rng.integers(0, side_px, 2))
        cv2.circle(disc, middle, max(int(radius * rng.uniform(0.7, 1.3)), 1), 1.0, -1, cv2.LINE_AA)
        canvas += (
            rng.uniform(0.1, 0.7)
            * disc[:, :, None]
            * mixed(draw_color(rng, bright=1.0), (1.0, 0.8, 0.5), 0.4)
        )
    if rng.random() < 0.3:
        write(
            rng,
            canvas,
            (int(side_px * 0.1), int(side_px * rng.uniform(0.2, 0.9))),
            draw_color(rng, bright=1.0),
        )
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 1.0), np.float32)


def _softened(rng: np.random.Generator, canvas: Picture) -> Picture:
    """Grain, and the blur of a lens that looks elsewhere."""
    canvas = canvas * (1 + 0.15 * field(rng, canvas.shape[0], slope=1.0)[:, :, None])
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.choice([0.5, 0.8, 2.0, 4.0])), np.float32)
