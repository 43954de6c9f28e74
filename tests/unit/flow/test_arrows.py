"""Flow as arrows on a frame."""

import numpy as np

from commonfate.flow.drawing import pictures

TILE = np.full((pictures.ARROW_SPACING * 2, pictures.ARROW_SPACING * 3, 3), 100, np.uint8)


def drawn(u: float, v: float) -> np.ndarray:
    flow = np.zeros((2, 8, 12), np.float32)
    flow[0], flow[1] = u, v
    return pictures.draw_arrows(TILE, flow, maximum=4.0)


def test_an_arrow_goes_from_its_place_to_where_the_flow_points():
    right, down = drawn(4, 0), drawn(0, 4)
    middle = pictures.ARROW_SPACING // 2
    assert right[middle, middle + pictures.ARROW_SPACING // 2].min() > 200
    assert right[middle + pictures.ARROW_SPACING // 2, middle].max() <= 100
    assert down[middle + pictures.ARROW_SPACING // 2, middle].min() > 200


def test_what_is_still_slow_or_unknown_has_no_arrow():
    for u in (0.0, 0.1, np.nan):
        np.testing.assert_array_equal(drawn(u, 0), TILE)
    assert (TILE == 100).all()


def test_what_is_faster_than_the_maximum_is_not_longer():
    np.testing.assert_array_equal(drawn(40, 0), drawn(4, 0))
