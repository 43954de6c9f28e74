"""Masks and labels over a frame."""

import numpy as np

from commonfate.evaluation.sheets import pictures

FRAME = np.full((40, 60, 3), 200, np.uint8)


def test_outlined_mask():
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:40] = True
    picture = pictures.outlined(FRAME, mask)
    assert picture[0, 0].tolist() == [90, 90, 90]  # 0.45 of 200
    assert picture[20, 30].tolist() == [200, 200, 200]
    assert picture[10, 30].tolist() == list(pictures.PREDICTED)


def test_outside_of_a_mask_is_grey():
    frame = np.zeros((4, 4, 3), np.uint8)
    frame[..., 0] = 200
    outside = pictures.outlined(frame, np.zeros((4, 4), bool))[0, 0]
    assert outside[0] == outside[1] == outside[2] > 0


def test_void_is_pale():
    void = np.zeros((40, 60), bool)
    void[:5] = True
    picture = pictures.outlined(FRAME, np.zeros((40, 60), bool), void=void)
    assert picture[2, 2].tolist() == [162, 162, 162]  # between 90 and 235
    assert picture[20, 2].tolist() == [90, 90, 90]


def test_labels_keep_their_colour_and_the_frame_shows_through():
    frame = FRAME.copy()
    frame[:, 30:] = 40
    labels = np.zeros((40, 60), np.uint8)
    labels[20:] = 1
    picture = pictures.coloured(frame, labels).astype(int)
    light, dark = picture[:, 0], picture[:, -1]
    assert (light[0] > dark[0]).all()
    # The difference of two tints is that of their colours, whatever the frame.
    difference = pictures.colours()[1].astype(int) - pictures.colours()[0]
    np.testing.assert_allclose(light[-1] - light[0], pictures.TINT * difference, atol=1)
    np.testing.assert_allclose(dark[-1] - dark[0], pictures.TINT * difference, atol=1)


def test_colours_of_ones_own():
    palette = np.zeros((256, 3), np.uint8)
    palette[255] = 200
    picture = pictures.coloured(FRAME, np.array([[0, 255]], np.uint8).repeat(30, 1)[:1], palette)
    assert (picture[0, -1].astype(int) - picture[0, 0] == 110).all()  # 0.55 of 200


def test_colours_are_distinct_and_without_black_among_the_first():
    first = pictures.colours()[:8].astype(int)
    apart = np.abs(first[:, None] - first[None]).sum(-1) + 1000 * np.eye(8)
    assert apart.min() > 60
    assert first.sum(-1).min() > 200


def test_labels_are_scaled_without_mixing():
    labels = np.array([[0, 7], [7, 3]], np.uint8)
    scaled = pictures.labels_scaled(labels, (4, 6))
    np.testing.assert_array_equal(scaled, labels.repeat(2, 0).repeat(3, 1))
    assert pictures.labels_scaled(labels > 0, (4, 6)).dtype == bool
