"""Clustering protocols: identities, closed forms and degenerate inputs."""

import numpy as np
import pytest

from commonfate.evaluation.features.clustering import ClusteringSettings, score

LEVELS = ("frame", "clip", "dataset")
CLIPS = np.array([0, 0, 1, 1, 2])
"""Two clips of two frames, and one of a single frame."""


def settings(level="dataset", **changes):
    return ClusteringSettings(level=level, repeats=2, **changes)


def scene(seed: int = 0) -> np.ndarray:
    """Truth (5, 6, 8) of four classes in patches of 2 x 2 pixels; all occur in each frame."""
    rng = np.random.default_rng(seed)
    coarse = np.stack([rng.permutation(np.arange(12) % 4).reshape(3, 4) for _ in CLIPS])
    return coarse.repeat(2, 1).repeat(2, 2).astype(np.uint8)


def one_hot(truth: np.ndarray) -> np.ndarray:
    return np.eye(4, dtype=np.float16)[truth[:, ::2, ::2]]


@pytest.mark.parametrize("level", LEVELS)
def test_the_truth_as_features_scores_all(level):
    truth = scene()
    result = score(one_hot(truth), truth, settings(level), CLIPS)
    assert result.metrics == {"mIoU": 1}
    assert result.spread == {"mIoU": 0}
    assert np.array_equal(result.predictions, truth)
    assert (result.items == 1).all()
    if level == "dataset":
        assert result.classes.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("level", LEVELS)
def test_many_clusters_of_the_truth_score_all(level):
    truth = scene()
    chosen = settings(level, clusters=9, matched="many_to_one")
    result = score(one_hot(truth), truth, chosen, CLIPS)
    assert result.metrics == {"mIoU": 1}
    (note,) = result.notes
    assert note.startswith("fewer different features than clusters")


def test_ids_permuted_between_clips_lower_the_score_of_the_data_set_alone():
    truth = scene()
    features = one_hot(truth)
    permuted = truth.copy()
    permuted[2:4] = np.array([1, 2, 3, 0])[truth[2:4]]
    clip, whole = (
        score(features, permuted, settings(level), CLIPS) for level in ("clip", "dataset")
    )
    assert clip.metrics["mIoU"] == 1
    # Each cluster is of its class in three frames of five, and as often wrong as missing in two.
    assert whole.metrics["mIoU"] == pytest.approx(3 / 7)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("left_over", ["none", "background"])
def test_constant_features_score_the_largest_share(level, left_over):
    """One cluster: the class of the largest share has that IoU, the others 0."""
    truth = np.zeros((5, 6, 8), np.uint8)
    truth[:, :2] = 3
    features = np.full((5, 3, 4, 7), 0.1, np.float16)
    result = score(features, truth, settings(level, left_over=left_over), CLIPS)
    assert result.metrics["mIoU"] == pytest.approx((2 / 3) / 2)
    assert not score(features, truth, settings(level, background=False), CLIPS).metrics["mIoU"]
    assert result.notes


def test_a_clip_counts_once_whatever_its_length():
    truth = scene()
    features = one_hot(truth)
    features[4] = 1
    truth[4] = [[0], [0], [0], [0], [1], [1]]
    one_cluster = (2 / 3) / 2
    clip = score(features, truth, settings("clip"), CLIPS).metrics["mIoU"]
    assert clip == pytest.approx((2 + one_cluster) / 3)
    frame = score(features, truth, settings("frame"), CLIPS).metrics["mIoU"]
    assert frame == pytest.approx((4 + one_cluster) / 5)


def test_released_scores_are_means_of_batches():
    truth = scene()
    features = one_hot(truth)
    features[4] = 1
    truth[4] = [[0], [0], [0], [0], [1], [1]]
    changes = {"batch": 2, "void_is_a_class": True}
    result = score(features, truth, settings("clip", **changes), CLIPS)
    assert result.metrics["mIoU"] == pytest.approx((1 + (2 / 3) / 2) / 2)


@pytest.mark.parametrize("level", LEVELS)
def test_void_is_never_counted(level):
    truth = scene()
    features = one_hot(truth)
    features[:, 0] = 7  # a fifth kind of feature, where truth is void
    truth[:, :2] = 255
    truth[3] = 255
    result = score(features, truth, settings(level), CLIPS)
    assert result.metrics["mIoU"] == 1
    assert list(result.left_out) == [3]
    assert np.isnan(result.items[3])
    assert (result.predictions[3] < 255).all() == (level != "frame")


def test_void_as_a_class_as_released():
    truth = scene()
    features = np.concatenate([one_hot(truth), np.zeros((5, 3, 4, 1), np.float16)], -1)
    features[:, 0] = [0, 0, 0, 0, 1]
    truth[:, :2] = 255
    result = score(features, truth, settings("clip", void_is_a_class=True), CLIPS)
    assert result.metrics["mIoU"] == 1
    assert not result.left_out


@pytest.mark.parametrize("level", LEVELS)
def test_all_void_has_no_score(level):
    truth = np.full((2, 6, 8), 255, np.uint8)
    result = score(np.ones((2, 3, 4, 5)), truth, settings(level))
    assert np.isnan(result.metrics["mIoU"])
    assert list(result.left_out) == [0, 1]
    assert (result.predictions == 255).all()


def test_left_over_clusters_are_of_no_class_or_background():
    truth = np.full((1, 2, 8), 5, np.uint8)
    truth[:, :, 4:] = 0
    features = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)
    nothing = score(features, truth, settings(clusters=4))
    assert sorted(set(nothing.predictions.ravel())) == [0, 5, 255]
    assert nothing.metrics["mIoU"] == pytest.approx(0.5)
    background = score(features, truth, settings(clusters=4, left_over="background"))
    # Background gains its own left-over cluster, and that of class 5 as false.
    assert background.metrics["mIoU"] == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_released_clusters_enlarged_features():
    truth = scene()
    released = settings("clip").as_released()
    assert (released.side, released.batch, released.left_over) == (224, 16, "background")
    whole = settings().as_released()
    assert (whole.side, whole.void_is_a_class) == (112, False)
    chosen = whole.model_copy(update={"side": 24, "starts": 2})
    result = score(one_hot(truth), truth, chosen, CLIPS)
    assert result.predictions.shape == truth.shape
    assert 0.6 < result.metrics["mIoU"] < 1  # edges are blurred


def test_the_same_seed_gives_the_same_labels():
    rng = np.random.default_rng(0)
    features, truth = rng.standard_normal((5, 3, 4, 9)), scene()
    first, second = (score(features, truth, settings("clip"), CLIPS) for _ in range(2))
    assert np.array_equal(first.predictions, second.predictions)
    assert first.repeats == second.repeats
    assert len(first.repeats) == 2


def test_a_sample_of_the_points_serves_large_data_sets(monkeypatch):
    truth = np.tile(scene(), (8, 1, 1))
    monkeypatch.setattr("commonfate.evaluation.features.units.REDUCTION_POINTS", 50)
    monkeypatch.setattr("commonfate.evaluation.features.units.BLOCK", 30)
    chosen = settings(points_per_cluster=10)
    assert score(one_hot(truth), truth, chosen).metrics["mIoU"] == 1


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="5 feature maps, 4 label maps"):
        score(one_hot(scene()), scene()[:4], settings())
    features = one_hot(scene())
    features[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        score(features, scene(), settings())
