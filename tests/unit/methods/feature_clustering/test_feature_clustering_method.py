"""The appearance baseline: clusters of dense features, merged or not."""

import numpy as np
import pytest
import torch

from commonfate.base.errors import ConfigError
from commonfate.base.settings import from_pairs
from commonfate.methods import create
from commonfate.methods.feature_clustering.clustering import kmeans
from commonfate.methods.feature_clustering.method import averaged, cluster
from commonfate.methods.feature_clustering.settings import FeatureClusteringSettings
from commonfate.models import features
from helpers.strict import no_warnings

ALGORITHMS = ("kmeans", "spectral")


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with no_warnings():
        yield


def settings(**values) -> FeatureClusteringSettings:
    return FeatureClusteringSettings(image_size=(48, 64), **values)


def disc_on_a_plain_ground() -> tuple[np.ndarray, np.ndarray]:
    """A frame (48, 64, 3) and the mask of the disc in it."""
    y, x = np.mgrid[:48, :64]
    disc = (y - 24) ** 2 + (x - 30) ** 2 < 15**2
    return np.where(disc[..., None], np.uint8([200, 60, 40]), np.uint8([40, 90, 160])), disc


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_clusters_are_the_two_kinds_of_vectors(algorithm):
    kind = torch.tensor([[0, 0, 1], [0, 1, 1]])
    dense = torch.stack([kind * 3.0, 1.0 - kind]) + 0.01 * torch.rand(2, 2, 3)
    masks = cluster(dense, settings(algorithm=algorithm))
    assert masks.shape == (2, 2, 3)
    assert torch.equal(masks.argmax(0) ^ masks.argmax(0)[0, 0], kind)


def test_a_disc_on_a_plain_ground_is_found():
    frame, disc = disc_on_a_plain_ground()
    groups = create(settings()).predict(None, frame, None).groups.numpy() > 0.5
    overlap = max((group & disc).sum() / (group | disc).sum() for group in groups)
    assert overlap > 0.7  # texture is measured over a neighbourhood, which blurs the outline


@pytest.fixture
def four_kinds(monkeypatch) -> torch.Tensor:
    """Features of four kinds, one a quadrant; top and bottom are each alike."""
    angles = torch.deg2rad(torch.tensor([[0.0, 20.0], [70.0, 90.0]]))
    angles = angles.repeat_interleave(8, 0).repeat_interleave(8, 1)
    dense = torch.stack([angles.cos(), angles.sin()])
    monkeypatch.setattr(features, "create", lambda *_: lambda _: dense)
    return dense


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_clusters_that_are_alike_are_merged(algorithm, four_kinds):
    method = create(settings(algorithm=algorithm, clusters=4, merge=True))
    prediction = method.predict(None, np.zeros((16, 16, 3), np.uint8), None)
    assert prediction.components.sum((1, 2)).tolist() == [64] * 4
    top = prediction.groups[:, 0, 0].argmax()
    assert prediction.groups[top, :8].all()
    assert prediction.groups[1 - top, 8:].all()


def test_merged_groups_are_sums_of_components():
    frame = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    prediction = create(settings(clusters=4, merge=True)).predict(None, frame, None)
    group_of = [
        [bool(((group > 0) >= (item > 0)).all()) for group in prediction.groups]
        for item in prediction.components
    ]
    assert all(sum(member) == 1 for member in group_of)
    assert torch.equal(prediction.groups.sum(0), torch.ones(48, 64))
    assert prediction.groups.flatten(1).any(1).all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_prediction_is_one_hot_and_repeats(algorithm):
    frame = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    method = create(settings(algorithm=algorithm, clusters=3))
    first, second = (method.predict(None, frame, None) for _ in range(2))
    assert first.components.shape == (3, 48, 64)
    assert torch.equal(first.components.sum(0), torch.ones(48, 64))
    assert set(first.components.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(first.components, second.components)
    assert method.description == {"features": "pixels", "resolution": "48x64"}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("merge", [False, True])
def test_a_frame_of_one_colour_is_one_segment(algorithm, merge):
    frame = np.full((32, 48, 3), 120, np.uint8)
    method = create(settings(algorithm=algorithm, clusters=4, merge=merge))
    groups = method.predict(None, frame, None).groups
    assert torch.equal(groups[0], torch.ones(48, 64))
    assert not groups[1:].any()


def test_spectral_clustering_looks_at_an_average_of_large_maps():
    frame, _ = disc_on_a_plain_ground()
    method = create(settings(algorithm="spectral", positions=800))
    groups = method.predict(None, frame, None).groups
    assert groups.shape == (2, 24, 32)  # 48x64 has 3072 positions
    assert groups.flatten(1).any(1).all()


def test_averages_are_of_areas():
    dense = torch.arange(24.0).reshape(1, 4, 6)
    assert averaged(dense, 24) is dense
    result = averaged(dense, 6)
    assert result.shape == (1, 2, 3)
    torch.testing.assert_close(result[0, 0, 0], dense[0, :2, :2].mean())
    assert averaged(torch.zeros(1, 128, 224), 6500).shape == (1, 60, 106)


def test_a_frame_can_be_clustered_at_another_size():
    frame, _ = disc_on_a_plain_ground()
    result = create(settings()).predict(None, frame, None, size=(31, 45))
    assert result.groups.shape == (2, 31, 45)


def test_few_different_vectors_are_numbered_by_first_occurrence():
    vectors = np.float32([[5, 5], [1, 1], [5, 5], [3, 3]])
    assert kmeans(vectors, 4, seed=0).tolist() == [0, 1, 0, 2]
    assert kmeans(vectors[:1], 2, seed=0).tolist() == [0]
    assert len(set(kmeans(vectors, 2, seed=0).tolist())) == 2


@pytest.mark.parametrize(
    ("name", "size", "multiple"),
    [("dino_vitb8", "[100, 224]", 8), ("dino_vits16", "[136, 224]", 16)],
)
def test_sizes_that_dino_cannot_take(name, size, multiple):
    with pytest.raises(ConfigError, match=f"multiples of {multiple} for {name}"):
        from_pairs(FeatureClusteringSettings, [f"features={name}", f"image_size={size}"])


def test_the_slug_tells_the_rows_of_the_table_apart():
    rows = [
        FeatureClusteringSettings(algorithm="spectral"),
        FeatureClusteringSettings(clusters=4, merge=True),
        FeatureClusteringSettings(features="dino_vits8"),
    ]
    assert [row.slug for row in rows] == [
        ("spectral", "k2", "pixels"),
        ("kmeans", "k4.merged", "pixels"),
        ("kmeans", "k2", "dino_vits8"),
    ]
