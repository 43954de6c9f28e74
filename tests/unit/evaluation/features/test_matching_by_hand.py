"""Matching of clusters to classes, by hand and for degenerate counts."""

import numpy as np
import pytest

from commonfate.evaluation.features.matching import count, iou, match, mean_iou

COUNTS = np.array([[8, 2], [9, 2], [0, 1]])
"""Three clusters, two classes of 17 and 5 points."""


def test_void_is_not_counted():
    result = count(np.array([0, 1, 1, 2]), np.uint8([0, 1, 255, 255]), 3, 2)
    assert result.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert not count(np.zeros(4, int), np.full(4, 255, np.uint8), 1, 1).any()
    with pytest.raises(ValueError, match="cluster 3 is not one of 0 to 2"):
        count(np.array([3]), np.uint8([0]), 3, 2)
    with pytest.raises(ValueError, match="class 2 is not one of 0 to 1"):
        count(np.array([0]), np.uint8([2]), 3, 2)


def test_matchings_by_hand():
    # IoU: 8/19, 2/13; 9/19, 2/14; 0, 1/5. The best sum is 9/19 + 1/5; of points 9 + 2.
    assert match(COUNTS, "hungarian").tolist() == [-1, 0, 1]
    assert match(COUNTS, "hungarian_points").tolist() == [1, 0, -1]
    assert match(COUNTS, "many_to_one_precision").tolist() == [0, 0, 1]
    assert match(COUNTS, "many_to_one_iou").tolist() == [0, 0, 1]


def test_left_over_clusters_only_miss_or_are_background():
    matched = match(COUNTS, "hungarian")
    assert iou(COUNTS, matched, None).tolist() == [9 / 19, 1 / 5]
    assert iou(COUNTS, matched).tolist() == [17 / 21, 1 / 5]


def test_absent_classes_have_no_score_and_no_points_match_nothing():
    counts = np.array([[0, 4, 0], [0, 0, 0]])
    matched = match(counts, "hungarian")
    assert matched.tolist() == [1, -1]
    each = iou(counts, matched, None)
    assert np.isnan(each[[0, 2]]).all()
    assert mean_iou(each) == 1
    nothing = np.zeros((2, 3), int)
    for by in ("hungarian", "hungarian_points", "many_to_one_iou", "many_to_one_precision"):
        assert match(nothing, by).tolist() == [-1, -1]
    assert np.isnan(mean_iou(iou(nothing, match(nothing, "hungarian"))))
