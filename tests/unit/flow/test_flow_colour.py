"""Colours of flow, against the wheel as Baker et al. define it."""

import numpy as np
import pytest

from commonfate.flow.drawing.colour import colours, legend, robust_maximum, wheel


def field(u: float, v: float) -> np.ndarray:
    return np.array([u, v], np.float32).reshape(2, 1, 1)


def test_wheel_has_its_55_hues_at_the_known_places():
    hues = np.round(wheel() * 255).astype(int)
    assert hues.shape == (55, 3)
    # Red, yellow, green, cyan, blue, magenta begin at the sums of 15, 6, 4, 11, 13.
    assert hues[[0, 15, 21, 25, 36, 49]].tolist() == [
        [255, 0, 0],
        [255, 255, 0],
        [0, 255, 0],
        [0, 255, 255],
        [0, 0, 255],
        [255, 0, 255],
    ]
    assert hues[1].tolist() == [255, 17, 0]  # floor(255 / 15)
    assert hues[54].tolist() == [255, 0, 43]  # 255 - floor(255 * 5 / 6) = 43, magenta fades


@pytest.mark.parametrize(
    ("u", "v", "position"),
    [(1, 0, 0.0), (0, 1, 13.5), (-1, 0, 27.0), (0, -1, 40.5)],
)
def test_directions_have_the_hues_of_the_published_wheel(u, v, position):
    # Position on the wheel: (atan2(-v, -u) / pi + 1) / 2 * 54, written out by hand.
    low = int(position)
    expected = 255 * (wheel()[low] * (low + 1 - position) + wheel()[low + 1] * (position - low))
    np.testing.assert_allclose(colours(field(u, v), 1.0)[0, 0], expected, atol=1.01)


def test_magnitude_goes_from_white_to_the_hue_and_then_darkens():
    right = [colours(field(u, 0), 2.0)[0, 0].tolist() for u in (0, 1, 2, 3)]
    assert right == [[255, 255, 255], [255, 127, 127], [255, 0, 0], [191, 0, 0]]


def test_unknown_flow_is_black_whichever_component_is_missing():
    for bad in (np.nan, np.inf):
        assert colours(field(bad, 0), 1.0).tolist() == [[[0, 0, 0]]]
        assert colours(field(0, bad), 1.0).tolist() == [[[0, 0, 0]]]


def test_robust_maximum_ignores_outliers_and_unknown_values():
    flow = np.zeros((2, 10, 100), np.float32)
    flow[0] = np.tile(np.arange(1, 101, dtype=np.float32) / 10, (10, 1))
    flow[:, 0, 0] = np.nan
    assert robust_maximum(flow, percentile=100) == pytest.approx(10)
    flow[0, 0, 1] = 1e6
    assert robust_maximum(flow) == pytest.approx(9.9, abs=0.11)
    assert robust_maximum(np.full((2, 2, 2), np.nan, np.float32)) == 1e-3
    assert (colours(np.zeros((2, 3, 3), np.float32)) == 255).all()


def test_legend_is_a_disc_of_the_same_colours():
    disc = legend(101)
    assert disc.shape == (101, 101, 3)
    assert disc[0, 0].tolist() == [255, 255, 255]
    assert disc[50, 50].min() > 250
    # 2.5 pixels from the left rim: 94 % of the way from white to hue 27, (0, 209, 255).
    np.testing.assert_allclose(disc[50, 3].astype(int), [15, 212, 255], atol=5)


@pytest.mark.parametrize(
    ("u", "v", "expected"),
    [
        # Position on the wheel of 55 hues, and what the published formulas give there.
        (1, 0, (255, 0, 0)),  # 0: red
        (1, 1, (255, 114, 0)),  # 6.75: green floor(255 * 6 / 15) = 102 and 119
        (0, 1, (255, 229, 0)),  # 13.5: green 221 and 238
        (-1, 1, (32, 255, 0)),  # 20.25: red 255 - floor(255 * 5 / 6) = 43 and 0
        (-1, 0, (0, 209, 255)),  # 27: green 255 - floor(255 * 2 / 11)
        (-1, -1, (0, 52, 255)),  # 33.75: green 255 - 185 = 70 and 255 - 208 = 47
        (0, -1, (88, 0, 255)),  # 40.5: red 78 and 98
        (1, -1, (220, 0, 255)),  # 47.25: red 215 and 235
    ],
)
def test_hues_of_eight_directions_are_those_worked_out_by_hand(u, v, expected):
    length = np.hypot(u, v)
    result = colours(field(u, v), length * 1.00001)[0, 0].astype(int)
    np.testing.assert_allclose(result, expected, atol=1)
