"""Prototypes of foregrounds (FlowDINO, Table V)."""

import numpy as np
import pytest

from commonfate.evaluation.features.prototypes import (
    PrototypesSettings,
    objects,
    prototypes,
    score,
)

THREE = PrototypesSettings(clusters=3, components=8, repeats=3)


def scene(n: int = 12):
    """Images of one square of class 1, 2 or 3, whose features tell the class, and attention."""
    kinds = 1 + np.arange(n) % 3
    inside = np.zeros((4, 5), bool)
    inside[1:3, 1:3] = True
    truth = (inside * kinds[:, None, None]).astype(np.uint8).repeat(2, 1).repeat(2, 2)
    features = np.where(inside[..., None], np.eye(4)[kinds][:, None, None], 9.0)
    attention = np.where(inside, 0.9, 0.1)[None, None].repeat(n, 0).repeat(2, 1)
    return features.astype(np.float32), attention.astype(np.float32), truth


def test_objects_have_more_than_average_attention():
    attention = np.float32([[[[1, 2], [3, 6]], [[1, 2], [3, 6]]]])
    assert objects(attention).tolist() == [[[False, False], [False, True]]]
    assert not objects(np.full((1, 3, 2, 2), 0.1, np.float16)).any()


def test_prototypes_by_hand():
    features = np.float32([[[[3, 0], [0, 8]], [[9, 9], [9, 9]]], [[[1, 1], [1, 1]]] * 2])
    masks = np.array([[[1, 1], [0, 0]], [[0, 0], [0, 0]]], bool)
    expected = [[1.5 / np.hypot(1.5, 4), 4 / np.hypot(1.5, 4)], [0, 0]]
    np.testing.assert_allclose(prototypes(features, masks), expected, rtol=1e-6)


def test_features_that_tell_the_class_score_all():
    features, attention, truth = scene()
    for settings in (THREE, THREE.as_released()):
        result = score(features, attention, truth, settings)
        assert result.metrics == {"mIoU": 1}
        assert result.spread == {"mIoU": 0}
        assert np.array_equal(result.predictions, truth)
        assert result.classes.tolist() == [1, 1, 1, 1]
    assert len(result.repeats) == 3


def test_constant_features_are_one_cluster():
    _, attention, truth = scene()
    result = score(np.ones((12, 4, 5, 6)), attention, truth, THREE)
    # Background is right, one class has a third of the squares, two have nothing.
    assert result.metrics["mIoU"] == pytest.approx((1 + 1 / 3) / 4)
    assert result.notes == ("fewer different objects than clusters: 1",)


def test_images_without_an_object_or_truth_are_left_out():
    features, attention, truth = scene()
    attention[4] = 0.3
    truth[5] = 255
    result = score(features, attention, truth, THREE)
    assert result.metrics == {"mIoU": 1}
    assert sorted(result.left_out) == [4, 5]
    assert np.isnan(result.items[[4, 5]]).all()
    nothing = score(features, np.ones_like(attention), truth, THREE)
    assert np.isnan(nothing.metrics["mIoU"])


def test_void_is_not_counted():
    features, attention, truth = scene()
    truth[:, 0] = 255
    truth[0, 2:4, 2:4] = 255
    assert score(features, attention, truth, THREE).metrics == {"mIoU": 1}


def test_mistakes_are_refused():
    features, attention, truth = scene()
    with pytest.raises(ValueError, match="12 feature maps, 11 attention maps"):
        score(features, attention[1:], truth, THREE)
    features[0, 1, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        score(features, attention, truth, THREE)
