"""AMD as a method: network, loss, steps, the object's segment, prediction."""

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from torch import nn
from torch.utils.data import default_collate

from commonfate.methods import create
from commonfate.methods.amd.loss import LOSSES
from commonfate.methods.amd.method import object_and_rest
from commonfate.methods.amd.network import stretched
from commonfate.methods.amd.settings import AmdSettings
from commonfate.models.frame import to_image
from commonfate.samples.example import Example
from commonfate.training import randomness
from commonfate.training.learner import Learner

SMALL = {"size": "small", "segments": 3, "short_side": 72, "crop": (64, 64), "batch_size": 2}


def method(**settings):
    return create(AmdSettings(**(SMALL | settings)))


def example(seed=0):
    """Noise, enlarged, and the same moved by (3, 1)."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (25, 31, 3), dtype=np.uint8)
    frame = np.kron(coarse, np.ones((4, 4, 1), np.uint8))
    return Example(frame[2:92, 3:123], other=frame[1:91, 0:120], seed=seed)


def batch_of(subject, count=2):
    return default_collate([subject.prepare(example(seed)) for seed in range(count)])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return method().build()


@pytest.fixture
def fabric():
    def launched(precision):
        fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
        fabric.launch()
        return fabric

    return launched


def test_names_of_weights(model):
    names = set(model.state_dict())
    starts = {".".join(name.split(".")[:2]) for name in names}
    assert starts == {
        "object_segment",
        "appearance.backbone",
        "appearance.head",
        "motion.feature_pyramid_extractor",
        "motion.flow_estimators",
        "motion.conv_1x1",
    }


def test_nothing_is_drawn_but_from_the_global_generator():
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        states.append(method().build().motion.conv_1x1[0][0].weight)
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize("masks_of", ["warped", "target"])
def test_pairs_have_the_segments_of_the_frame_that_is_asked_for(model, masks_of):
    first, second = torch.rand(2, 2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    model.eval()
    with torch.no_grad():
        pairs = model(first, second, None, masks_of)
        segments = [model.appearance(image).softmax(1) for image in (first, second)]
        result = pairs.forward_masks, pairs.backward_masks
        expected = segments if masks_of == "target" else segments[::-1]
        for ours, theirs in zip(result, expected, strict=True):
            torch.testing.assert_close(ours, theirs)
        for images, flow, masks in (
            ((first, second), pairs.forward, result[0]),
            ((second, first), pairs.backward, result[1]),
        ):
            alone = model.motion(*images, masks)
            torch.testing.assert_close(flow.flows[0], alone.flows[0])
            torch.testing.assert_close(flow.vectors, alone.vectors)


def test_the_motion_pathway_sees_stretched_images_where_a_size_is_set(model):
    first, second = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    pairs = model.eval()(first, second, (64, 128))
    assert pairs.forward.flows[0].shape == (1, 2, 64, 128)
    assert pairs.forward_masks.shape == (1, 3, 8, 8)  # segments are of the crop itself
    large = [stretched(image, (64, 128)) for image in (first, second)]
    alone = model.motion(*large, pairs.forward_masks)
    torch.testing.assert_close(pairs.forward.vectors, alone.vectors)


@pytest.mark.parametrize("variant", sorted(LOSSES))
@pytest.mark.parametrize("motion_size", [None, (64, 128)])
def test_loss_is_that_of_the_variant(model, variant, motion_size):
    subject = method(variant=variant, motion_size=motion_size)
    batch = batch_of(subject)
    model.eval()
    result = subject.loss(model, batch, 0)
    first, second = (batch["images"].float() / 255).unbind(1)
    pairs = model(first, second, motion_size)
    frames = (stretched(image, motion_size) for image in (first, second))
    expected = LOSSES[variant](*frames, pairs.forward, pairs.backward)
    assert set(result) == {"loss", "flow"}
    torch.testing.assert_close(result["loss"], expected)
    torch.testing.assert_close(result["flow"], pairs.forward.flows[0].norm(dim=1).mean().detach())
    assert not result["flow"].requires_grad


@pytest.mark.parametrize("size", ["full", "small"])
@pytest.mark.parametrize("variant", sorted(LOSSES))
def test_every_weight_has_a_gradient(variant, size):
    """DDP waits for all; those of residual branches are zero at first, as their last norms are."""
    subject = method(variant=variant, size=size, segments=5)
    network = subject.build()
    subject.loss(network, batch_of(subject), 0)["loss"].backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    assert [name for name, p in network.motion.named_parameters() if not p.grad.any()] == []
    assert [
        name for name, p in network.appearance.head.named_parameters() if not p.grad.any()
    ] == []


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("variant", sorted(LOSSES))
def test_steps_of_the_training_loop_lower_the_loss(fabric, variant, precision):
    """The same batch again and again: through Fabric, as `commonfate train` takes its steps."""
    randomness.seed(0)
    subject = method(variant=variant, precision=precision, clip_norm=1.0)
    learner = Learner(subject, fabric(precision))
    batch, losses = batch_of(subject), []
    for _ in range(12):
        values = learner.gradient(batch, 0)
        assert learner.is_finite(values)
        losses.append(values["loss"])
        learner.update(3e-3)
    assert min(losses[-3:]) < losses[0] - 0.01


def test_half_precision_changes_the_loss_little(fabric):
    losses = {}
    for precision in ("32-true", "bf16-mixed"):
        randomness.seed(0)
        subject = method(precision=precision)
        losses[precision] = Learner(subject, fabric(precision)).gradient(batch_of(subject), 0)[
            "loss"
        ]
    assert losses["bf16-mixed"] == pytest.approx(losses["32-true"], rel=0.01)


@pytest.mark.parametrize("size", ["full", "small"])
def test_he_initialisation_starts_near_stillness_and_keeps_features_alive(size):
    """Torch's defaults, as released, let features fade from layer to layer."""
    image, strength, flow = example().frame[:64, :64], {}, {}
    image = to_image(image)[None]
    for options in ("torch", "he"):
        torch.manual_seed(0)
        network = method(size=size, initialisation=options).build().eval()
        with torch.no_grad():
            strength[options] = network.motion.encode(image)[0].std()
            flow[options] = network(image, image.flip(3)).forward.flows[0].abs().max()
    assert strength["he"] > 5 * strength["torch"]
    assert flow["he"] < 1


def test_initialisation_leaves_the_appearance_pathway_alone():
    networks = []
    for options in ("torch", "he"):
        torch.manual_seed(0)
        networks.append(method(initialisation=options).build().appearance.state_dict())
    assert all(map(torch.equal, *(network.values() for network in networks)))


def test_features_are_brought_to_a_common_scale_where_that_is_asked_for():
    for requested in (False, True):
        network = method(normalise_features=requested).build()
        assert network.motion.normalise == requested


class Moving(nn.Module):
    """A network of which segment 2 moves in the first batch and segment 1, more, in the second."""

    def __init__(self, made):
        super().__init__()
        self.register_buffer("object_segment", torch.zeros((), dtype=torch.int64))
        self.made, self.seen = list(made), 0

    def forward(self, *_):
        self.seen += 1
        return self.made[self.seen - 1]


def test_concluding_stores_the_segment_of_largest_mean_motion(model):
    subject = method()
    batches = [batch_of(subject), batch_of(subject)]
    model.eval()
    with torch.no_grad():
        first, second = (batches[0]["images"].float() / 255).unbind(1)
        made = [model(first, second), model(first, second)]
    for pairs, vectors in zip(made, ((0, 0, 3), (0, 5, 0)), strict=True):
        for flow, masks in ((pairs.forward, "forward_masks"), (pairs.backward, "backward_masks")):
            flow.vectors = torch.tensor([[[0.0, v] for v in vectors]] * 2)
            setattr(pairs, masks, torch.full((2, 3, 8, 8), 1 / 3))
    network = Moving(made)
    subject.finalize(network, iter(batches))
    assert (int(network.object_segment), network.seen) == (1, 2)
    assert network.object_segment.dtype == torch.int64


def test_the_object_is_in_the_checkpoint(model):
    other = method().build()
    model.object_segment.fill_(2)
    other.load_state_dict(model.state_dict())
    assert int(other.object_segment) == 2
    model.object_segment.fill_(0)


@pytest.mark.parametrize("number", range(3))
def test_groups_are_the_object_and_the_largest_of_the_rest(model, number):
    subject, frame = method(), example().frame
    model.eval().object_segment.fill_(number)
    result = subject.predict(model, frame, None)
    assert result.components.shape == (3, 72, 96)
    torch.testing.assert_close(result.components.sum(0), torch.ones(72, 96))
    assert torch.equal(result.groups[1], result.components[number])
    # Without ties, a pixel is the object's where the object is the largest segment.
    assert torch.equal(result.groups.argmax(0) == 1, result.components.argmax(0) == number)
    assert result.components.dtype == result.groups.dtype == torch.float32
    assert not result.components.requires_grad
    assert not result.groups.requires_grad


def test_object_and_rest_by_hand():
    segments = torch.tensor([[0.25, 0.625], [0.5, 0.25], [0.375, 0.125]])[..., None]
    assert object_and_rest(segments, 1)[..., 0].tolist() == [[0.375, 0.625], [0.5, 0.25]]
    assert object_and_rest(segments[:2], 0)[..., 0].tolist() == [[0.5, 0.25], [0.25, 0.625]]


@pytest.mark.parametrize("size", [(40, 56), (41, 57), (8, 8), (1, 3)])
def test_prediction_at_another_size(model, size):
    result = method().predict(model.eval(), example().frame, None, size=size)
    assert result.components.shape == (3, *size)
    assert result.groups.shape == (2, *size)


def test_logits_are_enlarged_before_they_are_compared(model):
    frame = example().frame[:72, :64]
    with torch.no_grad():
        logits = model.eval().appearance(to_image(frame)[None])
    large = nn.functional.interpolate(logits, (72, 64), mode="bilinear").softmax(1)[0]
    assert logits.shape[2:] == (9, 8)
    result = method().predict(model, frame, None, size=(72, 64))
    torch.testing.assert_close(result.components, large)


def test_prediction_looks_at_the_frame_alone_and_repeats(model):
    subject, frame = method(), example().frame
    model.eval()
    first, second = (subject.predict(model, frame, None) for _ in range(2))
    assert torch.equal(first.groups, second.groups)


@pytest.mark.parametrize("shape", [(5, 9), (1, 1), (300, 40)])
def test_frames_of_any_size_are_segmented(model, shape):
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    result = method().predict(model.eval(), frame, None)
    assert min(result.components.shape[1:]) == 72
    assert result.groups.isfinite().all()


def test_description():
    assert method().description == {
        "network": "small ResNet of stride 8, from scratch",
        "resolution": "short side 72",
    }
