"""Layout of a sheet of pictures: bands of one width, one below the other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from commonfate.flow.drawing.colour import legend

CELL = 224
"""Width and largest height of a picture."""
FINER = 2
"""Factor by which pictures are made larger, so that outlines are smooth once they are shrunk."""
LEAST_COLUMNS = 2
"""Columns for which there is room in any case, so that the caption is no column of words."""
LABEL = 158
GAP = 6
MARGIN = 16
DISC = 56
LEAD = 1.35
"""Height of a line of text, in sizes of its font."""
INK, FAINT = (30, 30, 30), (110, 110, 110)
RULE = (205, 205, 205)
BLANK = (240, 240, 240)
DISC_TEXT = "flow: hue is direction,\nrim as the row says;\nfaster is darker"

Line = tuple[str, int, tuple[int, int, int]]
"""Text, size of its font, colour."""


@dataclass(frozen=True)
class Row:
    """One frame of a sheet.

    Attributes:
        group: heading above the rows of one group, which follow each other.
        name: of the sequence, at its first row.
        summary: of the sequence, below its name.
        label: of this frame.
        note: a remark in small print.
        pictures: (h, w, 3) uint8 by column, None where there is none; `flow` is in the colours of
            `flow.drawing.colour`.
    """

    group: str
    name: str
    summary: str | None
    label: str
    note: str
    pictures: dict[str, np.ndarray | None]


def picture_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a picture that fits into a cell once it is shrunk."""
    height, width = size
    scale = FINER * CELL / max(height, width)
    return max(round(height * scale), FINER), max(round(width * scale), FINER)


def arranged(rows: Sequence[Row], caption: str) -> Image.Image:
    """Arrange rows below a caption and the names of the columns.

    Args:
        rows: at least one.
        caption: lines; the first is the title.
    """
    columns = list(dict.fromkeys(chain.from_iterable(row.pictures for row in rows)))
    width = 2 * MARGIN + LABEL + max(len(columns), LEAST_COLUMNS) * (CELL + GAP) - GAP
    bands = [_header(caption, width, "flow" in columns)]
    for before, row in zip([None, *rows], rows, strict=False):
        if before is None or before.group != row.group:
            bands.append(_headings(row.group, columns, width))
        first = before is None or (before.group, before.name) != (row.group, row.name)
        bands.append(_band(row, columns, width, first))
    sheet = _blank(width, sum(band.height for band in bands) + MARGIN - GAP)
    top = 0
    for band in bands:
        sheet.paste(band, (0, top))
        top += band.height
    return sheet


def wrapped(text: str, width: int, size: int, after: str = " ") -> list[str]:
    """Cut text into lines that are no wider than `width` pixels.

    Args:
        text: any length; its own lines are kept.
        width: in pixels.
        size: of the font.
        after: characters after which a line may end; a longer piece is cut anywhere.
    """
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in re.split(f"(?<=[{re.escape(after)}])", paragraph):
            if line and _width(line + piece.rstrip(), size) > width:
                lines.append(line.rstrip())
                line = ""
            for letter in piece:
                if line and _width(line + letter.rstrip(), size) > width:
                    lines.append(line)
                    line = ""
                line += letter
        lines.append(line.rstrip())
    return lines


def _header(caption: str, width: int, with_disc: bool) -> Image.Image:
    """Caption, and the colours of flow at the right."""
    reserved = DISC + 170 if with_disc else 0
    title, *rest = wrapped(caption, width - 2 * MARGIN - reserved, 17)
    lines = [(title, 17, INK), *((line, 13, FAINT) for line in rest)]
    band = _blank(width, max(_height(lines), DISC if with_disc else 0) + MARGIN + GAP)
    _write(band, (MARGIN, MARGIN), lines)
    if with_disc:
        left = width - MARGIN - reserved + 2 * MARGIN
        band.paste(_disc(), (left, MARGIN))
        text = [(line, 12, FAINT) for line in DISC_TEXT.split("\n")]
        _write(band, (left + DISC + 10, MARGIN + (DISC - _height(text)) // 2), text)
    return band


def _headings(group: str, columns: Sequence[str], width: int) -> Image.Image:
    """A rule, the group's name and the columns' names."""
    line = [(group, 15, INK)]
    band = _blank(width, _height(line) + 4 * GAP)
    ImageDraw.Draw(band).line((MARGIN, GAP, width - MARGIN, GAP), RULE)
    _write(band, (MARGIN, 3 * GAP), line)
    for column, name in enumerate(columns):
        _write(band, (_left(column), 3 * GAP + 2), [(name, 13, FAINT)])
    return band


def _band(row: Row, columns: Sequence[str], width: int, first: bool) -> Image.Image:
    """One row: its label and its pictures, side by side."""
    lines = _label(row, first)
    pictures = [_shrunk(row.pictures.get(column)) for column in columns]
    height = max(_height(lines), *(picture.height for picture in pictures if picture))
    space = GAP if first else 0  # sets sequences apart
    band = _blank(width, space + height + GAP)
    _write(band, (MARGIN, space), lines)
    for column, picture in enumerate(pictures):
        if picture is None:
            picture = Image.new("RGB", (CELL, height), BLANK)
        left = _left(column) + (CELL - picture.width) // 2
        band.paste(picture, (left, space + (height - picture.height) // 2))
    return band


def _label(row: Row, first: bool) -> list[Line]:
    lines = []
    if first:
        lines += [(line, 15, INK) for line in wrapped(row.name, LABEL - GAP, 15, " _-./")]
        lines += [(row.summary, 13, INK)] if row.summary else []
    lines += [(line, 13, INK) for line in wrapped(row.label, LABEL - GAP, 13)]
    if row.note:
        lines += [(line, 12, FAINT) for line in wrapped(row.note, LABEL - GAP, 12)]
    return lines


def _write(band: Image.Image, place: tuple[int, int], lines: Sequence[Line]) -> None:
    pen, (left, top) = ImageDraw.Draw(band), place
    for text, size, colour in lines:
        pen.text((left, top), text, colour, _font(size))
        top += round(LEAD * size)


def _height(lines: Sequence[Line]) -> int:
    return sum(round(LEAD * size) for _, size, _ in lines)


def _width(text: str, size: int) -> float:
    return _font(size).getlength(text)


def _left(column: int) -> int:
    return MARGIN + LABEL + column * (CELL + GAP)


def _shrunk(picture: np.ndarray | None) -> Image.Image | None:
    if picture is None:
        return None
    height, width = picture_size((picture.shape[0], picture.shape[1]))
    image = Image.fromarray(picture)
    return image.resize((width // FINER, height // FINER), Image.Resampling.BOX)


def _blank(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), "white")


@cache
def _disc() -> Image.Image:
    return Image.fromarray(legend(DISC))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
