"""Frames and segments from which nothing is to be learnt: finite losses and gradients."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import default_collate

from commonfate.methods import create
from commonfate.methods.amd.loss import LOSSES
from commonfate.methods.amd.method import fastest_segment, segment_motion
from commonfate.methods.amd.settings import AmdSettings
from commonfate.samples.example import Example

SMALL = {"size": "small", "segments": 3, "short_side": 64, "crop": (64, 64)}
FRAMES = ["identical", "black", "white", "one black", "noise", "flat"]


def method(**settings):
    return create(AmdSettings(**(SMALL | settings)))


def frames(kind):
    """Two (64, 80, 3) uint8."""
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 80, 3), dtype=np.uint8)
    match kind:
        case "identical":
            noise[1] = noise[0]
        case "black" | "white" | "flat":
            noise[:] = {"black": 0, "white": 255, "flat": 77}[kind]
        case "one black":
            noise[1] = 0
    return noise


class Given(nn.Module):
    """In place of the appearance pathway: the same logits for every pixel, with a gradient."""

    def __init__(self, *logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits)[:, None, None])

    def forward(self, image):
        height, width = image.shape[-2] // 8, image.shape[-1] // 8
        return self.logits.expand(len(image), -1, height, width)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return method().build()


def finite(network, subject, kind, autocast=False):
    """Take the gradient of a batch, check it, and return the terms of the loss."""
    first, second = frames(kind)
    batch = default_collate([subject.prepare(Example(first, other=second, seed=s)) for s in (0, 1)])
    network.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        terms = subject.loss(network, batch, 0)
    terms["loss"].backward()
    assert all(value.isfinite() for value in terms.values())
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
    return terms


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("variant", sorted(LOSSES))
@pytest.mark.parametrize("kind", FRAMES)
def test_frames(network, kind, variant, autocast):
    terms = finite(network, method(variant=variant), kind, autocast)
    assert 0 <= terms["loss"] <= (2 if variant == "paper" else 4)


@pytest.mark.parametrize("variant", sorted(LOSSES))
@pytest.mark.parametrize("kind", ["black", "white", "flat"])
def test_frames_without_anything_in_them_cost_nothing(network, kind, variant):
    """Wherever flow points, what is there is the same, so there is next to nothing to learn."""
    assert finite(network, method(variant=variant), kind)["loss"] < 1e-4


def test_identical_frames_move_nothing_once_vectors_are_zero(network):
    for layer in network.motion.flow_estimators.predict_flow2:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    for variant in LOSSES:
        terms = finite(network, method(variant=variant), "identical")
        assert terms["loss"] < 1e-5
        assert terms["flow"] == 0


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("variant", sorted(LOSSES))
@pytest.mark.parametrize(
    "logits",
    [(0.0, 0.0, -1e4), (0.0, 0.0, -100.0), (0.0, 0.0, -60.0), (1e4, 0.0, 0.0), (0.0, 0.0, 0.0)],
    ids=["exactly 0", "denormal", "1e-27", "one is everything", "even"],
)
def test_segments(network, logits, variant, autocast):
    network.appearance = Given(*logits)
    for kind in ("noise", "identical"):
        finite(network, method(variant=variant), kind, autocast)
        assert network.appearance.logits.grad.abs().max() < 10


def test_the_vector_of_a_vanished_segment_does_not_blow_up(network):
    """It is what the read-out makes of no features, and not chosen for the object."""
    images = [torch.from_numpy(f).permute(2, 0, 1)[None, :, :, :64] / 255 for f in frames("noise")]
    vectors = []
    for vanishing in (-10.0, -30, -100, -1e4):
        network.appearance = Given(0.0, 0.0, vanishing)
        pairs = network(*images)
        vectors.append(pairs.forward.vectors[0, 2].detach())
        assert fastest_segment([segment_motion(pairs)]) != 2
    assert torch.equal(vectors[-1], vectors[-2])
    others = pairs.forward.vectors[0, :2].detach().norm(dim=1)
    assert all(vector.norm() < 10 * others.max() + 10 for vector in vectors)


def test_one_segment_that_is_everything_moves_the_whole_image(network):
    network.appearance = Given(0.0, 1e4, 0.0)
    images = [torch.from_numpy(f).permute(2, 0, 1)[None, :, :, :64] / 255 for f in frames("noise")]
    pairs = network(*images)
    expected = pairs.forward.vectors[0, 1][None, :, None, None].expand(1, 2, 64, 64)
    torch.testing.assert_close(pairs.forward.flows[0], expected)
    assert fastest_segment([segment_motion(pairs)]) == 1


def test_flow_that_leaves_the_image_keeps_the_loss_finite(network):
    """All is hidden then: the released loss has nothing left to compare."""
    nn.init.constant_(network.motion.flow_estimators.predict_flow2[0].bias, 1e3)
    for variant in LOSSES:
        terms = finite(network, method(variant=variant), "noise")
        assert terms["flow"] > 1e3
    assert terms["loss"] == 0


@pytest.mark.parametrize("side", [1, 8, 40, 63])
def test_sides_that_are_no_multiples_are_named(network, side):
    image = torch.zeros(1, 3, 64, side)
    with pytest.raises(ValueError, match=rf"multiples of 16, found \(2, 3, 64, {side}\)"):
        network.eval()(image, image)
