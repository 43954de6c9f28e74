"""Choice of the foreground, by hand and against every possible choice."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonfate.base.errors import ConfigError
from commonfate.evaluation import kinds
from commonfate.evaluation.masks import foreground
from commonfate.evaluation.masks.foreground import extent, frame_jaccard, overlap
from commonfate.evaluation.masks.jaccard import count, jaccard

LABELS = np.array(
    [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 2, 0],
        [0, 1, 1, 2, 0],
        [0, 0, 0, 2, 0],
    ],
    np.uint8,
)
NOTHING = np.zeros(LABELS.shape, bool)


def choose(name: str, labels: np.ndarray, truth: np.ndarray, segments: int, void=NOTHING):
    rule = foreground.get(name)
    return rule.choose(labels, overlap(labels, truth, void, segments)).tolist()


def test_overlap_counts_outside_and_inside():
    truth = LABELS == 1
    truth[0, 0] = True
    np.testing.assert_array_equal(
        overlap(LABELS, truth, NOTHING, 4), [[12, 1], [0, 4], [3, 0], [0, 0]]
    )


def test_void_pixels_are_in_no_segment():
    void = LABELS == 2
    void[0] = True
    np.testing.assert_array_equal(overlap(LABELS, LABELS == 1, void, 3), [[8, 0], [0, 4], [0, 0]])


def test_extent_counts_each_corner_once():
    np.testing.assert_array_equal(extent(LABELS, 4), [[13, 13], [0, 4], [1, 3], [0, 0]])


def test_unsupervised_takes_the_least_contact_with_the_border():
    assert choose("unsupervised", LABELS, LABELS == 2, 4) == [False, True, False, False]


def test_unsupervised_takes_the_smaller_where_contact_is_equal():
    labels = np.zeros((4, 4), np.uint8)
    labels[0, :2], labels[3, 2:] = 1, 2  # two border pixels each
    labels[2, 2] = 2
    labels[labels == 0] = 3
    assert choose("unsupervised", labels, labels == 3, 4) == [False, True, False, False]


def test_unsupervised_finds_no_foreground_in_a_single_group():
    item = np.ones((3, 3), np.uint8)
    assert choose("unsupervised", item, item > 0, 2) == [False, False]


def test_sides_are_two_pixels_wide():
    labels = np.zeros((4, 10), np.uint8)
    labels[1, :3] = 1
    np.testing.assert_array_equal(
        foreground.sides(labels, 2), [[6 / 8, 1, 17 / 20, 1], [2 / 8, 0, 3 / 20, 0]]
    )


def test_unsupervised_as_released_leaves_the_sides_to_the_background():
    labels = np.zeros((20, 20), np.uint8)
    labels[5:15, 5:15] = 1
    assert choose("unsupervised_released", labels, labels > 1, 2) == [False, True]
    assert choose("unsupervised_released", 1 - labels, labels > 1, 2) == [True, False]


def test_as_released_a_side_counts_as_whole_above_a_share():
    # Group 1 covers 0.4 of each side, mid-way, so 4 in all; group 0 as much, but it comes first.
    labels = np.zeros((20, 20), np.uint8)
    labels[6:14], labels[:, 6:14] = 1, 1
    assert choose("unsupervised_released", labels, labels > 1, 2) == [False, True]
    labels[6:14], labels[:, 6:14] = 0, 0
    labels[:, :2] = 1  # one whole side and a tenth of two others: 1.2 against 3.0
    assert choose("unsupervised_released", labels, labels > 1, 2) == [False, True]


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["unsupervised", "unsupervised_released"]))
def test_unsupervised_does_not_see_the_truth(seed, rule):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, (5, 6), np.uint8)
    truths = generator.random((2, 5, 6)) < 0.5
    first, second = (choose(rule, labels, truth, 3) for truth in truths)
    assert first == second
    assert not foreground.get(rule).looks_at_ground_truth


@pytest.mark.parametrize(
    ("chosen", "labels", "expected"),
    [
        ([False, True], [[0, 1]], True),
        ([True, False], [[0, 1]], False),
        ([False, False], [[0, 0]], True),
        ([False, False], [[1, 1]], False),
    ],
)
def test_which_of_two_groups_is_the_foreground(chosen, labels, expected):
    result = foreground.is_second(np.array(chosen), np.array(labels, np.uint8))
    assert result is expected


@pytest.mark.parametrize("labels", [LABELS % 2, np.zeros_like(LABELS), np.ones_like(LABELS)])
def test_the_object_is_always_the_second_group(labels):
    assert choose("object", labels, LABELS == 2, 2) == [False, True]
    assert foreground.is_second(np.array([False, True]), labels)
    rule = foreground.get("object")
    assert (rule.segments, rule.looks_at_ground_truth) == ("groups", False)


def test_as_many_labels_as_eight_bits_have():
    labels = np.array([[0, 127, 128, 254, 255]], np.uint8)
    truth = np.array([[True, False, True, False, True]])
    counts = overlap(labels, truth, np.zeros_like(truth), 256)
    assert np.flatnonzero(counts[:, 0]).tolist() == [127, 254]
    assert np.flatnonzero(counts[:, 1]).tolist() == [0, 128, 255]


def test_oracle_takes_the_best_single_group():
    truth = LABELS > 0  # IoU of group 1 is 4/7, of group 2 3/7, of group 0 0
    assert choose("oracle", LABELS, truth, 3) == [False, True, False]


def test_oracle_takes_an_absent_group_where_the_object_is_absent():
    assert choose("oracle", np.zeros((2, 2), np.uint8), np.zeros((2, 2), bool), 2) == [False, True]


def test_oracle_takes_the_smallest_where_there_is_nothing_to_find():
    # No group is absent, so each scores 0: not the background, which comes first.
    assert choose("oracle", LABELS, NOTHING, 3) == [False, False, True]
    assert choose("oracle", LABELS, NOTHING, 4) == [False, False, False, True]  # group 3 is empty
    assert choose("oracle", (LABELS == 0).astype(np.uint8), NOTHING, 2) == [True, False]


def test_empty_masks_of_empty_truth_score_1():
    counts = overlap(LABELS, NOTHING, NOTHING, 4)
    scores = [frame_jaccard(counts, chosen) for chosen in np.eye(4, dtype=bool)]
    assert scores == [0.0, 0.0, 0.0, 1.0]
    assert frame_jaccard(counts, np.zeros(4, bool)) == 1.0


def test_oracle_of_components_joins_them():
    assert choose("oracle_components", LABELS, LABELS > 0, 4)[:3] == [False, True, True]
    assert choose("oracle_components", LABELS, NOTHING, 3) == [False, False, False]


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.floats(0, 1))
def test_oracle_of_components_is_the_best_of_all_choices(seed, segments, share):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, segments, (6, 7), np.uint8)
    truth = generator.random((6, 7)) < share
    counts = overlap(labels, truth, generator.random((6, 7)) < 0.1, segments)
    chosen = foreground.get("oracle_components").choose(labels, counts)
    every = product([False, True], repeat=segments)
    assert frame_jaccard(counts, chosen) == max(frame_jaccard(counts, np.array(c)) for c in every)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_jaccard_from_overlap_is_that_of_the_mask(seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, (6, 7), np.uint8)
    truth, void = generator.random((2, 6, 7)) < 0.3
    chosen = generator.random(4) < 0.5
    result = frame_jaccard(overlap(labels, truth, void, 4), chosen)
    assert result == jaccard(*count(chosen[labels], truth, void))


def test_unknown_rule():
    with pytest.raises(ConfigError, match="foreground 'orakle' is unknown; did you mean oracle"):
        foreground.get("orakle")
    with pytest.raises(ConfigError, match="'clases' is unknown; did you mean classes"):
        kinds.scoring_predictions("clases")
