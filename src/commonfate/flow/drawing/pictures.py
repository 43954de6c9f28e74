"""Sheets of pictures: frames beside their coloured flow, with headings and the colours' legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from commonfate.flow.drawing.arrows import draw
from commonfate.flow.drawing.colour import colours, legend

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
        caption: what and when, e.g. `dog, frame 12`.
        frame: (H, W, 3) uint8 RGB, or None where frames are not at hand.
        flows: (2, H, W) float32 for each gap, None where there is none; at least one is there.
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
        gaps: of the flows.
        title: first line.
        maximum: magnitude in pixels that is drawn fully saturated, in all tiles.
        tile: width of a tile in pixels.
        black: what black means, for the legend.
        arrows: draw the flow of the first gap as arrows, too, over the frame.
    """
    lines = [[_fit(image, tile) for image in _images(row, maximum)] for row in rows]
    if arrows:
        for row, line in zip(rows, lines, strict=True):
            if row.frame is not None and row.flows[0] is not None:
                line[0] = draw(line[0], row.flows[0], maximum)
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
            # Around the tile, so that one where nothing moves is not lost on the white sheet.
            pen.rectangle((left - 1, y - 1, left + tile, y + len(image)), outline=OUTLINE)
        pen.text((MARGIN, y + height - CAPTION + 2), row.caption, FAINT, _font(13))
        y += height
    return canvas


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


# Both are the same in every frame of a film.
@cache
def _disc(diameter: int) -> np.ndarray:
    return legend(diameter)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
