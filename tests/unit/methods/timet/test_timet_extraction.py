"""The foreground that TimeT settles after training, and segments frames with."""

import numpy as np
import pytest
import torch

from commonfate.methods.base import Segmenting
from commonfate.methods.timet.extraction import ForegroundClusters
from commonfate.models.frame import resize_frame, to_image
from commonfate.models.settings import ExtractionSettings

KINDS = torch.arange(4).repeat_interleave(2)[:, None].expand(8, 6)
"""Four kinds of patches in rows of two."""


def encoder(images, names):
    """One-hot tokens of `KINDS` for each image, and attention on the last kind."""
    assert names == {"tokens", "attention"}
    assert 0 <= float(images.min()) <= float(images.max()) <= 1
    tokens = torch.eye(4)[KINDS].expand(len(images), -1, -1, -1)
    attention = torch.where(KINDS == 3, 1.0, 1e-4).expand(len(images), 2, -1, -1)
    return {"tokens": tokens, "attention": attention}


def fitted(**changes):
    settings = ExtractionSettings(**{"clusters": 4, "background": 0.75, **changes})
    clusters = ForegroundClusters(4, settings)
    batches = [torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.full((1, 3, 8, 8), 255).byte()]
    clusters.fit(encoder, batches)
    return clusters


def test_the_attended_cluster_is_the_foreground():
    clusters = fitted()
    assert int(clusters.is_foreground.sum()) == 1
    assert torch.equal(clusters(torch.eye(4)[KINDS]), KINDS == 3)


def test_more_clusters_than_different_patches_and_components_than_channels():
    clusters = fitted(clusters=9, components=50)
    assert clusters.centres.shape == (9, 4)
    assert torch.equal(clusters(torch.eye(4)[KINDS]), KINDS == 3)


def test_the_share_of_the_background_is_a_setting():
    assert torch.equal(fitted(background=1.0)(torch.eye(4)[KINDS]), torch.zeros(8, 6).bool())
    assert fitted(background=0.0)(torch.eye(4)[KINDS]).all()


def test_nothing_is_foreground_before_the_fit():
    clusters = ForegroundClusters(4, ExtractionSettings())
    assert not clusters(torch.randn(3, 5, 4)).any()


def test_fitting_again_leaves_nothing_of_before():
    clusters = fitted(clusters=9)
    before = {name: tensor.clone() for name, tensor in clusters.state_dict().items()}
    clusters.centres.normal_()
    clusters.is_foreground.fill_(True)
    clusters.fit(encoder, [torch.zeros(3, 3, 8, 8, dtype=torch.uint8)])
    assert all(torch.equal(before[name], now) for name, now in clusters.state_dict().items())


def test_features_that_are_not_finite_are_refused():
    def broken(images, names):
        return {name: tensor * float("nan") for name, tensor in encoder(images, names).items()}

    with pytest.raises(ValueError, match="NaN or infinite"):
        ForegroundClusters(4, ExtractionSettings()).fit(broken, [torch.zeros(1, 3, 8, 8).byte()])


def test_frames_are_segmented_at_their_own_size(tiny, batch):
    method = tiny(extraction={"clusters": 6, "background": 0.5})
    assert isinstance(method, Segmenting)
    model = method.build().eval()
    method.finalize(model, [batch(method), batch(method, seed=1)])
    frame = np.random.default_rng(0).integers(0, 256, (5, 8, 3), np.uint8).repeat(6, 0).repeat(6, 1)
    prediction = method.predict(model, frame, None)
    assert prediction.groups.shape == (2, 4, 6)  # of 30 x 48 pixels, in patches of 8
    assert torch.equal(prediction.groups.sum(0), torch.ones(4, 6))
    assert method.predict(model, frame, None, size=(16, 24)).groups.shape == (2, 2, 3)
    image = to_image(resize_frame(frame, (32, 48)))[None]
    tokens = model.backbone(image, {"tokens"})["tokens"][0]
    assert torch.equal(prediction.groups[1].bool(), model.foreground(tokens))
    kept = method.kept(model)
    assert {name for name in kept if name.startswith("foreground.")} == {
        f"foreground.{name}" for name in ("offset", "matrix", "centres", "is_foreground")
    }
