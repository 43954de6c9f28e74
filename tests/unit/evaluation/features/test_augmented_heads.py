"""Heads whose training images are cropped and flipped anew in each epoch."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from commonfate.base.errors import ConfigError
from commonfate.evaluation.features.benchmarks import FcnBenchmark
from commonfate.evaluation.features.run import augmented, score, settings
from commonfate.evaluation.features.run.augmented import Training
from commonfate.evaluation.features.run.parts import Stores, of_manifest, part
from commonfate.evaluation.features.settings import FcnSettings
from commonfate.models.encoders import Encoder
from commonfate.prediction.features.extract import digest
from commonfate.prediction.features.views import parse
from commonfate.prediction.stores import Frames
from helpers import probed
from helpers.probed import CLASSES, PATCH, SIDE

VAL, TRAIN = {"a": 2, "b": 3}, {"t": 6}
VIEW = "32.tokens"
FAST = ("learning_rate=1", "epochs=40", "side=null", "batch_size=3", "score.side=4")
GREY = 90
"""Step of grey values between classes in the frames of `probed`."""


class Greys(Encoder):
    """Tokens that are the share of each class in a patch, seen by its grey values."""

    def __init__(self) -> None:
        super().__init__(CLASSES, PATCH)
        self.passes: list[tuple[int, ...]] = []

    def _features(self, images: Tensor, names: frozenset[str]) -> dict[str, Tensor]:
        self.passes.append(tuple(images.shape))
        greys = ((images * self.std + self.mean) * 255).mean(1)
        shares = [
            torch.nn.functional.avg_pool2d(
                (1 - (greys - GREY * label).abs() / GREY).clamp(min=0), self.patch
            )
            for label in range(CLASSES)
        ]
        return {"tokens": torch.stack(shares, -1)}


@pytest.fixture
def encoder():
    return Greys()


@pytest.fixture
def training(tmp_path, encoder):
    """Frames of the training images and the encoder; see `data`."""
    probed.manifest(tmp_path, TRAIN, "train")
    path = tmp_path / "train.frames.zarr.zip"
    return Training(encoder, Frames([path]).read, [path])


@pytest.fixture
def data(tmp_path, encoder, training):
    """`Data` whose scored features are the encoder's, and whose training images have none."""
    test = of_manifest(probed.manifest(tmp_path, VAL, "val"), "val")
    stores = Stores([probed.store(tmp_path, VAL, "val", VIEW, encoder=digest(encoder))])
    train = of_manifest(tmp_path / "train.parquet", "train")
    return score.Data(test, stores, train, training=training)


def run(data, *pairs, name="linear"):
    (chosen,) = settings.of_pairs([name], ("augmented=true", *pairs)).values()
    return score.score(name, chosen, data, False, "cpu", False)


def batches(training, tmp_path, epoch, batch=4, seed=0):
    train = part(of_manifest(tmp_path / "train.parquet", "train"), None, "labels")
    return list(augmented.epochs(train, training, parse(VIEW), batch, seed)(epoch))


def test_a_head_learns_from_them(data, encoder):
    outcome, _, train, used = run(data, *FAST)
    assert outcome.result.metrics["mIoU"] == 1
    assert "drawn anew in each epoch, half of them flipped" in outcome.statement
    assert "6 frames of 1 video of split train" in outcome.statement
    assert train.shards is None and used.classes == CLASSES
    # One more to see the number of channels; the head is scored on stored features.
    assert encoder.passes == [(3, 3, SIDE, SIDE)] * (1 + 2 * 40)
    assert set(data.training.paths) <= set(score.inputs(data))


def test_an_fcn_head_does_by_default(data, encoder):
    outcome, *_ = run(data, "epochs=2", "width=4", "batch_size=6", name="fcn")
    assert len(encoder.passes) == 3 and 0 <= outcome.result.metrics["mIoU"] <= 1
    assert FcnBenchmark.model_fields["settings"].default.augmented


def test_the_same_again_gives_the_same(data):
    first, second = (run(data, *FAST, "epochs=3")[0].result for _ in range(2))
    assert np.array_equal(first.predictions, second.predictions)


def test_truth_follows_the_picture(training, tmp_path):
    """Features tell classes, so their largest share is the class of most of a patch's truth."""
    right = []
    for epoch in range(4):
        for tokens, truth in batches(training, tmp_path, epoch):
            cells = truth.reshape(len(truth), 4, PATCH, 4, PATCH).transpose(0, 1, 3, 2, 4)
            shares = (cells[..., None] == np.arange(CLASSES)).mean((3, 4))
            clear = shares.max(-1) > 0.8
            right.append((tokens.argmax(-1) == shares.argmax(-1))[clear])
    assert np.concatenate(right).mean() == 1 and len(np.concatenate(right)) > 200


def test_masks_may_have_another_size_than_frames(training, tmp_path):
    """As where frames were stored smaller; the same parts are drawn."""
    expected = [truth for _, truth in batches(training, tmp_path, 0)]
    for path in (tmp_path / "truth.train").rglob("*.png"):
        with Image.open(path) as mask:
            mask.resize((2 * SIDE, 3 * SIDE), Image.Resampling.NEAREST).save(path)
    resized = [truth for _, truth in batches(training, tmp_path, 0)]
    assert all(map(np.array_equal, resized, expected))


def test_parts_are_of_epoch_and_seed_and_half_are_flipped(training, tmp_path):
    first, again, later, other = (
        np.concatenate([truth for _, truth in batches(training, tmp_path, epoch, 6, seed)])
        for epoch, seed in ((0, 0), (0, 0), (1, 0), (0, 1))
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, later) and not np.array_equal(first, other)
    # Class 2 lies in column n % 4 of image n: a flip takes that of images 0 and 4 to the right.
    sides = []
    for epoch in range(20):
        ((_, truth),) = batches(training, tmp_path, epoch, 6)
        for image in truth[[0, 4]]:
            columns = np.nonzero(image == 2)[1]
            sides.append(columns.mean() > SIDE / 2 if len(columns) else None)
    drawn = [side for side in sides if side is not None]
    assert 0.25 < np.mean(drawn) < 0.75


def test_batches_do_not_change_the_parts(training, tmp_path):
    """An image's part does not depend on its neighbours; the order of an epoch does not either."""
    whole = {labels.tobytes() for _, truth in batches(training, tmp_path, 0, 6) for labels in truth}
    parts = {labels.tobytes() for _, truth in batches(training, tmp_path, 0, 1) for labels in truth}
    assert whole == parts


def test_the_encoder_must_be_that_of_the_scored_features(data, training):
    other = Greys()
    other.register_buffer("offset", torch.zeros(1))
    changed = score.Data(
        data.test,
        data.stores,
        data.train,
        training=Training(other, training.frames, training.paths),
    )
    with pytest.raises(ConfigError, match="of another encoder than the one that sees"):
        run(changed, *FAST)


def test_without_an_encoder_the_way_out_is_named(data):
    changed = score.Data(data.test, data.stores, data.train)
    with pytest.raises(ConfigError, match="--encoder; or learn from stored features, with --set l"):
        run(changed, *FAST)


@pytest.mark.parametrize("view", ["native.tokens", "32short.tokens"])
def test_pictures_of_several_sizes_are_refused(tmp_path, encoder, data, training, view):
    stores = Stores([probed.store(tmp_path, VAL, "val", view, encoder=digest(encoder))])
    changed = score.Data(data.test, stores, data.train, training=training)
    with pytest.raises(ConfigError, match="squares of one size; choose a view such as 448"):
        run(changed, *FAST)
    benchmark = FcnBenchmark(
        kind="fcn", dataset="d", view=view, settings=FcnSettings(classes=2, augmented=True)
    )
    with pytest.raises(ConfigError, match="squares of one size"):
        benchmark.checked_view()
