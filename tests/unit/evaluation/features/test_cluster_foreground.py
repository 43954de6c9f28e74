"""Cluster-based foreground extraction."""

import numpy as np
import pytest

from commonfate.evaluation.features.foreground import fit, score
from commonfate.evaluation.features.foreground_clusters import candidates, tuned_threshold
from commonfate.evaluation.features.settings import ForegroundSettings
from commonfate.models.grouping.foreground import attention_mask, fixed_threshold, precisions

FOUR = ForegroundSettings(clusters=4, background=0.75)


def scene(n: int = 3):
    """One-hot features of four kinds in rows, attention on the last, and truth there."""
    kinds = np.broadcast_to(np.repeat(np.arange(4), 2)[:, None], (n, 8, 6))
    features = np.eye(4, dtype=np.float32)[kinds]
    attention = np.where(kinds == 3, 1.0, 1e-4)[:, None].repeat(2, 1)
    truth = (kinds == 3).astype(np.uint8).repeat(2, 1).repeat(2, 2)
    return features, attention, truth


def test_precisions_by_hand():
    labels = np.array([[[0, 0], [1, 1]], [[0, 0], [0, 0]]])
    attended = np.array([[[1, 0], [1, 1]], [[0, 0], [0, 1]]], bool)
    result = precisions(labels, attended, 3)
    assert result[:2].tolist() == [(1 / 2 + 1 / 4) / 2, 1]
    assert np.isnan(result[2])


def test_thresholds_by_hand():
    each = np.array([0.9, 0.1, np.nan, 0.4, 0.3])
    assert fixed_threshold(each, 0.5) == 0.4
    assert fixed_threshold(each, 0.0) == 0.1
    assert fixed_threshold(each, 1.0) == np.inf
    labels = np.array([[[0, 1, 3, 4]]])
    tried = candidates(labels, each, np.uint8([[[1, 0, 0, 0]]]))
    assert tried.tolist() == [[0.4, 2, 0.5]]


def test_of_equal_cuts_the_last_is_tuned_as_released():
    """The released code sorts the cuts by their Jaccard index and takes the last."""
    each = np.arange(8) / 10  # cuts 4 and 5
    labels = np.array([[[4, 7, 6, 6]]])
    truth = np.uint8([[[1, 1, 1, 1]]])
    assert candidates(labels, each, truth)[:, 2].tolist() == [1, 0.75]
    assert tuned_threshold(labels, each, truth) == pytest.approx(0.4)
    labels = np.array([[[7, 7, 6, 6]]])
    assert candidates(labels, each, truth)[:, 2].tolist() == [1, 1]
    assert tuned_threshold(labels, each, truth) == pytest.approx(0.5)
    assert tuned_threshold(labels, 0.97 + each / 100, truth) == pytest.approx(0.95)


def test_released_truth_is_resized_as_attention_and_clusters_are():
    """From the corners of pixels: of 16 rows the even ones, which alone have a foreground."""
    features, attention, truth = scene(1)
    truth[:, 1::2] = 0
    released = FOUR.as_released().model_copy(update={"side": 8})
    extractor = fit(features, attention, released, truth)
    # Of four clusters the tuned cut keeps two, whose lesser precision is 0: all are foreground.
    assert extractor.threshold == 0
    assert score(extractor, features, attention, truth, released).items.tolist() == [1 / 4]


def test_specks_of_attention_are_removed():
    attention = np.full((1, 1, 9, 9), 1e-6)
    attention[0, 0, 1:5, 1:5] = 1
    attention[0, 0, 7, 7] = 3
    mask = attention_mask(attention, 0.65)[0]
    assert mask[2:4, 2:4].all()
    assert not mask[6:, 6:].any()


def test_the_attended_cluster_is_the_foreground():
    features, attention, truth = scene()
    result = score(fit(features, attention, FOUR), features, attention, truth, FOUR)
    assert result.metrics == {"J": 1}
    assert np.array_equal(result.predictions, truth)


def test_released_tunes_on_truth_and_clusters_anew():
    features, attention, truth = scene()
    released = FOUR.as_released().model_copy(update={"side": 16})
    with pytest.raises(ValueError, match="truth of the training images is missing"):
        fit(features, attention, released)
    extractor = fit(features, attention, released, truth)
    assert extractor.threshold / 0.05 == pytest.approx(round(extractor.threshold / 0.05))
    turned = features[..., ::-1].copy()  # other features than those of training
    assert score(extractor, turned, attention, truth, released).items.shape == (3,)


def test_void_is_left_out_or_foreground():
    features, attention, truth = scene()
    truth[0, :4] = 255
    truth[1] = 255
    extractor = fit(features, attention, FOUR)
    result = score(extractor, features, attention, truth, FOUR)
    assert result.metrics == {"J": 1}
    assert list(result.left_out) == [1]
    counted = FOUR.model_copy(update={"void_is_foreground": True})
    result = score(extractor, features, attention, truth, counted)
    assert result.items == pytest.approx([1 / 2, 1 / 4, 1])


def test_more_clusters_than_different_features_are_noted():
    features, attention, truth = scene()
    chosen = FOUR.model_copy(update={"clusters": 9})
    result = score(fit(features, attention, chosen), features, attention, truth, chosen)
    assert result.metrics == {"J": 1}
    assert result.notes == ("fewer different features than clusters: 4",)
