"""Sheets of frames beside their flow as colours or arrows, with headings and a legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from commonfate.flow.drawing.colour import colours, legend

ARROW_SPACING = 28
"""Pixels of the drawn tile from one arrow to the next."""
SHORTEST_ARROW = 5.0
"""Pixels; shorter arrows are left out."""
MARGIN = 14
LEGEND = 84
CAPTION = 24
INK = (40, 40, 40)
FAINT = (120, 120, 120)
BLANK = (235, 235, 235)
OUTLINE = (215, 215, 215)


@dataclass(frozen=True)
class Row:
    """One moment of a video.

    Attributes:
        caption: e.g. `dog, frame 12`.
        frame: (H, W, 3) uint8 RGB; None if the frames are not available.
        flows: (2, H, W) float32, pixels, for each gap; None without flow, but not for all gaps.
    """

    caption: str
    frame: np.ndarray | None
    flows: tuple[np.ndarray | None, ...]


def sheet(
    rows: Sequence[Row],
    gaps: Sequence[int],
    title: str,
    maximum: float,
    tile: int = 360,
    black: str = "no value",
    arrows: bool = False,
) -> Image.Image:
    """Draw a row of tiles for each moment, the frame and its flow for each gap, and a legend.

    Args:
        rows: at least one; all with a frame or all without.
        gaps: gaps of the flows.
        title: first line.
        maximum: magnitude in pixels of fully saturated colours, in all tiles.
        tile: width of a tile in pixels.
        black: meaning of black, for the legend.
        arrows: also draw the flow of the first gap as arrows over the frame.
    """
    lines = [[_fit(image, tile) for image in _images(row, maximum)] for row in rows]
    if arrows:
        for row, line in zip(rows, lines, strict=True):
            if row.frame is not None and row.flows[0] is not None:
                line[0] = draw_arrows(line[0], row.flows[0], maximum)
    heights = [line[0].shape[0] + CAPTION for line in lines]
    columns = len(lines[0])
    top = LEGEND + 3 * MARGIN + 10
    width = max(MARGIN + (tile + MARGIN) * columns, 480)
    canvas = Image.new("RGB", (width, top + sum(heights)), "white")
    pen = ImageDraw.Draw(canvas)
    _header(canvas, pen, title, maximum, black)
    headings = ["frame t"] * (columns - len(gaps)) + [f"flow from t to t{gap:+d}" for gap in gaps]
    for column, heading in enumerate(headings):
        pen.text((MARGIN + column * (tile + MARGIN), top - 20), heading, INK, _font(14))
    y = top
    for row, line, height in zip(rows, lines, heights, strict=True):
        for column, image in enumerate(line):
            left = MARGIN + column * (tile + MARGIN)
            canvas.paste(Image.fromarray(image), (left, y))
            # Still tiles are white; the outline keeps them visible on the white sheet.
            pen.rectangle((left - 1, y - 1, left + tile, y + len(image)), outline=OUTLINE)
        pen.text((MARGIN, y + height - CAPTION + 2), row.caption, FAINT, _font(13))
        y += height
    return canvas


def draw_arrows(tile: np.ndarray, flow: np.ndarray, maximum: float) -> np.ndarray:
    """Draw flow as arrows over a frame.

    Args:
        tile: (h, w, 3) uint8 RGB, the frame at the size of the picture.
        flow: (2, H, W) float32 at the frame's own size, NaN where unknown.
        maximum: magnitude in pixels of an arrow as long as the spacing; none is longer.

    Returns:
        (h, w, 3) uint8.
    """
    drawn = tile.copy()
    height, width = tile.shape[:2]
    rows = np.arange(ARROW_SPACING // 2, height, ARROW_SPACING)
    columns = np.arange(ARROW_SPACING // 2, width, ARROW_SPACING)
    for y in rows:
        for x in columns:
            u, v = flow[:, y * flow.shape[1] // height, x * flow.shape[2] // width]
            length = np.hypot(u, v) / maximum
            if not np.isfinite(length) or length * ARROW_SPACING < SHORTEST_ARROW:
                continue
            reach = ARROW_SPACING * min(1.0, 1 / length) / maximum
            end = (round(x + float(u) * reach), round(y + float(v) * reach))
            for colour, thickness in ((0, 3), (255, 1)):  # white, with an edge on light ground
                cv2.arrowedLine(
                    drawn, (int(x), int(y)), end, (colour,) * 3, thickness, cv2.LINE_AA, 0, 0.35
                )
    return drawn


def _header(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, title: str, maximum: float, black: str
) -> None:
    canvas.paste(Image.fromarray(_disc(LEGEND)), (MARGIN, MARGIN))
    left = MARGIN + LEGEND + MARGIN
    draw.text((left, MARGIN), title, INK, _font(18))
    lines = (
        "disc: colour of motion from its centre outwards",
        f"rim: {maximum:.3g} px; faster is darker",
        f"white: still; black: {black}",
    )
    for number, line in enumerate(lines):
        draw.text((left, MARGIN + 28 + 18 * number), line, FAINT, _font(13))


def _images(row: Row, maximum: float) -> list[np.ndarray]:
    height, width = next(flow.shape[1:] for flow in row.flows if flow is not None)
    blank = np.full((height, width, 3), BLANK, np.uint8)
    flows = [blank if flow is None else colours(flow, maximum) for flow in row.flows]
    return flows if row.frame is None else [row.frame, *flows]


def _fit(image: np.ndarray, width: int) -> np.ndarray:
    height = round(image.shape[0] * width / image.shape[1])
    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=method)


# Cached, since every frame of a film draws the same.
@cache
def _disc(diameter: int) -> np.ndarray:
    return legend(diameter)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
