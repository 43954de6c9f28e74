"""Pixels by true and predicted class, by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, jaccard_score

from commonfate.evaluation.semantic import confusion

TRUTH = np.array([[0, 0, 1, 1], [2, 255, 255, 0]], np.uint8)
LABELS = np.array([[0, 1, 1, 1], [0, 2, 0, 0]], np.uint8)
MATRIX = confusion.count(LABELS, TRUTH, 4)


def test_counts():
    assert MATRIX.tolist() == [[2, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_iou_of_each_class():
    # Class 2 is predicted on void pixels alone and missed where it is; class 3 is nowhere.
    np.testing.assert_array_equal(confusion.iou(MATRIX), [2 / 4, 2 / 3, 0, np.nan])
    assert confusion.mean_iou(MATRIX) == pytest.approx((1 / 2 + 2 / 3) / 3)
    assert confusion.accuracy(MATRIX) == 4 / 6


def test_a_class_that_is_only_predicted_occurs():
    matrix = confusion.count(np.array([[0, 3]], np.uint8), np.zeros((1, 2), np.uint8), 4)
    assert confusion.mean_iou(matrix) == (1 / 2 + 0) / 2


def test_everything_void():
    matrix = confusion.count(LABELS, np.full_like(TRUTH, 255), 4)
    assert not matrix.any()
    assert confusion.mean_iou(matrix) == confusion.accuracy(matrix) == 1.0


def test_as_many_classes_as_there_can_be():
    truth = np.arange(256, dtype=np.uint8).reshape(16, 16)
    labels = np.minimum(truth, 254)
    matrix = confusion.count(labels, truth, 255)
    np.testing.assert_array_equal(matrix, np.eye(255))


@pytest.mark.parametrize("wrong", [4, 21, 254])
def test_a_class_out_of_range(wrong):
    with pytest.raises(ValueError, match=f"class {wrong} is not one of 0 to 3"):
        confusion.count(LABELS, np.where(TRUTH == 2, wrong, TRUTH).astype(np.uint8), 4)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_agrees_with_scikit_learn(seed, classes):
    generator = np.random.default_rng(seed)
    labels, truth = generator.integers(0, classes, (2, 9, 11), np.uint8)
    void = generator.random(truth.shape) < 0.2
    matrix = confusion.count(labels, np.where(void, 255, truth).astype(np.uint8), classes)
    pixels = truth[~void], labels[~void]
    np.testing.assert_array_equal(matrix, confusion_matrix(*pixels, labels=range(classes)))
    occurring = np.union1d(*pixels)
    expected = jaccard_score(*pixels, labels=occurring, average=None)
    np.testing.assert_allclose(confusion.iou(matrix)[occurring], expected)
    assert np.isnan(np.delete(confusion.iou(matrix), occurring)).all()
    assert confusion.mean_iou(matrix) == pytest.approx(expected.mean())
