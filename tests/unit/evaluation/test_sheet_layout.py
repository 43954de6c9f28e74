"""How rows of pictures are arranged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from commonfate.evaluation.sheets import layout
from commonfate.evaluation.sheets.layout import CELL, GAP, LABEL, MARGIN, Row

RED = (255, 0, 0)
FONT = ImageFont.load_default(13)


def picture(height, width):
    """All red, of the size in which a picture of this shape is made."""
    return np.full((*layout.picture_size((height, width)), 3), RED, np.uint8)


def row(pictures, group="Highest J", name="dog"):
    return Row(group, name, "mean J 50.0", "frame 1, J 50.0", "", pictures)


def red(sheet):
    return (np.asarray(sheet) == RED).all(-1)


def test_cells_stand_below_each_other():
    rows = [row({"one": picture(100, 200), "two": None}), row({"one": picture(100, 200)})]
    sheet = layout.arranged(rows, "title")
    left = MARGIN + LABEL
    assert sheet.width == 2 * MARGIN + LABEL + 2 * CELL + GAP
    result = red(sheet)
    assert result.sum() == 2 * CELL * CELL // 2
    assert result[:, left : left + CELL].sum() == result.sum()
    # A picture that is missing is blank.
    second = np.asarray(sheet)[:, left + CELL + GAP :]
    assert (second == layout.BLANK).all(-1).any()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((480, 854), (126, 224)), ((500, 100), (224, 45)), ((7, 7), (224, 224)), ((1, 999), (1, 224))],
)
def test_pictures_of_any_shape_fit_into_a_cell(shape, expected):
    result = red(layout.arranged([row({"one": picture(*shape)})], "title"))
    rows, columns = result.any(1).sum(), result.any(0).sum()
    assert (rows, columns) == pytest.approx(expected, abs=1)
    centre = MARGIN + LABEL + CELL / 2
    assert np.flatnonzero(result.any(0)).mean() == pytest.approx(centre, abs=1)


def test_each_group_has_its_headings_and_each_sequence_its_name_once():
    item, two = row({"one": picture(9, 16)}), row({"one": picture(9, 16)}, "Lowest J", "cat")
    height = layout.arranged([item], "title").height
    same = layout.arranged([item, item], "title").height - height
    other = layout.arranged([item, two], "title").height - height
    assert same == CELL * 9 // 16 + GAP
    assert other > same + 20


def test_the_colours_of_flow_are_explained_where_there_is_flow():
    plain = layout.arranged([row({"frame": picture(9, 16), "xxxx": None})], "title")
    flow = layout.arranged([row({"frame": picture(9, 16), "flow": None})], "title")

    def colourful(sheet):
        top = np.asarray(sheet)[: MARGIN + layout.DISC].astype(int)
        return np.ptp(top, axis=-1).max() > 100

    assert colourful(flow)
    assert not colourful(plain)


@settings(max_examples=50, deadline=None)
@given(st.text("ab _-/W", max_size=60), st.integers(20, 200))
def test_wrapped_lines_fit_and_lose_nothing(text, width):
    lines = layout.wrapped(text, width, 13, " _-/")
    assert all(FONT.getlength(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_short_text_is_one_line():
    assert layout.wrapped("car-shadow", 150, 15, " -") == ["car-shadow"]
