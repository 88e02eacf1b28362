"""A column of small plots over one axis of time, as SVG; no library is needed for lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

COLOURS = ("#1f5fa8", "#c2410c", "#15803d")
"""Told apart on white, also by those who do not tell red from green: they differ in lightness."""
DASHES = ("none", "6 3", "2 2")

_WIDTH_PX = 860
_PANEL_PX = 120
_GAP_PX = 42
_TOP_PX, _BOTTOM_PX, _LEFT_PX, _RIGHT_PX = 34, 48, 66, 20
_TICKS = 4
_STYLE = "font: 12px system-ui, sans-serif"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve: values over minutes."""

    name: str
    minutes: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot; its values begin at zero, so that growth has its true size. One line alone gets no legend."""

    title: str
    unit: str
    lines: Sequence[Line]


def draw(panels: Sequence[Panel], *, title: str, warm_up_min: float, duration_min: float) -> str:
    """Return the SVG.

    Args:
        panels: from top to bottom.
        title: what a reader who does not see it is told.
        warm_up_min: the time at the start that is shaded.
        duration_min: where the axis of time ends.
    """
    height_px = _TOP_PX + len(panels) * (_PANEL_PX + _GAP_PX) - _GAP_PX + _BOTTOM_PX
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH_PX} {height_px}" '
        f'width="{_WIDTH_PX}" height="{height_px}" role="img" aria-label={quoteattr(title)}>',
        f'<rect width="{_WIDTH_PX}" height="{height_px}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        top_px = _TOP_PX + number * (_PANEL_PX + _GAP_PX)
        parts += _panel(panel, top_px, warm_up_min=warm_up_min, duration_min=duration_min)
    bottom_px = height_px - _BOTTOM_PX
    for tick in _ticks(duration_min, 8):
        parts.append(_text(f"{tick:g}", _x(tick, duration_min), bottom_px + 18, anchor="middle"))
    parts.append(_text("time (min)", _LEFT_PX + _plot_width_px() / 2, bottom_px + 38, anchor="middle"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, top_px: float, *, warm_up_min: float, duration_min: float) -> list[str]:
    most = max((value for line in panel.lines for value in line.values), default=0.0) or 1.0
    ticks = _ticks(most, _TICKS)
    top = max(most, ticks[-1]) * 1.05
    bottom_px = top_px + _PANEL_PX

    def y(value: float) -> float:
        return bottom_px - _PANEL_PX * value / top

    warm_px = _x(warm_up_min, duration_min) - _LEFT_PX
    parts = [
        f'<rect x="{_LEFT_PX}" y="{top_px}" width="{warm_px:.1f}" height="{_PANEL_PX}" fill="#eef1f5"/>',
        _text(f"{panel.title} {panel.unit}".strip(), _LEFT_PX, top_px - 9, bold=True),
    ]
    for tick in ticks:
        parts.append(_rule(_LEFT_PX, y(tick), _WIDTH_PX - _RIGHT_PX, y(tick), "#d4d9e0"))
        parts.append(_text(f"{tick:g}", _LEFT_PX - 8, y(tick) + 4, anchor="end"))
    marks_px = [_x(tick, duration_min) for tick in _ticks(duration_min, 8)]
    parts += [_rule(x_px, bottom_px, x_px, bottom_px + 4, "#5b6573") for x_px in marks_px]
    parts.append(_rule(_LEFT_PX, bottom_px, _WIDTH_PX - _RIGHT_PX, bottom_px, "#5b6573"))
    for index, line in enumerate(panel.lines):
        points = " ".join(
            f"{_x(minute, duration_min):.1f},{y(value):.1f}"
            for minute, value in zip(line.minutes, line.values, strict=True)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[index]}" stroke-width="1.6" '
            f'stroke-dasharray="{DASHES[index]}" stroke-linejoin="round"/>'
        )
    return parts + _legend(panel.lines, top_px - 9)


def _legend(lines: Sequence[Line], y_px: float) -> list[str]:
    if len(lines) == 1:
        return []
    parts: list[str] = []
    right_px = float(_WIDTH_PX - _RIGHT_PX)
    for index, line in reversed(list(enumerate(lines))):
        parts.append(_text(line.name, right_px, y_px, anchor="end"))
        right_px -= 7.0 * len(line.name) + 8
        parts.append(_rule(right_px - 24, y_px - 4, right_px, y_px - 4, COLOURS[index], DASHES[index], 2.0))
        right_px -= 42
    return parts


def _ticks(most: float, about: int) -> list[float]:
    """Return round values from zero to at most `most`, `about` or a few more of them."""
    rough = most / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    return [round(number * step, 10) for number in range(int(most / step + 1e-9) + 1)]


def _plot_width_px() -> float:
    return _WIDTH_PX - _LEFT_PX - _RIGHT_PX


def _x(minute: float, duration_min: float) -> float:
    return _LEFT_PX + _plot_width_px() * minute / duration_min


def _rule(
    x1: float, y1: float, x2: float, y2: float, colour: str, dash: str = "none", width: float = 1.0
) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}" stroke-dasharray="{dash}"/>'
    )


def _text(words: str, x_px: float, y_px: float, *, anchor: str = "start", bold: bool = False) -> str:
    weight = "600" if bold else "400"
    return (
        f'<text x="{x_px:.1f}" y="{y_px:.1f}" fill="#1f2733" text-anchor="{anchor}" font-weight="{weight}" '
        f'style="{_STYLE}">{escape(words)}</text>'
    )
