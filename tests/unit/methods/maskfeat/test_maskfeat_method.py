"""Masked feature prediction: samples, what a step learns from, the encoder it leaves behind."""

import math

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric

from commonfate import methods
from commonfate.base.errors import ConfigError
from commonfate.methods.maskfeat.network import TOKEN_SCALE
from commonfate.methods.maskfeat.settings import MaskFeatSettings
from commonfate.models import descriptors
from commonfate.samples.example import Example
from commonfate.training.learner import Learner


def learner_of(method):
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    torch.manual_seed(0)
    return Learner(method, fabric)


def test_a_sample_is_a_function_of_its_seed(tiny):
    method, frame = tiny(), np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    first, again, other = (method.prepare(Example(frame, seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["crop"], other["crop"])


def test_patches_are_seen_as_squares_or_scattered(tiny):
    """16 of 36: four rows of four neighbours, or any; both in raster order."""
    method, frame = tiny(seen_share=16 / 36), np.zeros((60, 90, 3), np.uint8)
    drawn = [method.prepare(Example(frame, seed=seed))["seen"] for seed in range(40)]
    assert all(len(seen) == 16 and (seen.diff() > 0).all() and seen[-1] < 36 for seen in drawn)
    squares = [
        seen
        for seen in drawn
        if torch.equal(
            seen - seen[0], torch.arange(4).repeat(4) + 6 * torch.arange(4).repeat_interleave(4)
        )
    ]
    assert 10 <= len(squares) <= 30


def test_small_and_narrow_images_are_enlarged(tiny):
    for shape in ((1, 1, 3), (3, 200, 3), (48, 48, 3)):
        crop = tiny().prepare(Example(np.full(shape, 51, np.uint8), seed=0))["crop"]
        assert crop.shape == (3, 48, 48)
        torch.testing.assert_close(crop, torch.full_like(crop, 0.2))


def test_the_loss_is_the_error_at_visible_and_masked_patches(tiny, batch, network):
    """Worked out from the network's own parts: nothing seen when the encoder is used is hidden."""
    method = tiny(brightness=0, tint=0, masked_share=0)
    model, sample = network(method), batch(method, 2)
    values = method.loss(model, sample, 0)
    backbone = model.backbone
    described = descriptors.describe(sample["crop"], 8, (3,)).flatten(1, 2)
    targets = model.whitening(described)
    assert model.whitening.count == 2 * 36  # observed in this step
    tokens = []
    for image, seen in zip(sample["crop"], sample["seen"], strict=True):
        network_ = backbone.network
        patches = network_.patch_embed((image[None] - backbone.mean) / backbone.std).flatten(1, 2)
        places = network_.pos_embed
        rows = torch.cat([network_.cls_token, patches[:, seen] + places[:, 1:][:, seen]], 1)
        tokens.append(network_.norm(network_.blocks(rows)) / TOKEN_SCALE)
    expected = [
        (rows[0, 1:] - wanted[seen]).square().mean()
        for rows, wanted, seen in zip(tokens, targets, sample["seen"], strict=True)
    ]
    assert values["visible"].item() == pytest.approx(np.mean([e.item() for e in expected]))
    assert values["masked"].item() == 0


def test_hidden_content_does_not_matter(tiny, batch, network):
    method = tiny(masked_share=0.5)
    model, sample = network(method).eval(), batch(method, 2)
    with torch.no_grad():
        model.whitening.observe(torch.randn(50, 32))
        first = model(sample["crop"], sample["crop"], sample["seen"], sample["masked"], 9)
        changed = sample["crop"].clone()
        for image, seen, masked in zip(changed, sample["seen"], sample["masked"], strict=True):
            for index in seen[masked]:
                y, x = divmod(int(index), 6)
                image[:, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8] = 0
        second = model(sample["crop"], changed, sample["seen"], sample["masked"], 9)
    torch.testing.assert_close(first.patches, second.patches)


def test_statistics_stand_still_after_the_measured_steps(tiny, batch):
    method = tiny(measured_iterations=2)
    learner, counts = learner_of(method), []
    for iteration in range(4):
        learner.gradient(batch(method, seed=iteration), iteration)
        counts.append(int(learner.network.state_dict()["whitening.count"]))
        learner.update(0.001)
    assert counts == [144, 288, 288, 288]


def test_it_learns(tiny, batch):
    method = tiny(dim=64, heads=4)
    learner, losses = learner_of(method), []
    for iteration in range(60):
        losses.append(learner.gradient(batch(method, seed=iteration % 4), iteration))
        learner.update(3e-3)
    for name in ("visible", "masked"):
        late = np.mean([values[name] for values in losses[-8:]])
        assert late < 0.8 * np.mean([values[name] for values in losses[4:12]]), name


def test_the_encoder_is_a_plain_vision_transformer(tiny, network):
    method = tiny()
    model = network(method)
    with torch.no_grad():
        model.backbone.network.norm.bias.add_(1)
    model.eval()
    images = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    expected = model.backbone(images)["tokens"]
    for encoder in (
        method.encoder(model),
        method.encoder_of(model.state_dict()),
        method.encoder_of(method.kept(model)),
    ):
        assert not encoder.training
        torch.testing.assert_close(encoder(images)["tokens"], expected, rtol=0, atol=0)
    assert not any("whitening" in name for name in method.kept(model))


def test_weights_of_another_encoder_are_refused(tiny, network):
    with pytest.raises(ConfigError, match="do not fit the encoder of the settings"):
        tiny().encoder_of(network(tiny(depth=3)).state_dict())


def test_positions_are_not_trained(tiny, batch):
    method = tiny()
    learner = learner_of(method)
    before = learner.network.state_dict()["backbone.network.pos_embed"].clone()
    learner.gradient(batch(method), 0)
    learner.update(0.1, 0.5)
    assert torch.equal(before, learner.network.state_dict()["backbone.network.pos_embed"])


def test_16_bit_arithmetic(tiny, batch):
    """Targets and errors are float32 whatever the network's arithmetic."""
    method = tiny(precision="bf16-mixed")
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    fabric.launch()
    torch.manual_seed(0)
    values = Learner(method, fabric).gradient(batch(method), 0)
    exact = learner_of(tiny()).gradient(batch(method), 0)
    assert values["loss"] == pytest.approx(exact["loss"], rel=0.05)


def test_an_image_of_one_colour(tiny):
    method = tiny()
    item = method.prepare(Example(np.full((9, 5, 3), 7, np.uint8), seed=1))
    sample = {name: torch.stack([value] * 2) for name, value in item.items()}
    values = learner_of(method).gradient(sample, 0)
    assert all(math.isfinite(value) for value in values.values())


def test_schedule(tiny):
    method = tiny(iterations=10, warmup_iterations=3, learning_rate=1.0)
    assert [method.learning_rate(i) for i in (0, 2, 3)] == [0, 1, 1]
    assert method.learning_rate(9) == pytest.approx(0.5 * (1 + math.cos(math.pi * 6 / 7)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dim": 110, "heads": 4}, "dim 110 must be a multiple of heads 4"),
        ({"crop": 225}, "crop 225 must be a multiple of patch 8"),
        ({"scales": (1, 4)}, r"scales \[4\] must be odd"),
        ({"dim": 96}, "dim 96 is less than the 110 targets"),
    ],
)
def test_settings_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        MaskFeatSettings(**changes)


def test_numbers_of_targets_agree():
    for scales in ((1,), (1, 3, 9, 27)):
        assert MaskFeatSettings(scales=scales).targets == descriptors.channels(scales)
    assert methods.create_trained(MaskFeatSettings()).settings.slug == ("vit192", "l6", "p8")


def test_a_restored_training_goes_on_to_the_bit(tiny, batch, tmp_path):
    """Statistics, both optimisers and weights; broken off while statistics still grow."""
    method = tiny(measured_iterations=3)

    def steps(learner, numbers):
        for iteration in numbers:
            learner.gradient(batch(method, seed=iteration), iteration)
            learner.update(1e-3)
        return learner

    unbroken = steps(learner_of(method), range(5))
    torch.save(steps(learner_of(method), range(2)).state(), tmp_path / "state.pt")
    resumed = learner_of(method)
    resumed.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    steps(resumed, range(2, 5))
    for name, tensor in unbroken.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name
