"""Linear and FCN probes on small maps."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from commonfate.evaluation.features.dense import enlarged
from commonfate.evaluation.features.fcn import FCNHead
from commonfate.evaluation.features.linear import LinearHead
from commonfate.evaluation.features.probe import cached, fit, run, score
from commonfate.evaluation.features.settings import (
    FLOWDINO_COCO,
    FLOWDINO_VOC,
    LEOPART_VOC,
    TIMET_VOC,
    FcnSettings,
    ProbeSettings,
    ScoreSettings,
)

QUICK = ProbeSettings(classes=3, learning_rate=1.0, batch_size=4, epochs=8, side=8)


def images(n=6, classes=3, size=(4, 4), seed=0):
    """Features that are the truth's classes, one-hot, and the truth at twice their size."""
    labels = np.random.default_rng(seed).integers(0, classes, (n, *size))
    features = np.eye(classes, dtype=np.float32)[labels]
    return features, labels.repeat(2, 1).repeat(2, 2).astype(np.uint8)


def linear(settings=QUICK, data=None, test=None, head=LinearHead, steps=None):
    data = data or images()
    test = [test or data]
    build = partial(head, settings=settings)
    epochs = cached(*data, settings.batch_size, settings.seed)
    return run(build, epochs, lambda: test, settings, steps)


def fixed(rows, settings=QUICK):
    """A linear head whose scores are given products of the features."""
    head = LinearHead(len(rows[0]), settings)
    head.layer.weight.data = torch.tensor(rows, dtype=torch.float32)[:, :, None, None]
    head.layer.bias.data.zero_()
    return head.eval()


def test_head_before_enlargement_equals_enlargement_before_head():
    features = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    head = LinearHead(5, TIMET_VOC)
    assert torch.allclose(head(features), head.layer(enlarged(features, (100, 100))), atol=1e-5)


def test_one_hot_features_of_the_truth_are_learnt():
    at_the_grid = QUICK.model_copy(update={"side": None, "score": ScoreSettings(side=4)})
    result = linear(at_the_grid)
    assert result.metrics == {"mIoU": 1, "Acc": 1}
    assert result.items.tolist() == [1] * 6 and result.predictions.shape == (6, 4, 4)


def test_iou_by_hand():
    settings = ProbeSettings(classes=3, side=None)
    features = np.eye(3, dtype=np.float32)[np.array([[[0, 0, 1, 1]]])]
    truth = np.array([[[0, 1, 1, 255]]], np.uint8)
    result = score(fixed(np.eye(3), settings), [(features, truth)], settings)
    assert result.metrics == {"mIoU": 0.5, "Acc": 2 / 3}
    np.testing.assert_array_equal(result.classes, [0.5, 0.5, np.nan])
    zero = ScoreSettings(absent_as_zero=True)
    released = settings.model_copy(update={"score": zero})
    result = score(fixed(np.eye(3), released), [(features, truth)], released)
    assert result.metrics["mIoU"] == pytest.approx(1 / 3)


def test_void_as_a_class_is_never_right_and_no_class_of_the_mean():
    settings = ProbeSettings(classes=2, side=None, void_is_a_class=True)
    features = np.eye(3, dtype=np.float32)[np.array([[[0, 1, 2, 2]]])]
    truth = np.array([[[0, 1, 1, 255]]], np.uint8)
    result = score(fixed(np.eye(3), settings), [(features, truth)], settings)
    assert result.metrics["mIoU"] == 0.75
    np.testing.assert_array_equal(result.classes, [1, 0.5])


def test_void_pixels_are_learnt_only_as_a_class():
    features = np.eye(3, dtype=np.float32)[np.array([[[0, 1, 2, 2]]])]
    data = features, np.array([[[0, 1, 255, 255]]], np.uint8)
    settings = ProbeSettings(
        classes=2,
        learning_rate=0.1,
        optimiser="adamw",
        drop_every=None,
        epochs=40,
        side=None,
        void_is_a_class=True,
    )
    assert linear(settings, data, steps=1).predictions.tolist() == [[[0, 1, 2, 2]]]


def test_same_seed_same_bits_and_other_random_numbers_stay_untouched():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    results = [linear(QUICK.model_copy(update={"seed": seed, "epochs": 1})) for seed in (0, 0, 1)]
    assert torch.equal(torch.rand(1), expected)
    assert (results[0].items == results[1].items).all()
    assert results[0].metrics != results[2].metrics


def test_best_epoch_is_named_and_never_below_the_last():
    best = ScoreSettings(keep="best", side=8)
    settings = QUICK.model_copy(update={"score": best, "learning_rate": 0.05})
    last = QUICK.model_copy(update={"score": ScoreSettings(side=8), "learning_rate": 0.05})
    result = linear(settings)
    assert result.metrics["mIoU"] >= linear(last).metrics["mIoU"]
    assert "is the best on the scored images" in result.notes[0]


def test_only_the_first_images_are_scored():
    first = QUICK.model_copy(update={"score": ScoreSettings(images=2), "epochs": 1})
    features, truth = images()
    batches = [(features[:1], truth[:1]), (features[1:], truth[1:])]
    assert len(score(fixed(np.eye(3)), batches, first).items) == 2


def rates(settings, batches, steps=None):
    """Learning rates of all steps, from the change of a weight whose gradient is 1."""

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.values = []
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, features):
            self.values.append(float(self.weight.detach()))
            zero = torch.zeros(len(features), 1, *features.shape[-2:])
            return torch.cat([zero, zero + 1000 - self.weight], 1)

    head = Head()
    data = np.ones((batches, 1, 1, 1), np.float32), np.zeros((batches, 1, 1), np.uint8)
    list(fit(head, cached(*data, 1), settings, steps))
    return head.values


def test_rate_falls_to_a_tenth():
    settings = ProbeSettings(
        classes=2, epochs=3, drop_every=1, weight_decay=0, side=None, learning_rate=1
    )
    # Momentum 0.9 and gradient -1: the velocity of step i is the sum of 0.9 ** j.
    expected = [0, 1, 1 + 0.1 * 1.9]
    np.testing.assert_allclose(rates(settings, 1), expected, rtol=1e-5)


def test_cosine_needs_the_number_of_batches():
    with pytest.raises(ValueError, match="needs the number of batches"):
        linear(ProbeSettings(classes=3, drop_every=None))


def test_cosine_falls_to_zero():
    settings = ProbeSettings(
        classes=2,
        epochs=2,
        drop_every=None,
        optimiser="adamw",
        weight_decay=0,
        side=None,
        learning_rate=1,
    )
    # Adam's step is the rate itself where the gradient is constant.
    values = rates(settings, 2, steps=2)
    shares = [(1 + math.cos(math.pi * i / 4)) / 2 for i in range(3)]
    np.testing.assert_allclose(np.diff(values), shares, rtol=1e-4)


def test_cached_batches_keep_the_order_or_shuffle_by_the_seed():
    features, truth = images(n=5)
    plain = [len(batch[0]) for batch in cached(features, truth, 2)(0)]
    assert plain == [2, 2, 1]
    orders = [np.concatenate([t for _, t in cached(features, truth, 2, 3)(e)]) for e in (0, 0, 1)]
    assert (orders[0] == orders[1]).all() and (orders[0] != orders[2]).any()
    assert (next(iter(cached(features, truth, 5)(1)))[0] == features).all()


def test_a_single_training_image_and_a_class_never_seen():
    features, truth = images(n=1)
    truth[truth == 2] = 255
    result = linear(QUICK, (features, truth), images(n=2, seed=1))
    assert result.classes[2] == 0
    assert 0 < result.metrics["mIoU"] < 1


def test_test_images_of_several_sizes():
    features, truth = images(n=2)
    wide = images(n=1, size=(4, 6))
    result = score(fixed(np.eye(3)), [(features, truth), wide], QUICK)
    assert [each.shape for each in result.predictions] == [(8, 8), (8, 8), (8, 12)]


def test_images_that_are_all_void_are_left_out():
    features, truth = images(n=2)
    truth[1] = 255
    result = score(fixed(np.eye(3)), [(features, truth)], QUICK)
    assert result.left_out == {1: "every pixel is void"} and np.isnan(result.items[1])
    truth[:] = 255
    result = score(fixed(np.eye(3)), [(features, truth)], QUICK)
    assert np.isnan(result.metrics["mIoU"]) and np.isnan(result.metrics["Acc"])
    with pytest.raises(ValueError, match="none with a pixel that is not void"):
        linear(QUICK, (features, truth))


def test_refused():
    features, truth = images(n=2)
    broken = features.copy()
    broken[1, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="training features: item 1 has a feature"):
        linear(QUICK, (broken, truth))
    with pytest.raises(ValueError, match="test features: item 1 has a feature"):
        linear(QUICK, (features, truth), (broken, truth))
    with pytest.raises(ValueError, match="class 3 is not one of 0 to 2"):
        linear(QUICK, (features, truth + 1))
    with pytest.raises(ValueError, match="features of 2 images, truth of 1"):
        linear(QUICK, (features, truth[:1]))
    with pytest.raises(ValueError, match=r"expected features \(n, h, w, C\)"):
        linear(QUICK, (features, truth), (features, truth[:1]))
    with pytest.raises(ValueError, match="there are none"):
        linear(QUICK, (features[:0], truth[:0]))
    with pytest.raises(ValueError, match="at most 255 outputs"):
        ProbeSettings(classes=255, void_is_a_class=True)


def test_fcn_head_has_the_layers_of_leopart():
    head = FCNHead(384, LEOPART_VOC)
    shapes = [tuple(each.weight.shape) for each in head.modules() if isinstance(each, nn.Conv2d)]
    assert shapes == [(512, 384, 3, 3), (512, 512, 3, 3), (512, 896, 3, 3), (21, 512, 1, 1)]
    small = FCNHead(3, FcnSettings(classes=3, side=8, width=4)).eval()
    assert small(torch.zeros(2, 3, 4, 6)).shape == (2, 3, 8, 8)


def test_fcn_head_learns():
    changes = {"learning_rate": 0.1, "side": None, "width": 8}
    result = linear(FcnSettings(**QUICK.model_dump() | changes), head=FCNHead)
    assert result.metrics["Acc"] > 0.6


@pytest.mark.parametrize(
    ("settings", "released"),
    [
        (TIMET_VOC, {"side": 100, "keep": "best", "images": None}),
        (FLOWDINO_VOC, {"side": 100, "keep": "best", "images": 200}),
        (LEOPART_VOC, {"side": 100, "keep": "best", "images": 256}),
    ],
)
def test_released_scores(settings, released):
    assert settings.score == ScoreSettings()
    assert settings.as_released().score.model_dump() == released | {"absent_as_zero": True}


def test_flowdino_learns_and_scores_coco_without_void_and_without_absent_classes():
    """Its loss ignores 255, so that nothing teaches the 28th output; its mean drops NaN."""
    assert not FLOWDINO_COCO.void_is_a_class and FLOWDINO_COCO.outputs == 27
    assert FLOWDINO_COCO.as_released().score == FLOWDINO_COCO.score == ScoreSettings()
