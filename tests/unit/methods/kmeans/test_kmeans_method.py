"""The appearance baseline: k-means on dense features."""

import numpy as np
import pytest
import torch

from commonfate.errors import ConfigError
from commonfate.methods import create
from commonfate.methods.kmeans.method import cluster
from commonfate.methods.kmeans.settings import KMeansSettings
from commonfate.settings import from_pairs


def test_clusters_are_the_two_kinds_of_vectors():
    kind = torch.tensor([[0, 0, 1], [0, 1, 1]])
    features = torch.stack([kind * 3.0, 1.0 - kind]) + 0.01 * torch.randn(2, 2, 3)
    found = cluster(features, clusters=2, seed=0)
    assert torch.equal(found ^ found[0, 0], kind)


def test_a_disc_on_a_plain_ground_is_found():
    y, x = np.mgrid[:48, :64]
    disc = (y - 24) ** 2 + (x - 30) ** 2 < 15**2
    frame = np.where(disc[..., None], np.uint8([200, 60, 40]), np.uint8([40, 90, 160]))
    method = create(KMeansSettings(image_size=(48, 64)))
    groups = method.predict(None, frame, None).groups.numpy() > 0.5
    overlap = max((group & disc).sum() / (group | disc).sum() for group in groups)
    assert overlap > 0.7  # texture is measured over a neighbourhood, which blurs the outline


def test_prediction_is_one_hot_and_repeats():
    frame = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    method = create(KMeansSettings(clusters=3, image_size=(32, 48)))
    first, second = (method.predict(None, frame, None) for _ in range(2))
    assert first.components.shape == (3, 32, 48)
    assert torch.equal(first.components.sum(0), torch.ones(32, 48))
    assert set(first.components.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(first.components, second.components)
    assert method.description == {"features": "pixels", "resolution": "32x48"}


def test_a_frame_of_one_colour_does_not_fail():
    frame = np.full((32, 48, 3), 120, np.uint8)
    groups = create(KMeansSettings(image_size=(32, 48))).predict(None, frame, None).groups
    assert torch.equal(groups.sum(0), torch.ones(32, 48))


def test_sizes_that_dino_cannot_take():
    with pytest.raises(ConfigError, match="multiples of 8 for dino_vits8"):
        from_pairs(KMeansSettings, ["features=dino_vits8", "image_size=[100, 224]"])
