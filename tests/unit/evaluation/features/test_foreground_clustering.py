"""Clustering of the foreground alone: the background is a cluster of its own."""

import numpy as np
import pytest

from commonfate.evaluation.features import clustering
from commonfate.evaluation.features.foreground import patches
from commonfate.evaluation.features.settings import ClusteringSettings, ForegroundClusteringSettings
from commonfate.models.settings import ExtractionSettings

EXTRACTION = ExtractionSettings(clusters=6, background=0.67)


def scene(n: int = 3):
    """One-hot features of six kinds, attention on the last two, which are classes; 0 elsewhere."""
    kinds = np.broadcast_to(np.repeat(np.arange(6), 2)[:, None], (n, 12, 6))
    features = np.eye(6, dtype=np.float32)[kinds]
    attention = np.where(kinds > 3, 1.0, 1e-4)[:, None].repeat(2, 1)
    truth = np.maximum(kinds - 3, 0).astype(np.uint8).repeat(2, 1).repeat(2, 2)
    return features, attention, truth


def settings(**changes) -> ForegroundClusteringSettings:
    return ForegroundClusteringSettings(**{"clusters": 3, "repeats": 2, **changes})


def test_patches_that_attention_prefers_are_the_foreground():
    features, attention, truth = scene()
    assert np.array_equal(patches(features, attention, EXTRACTION), truth[:, ::2, ::2] > 0)


@pytest.mark.parametrize("k", [3, None])
@pytest.mark.parametrize("released", [False, True])
def test_a_background_of_several_kinds_is_one_cluster(k, released):
    features, attention, truth = scene()
    chosen = settings(clusters=k).as_released() if released else settings(clusters=k)
    assert isinstance(chosen, ForegroundClusteringSettings)
    inside = patches(features, attention, EXTRACTION)
    result = clustering.score(features, truth, chosen, inside=inside)
    # Released, features are enlarged bilinearly, so that labels of a few pixels differ.
    assert result.metrics["mIoU"] > 0.9 if released else result.metrics == {"mIoU": 1}
    plain = ClusteringSettings(clusters=3, repeats=2)
    assert clustering.score(features, truth, plain).metrics["mIoU"] < 0.9


def test_points_outside_the_foreground_change_no_cluster():
    """Their features may be anything: only the share of the foreground is read."""
    features, attention, truth = scene()
    inside = patches(features, attention, EXTRACTION)
    other = features.copy()
    other[~inside] = np.random.default_rng(0).normal(size=other[~inside].shape)
    first, second = (
        clustering.score(each, truth, settings(), inside=inside) for each in (features, other)
    )
    assert first.metrics == second.metrics
    assert np.array_equal(first.predictions, second.predictions)


def test_a_foreground_without_patches_is_refused():
    features, attention, truth = scene()
    none = EXTRACTION.model_copy(update={"background": 1.0})
    inside = patches(features, attention, none)
    assert not inside.any()
    with pytest.raises(ValueError, match="no patch is foreground"):
        clustering.score(features, truth, settings(), inside=inside)


def test_two_clusters_are_the_fewest():
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        settings(clusters=1)
