"""Semantic segmentation: start, loss, training, prediction."""

import math
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from commonfate.base.errors import StoreError, UserError
from commonfate.methods import create
from commonfate.methods.amd.settings import AmdSettings
from commonfate.methods.semantic.network import objective
from commonfate.methods.semantic.settings import VOID, SemanticSettings
from commonfate.samples.example import Example

SMALL = {"classes": 3, "size": "small", "short_side": 48, "crop_size": (48, 48)}


def method(**settings):
    return create(SemanticSettings(**(SMALL | settings)))


def example(seed=0):
    """Background of class 0 with a disc of class 1 and a square of class 2, textured."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:48, :64]
    top, left = generator.integers(14, 34), generator.integers(14, 24)
    labels = ((rows - top) ** 2 + (columns - left) ** 2 < 144).astype(np.uint8)
    labels[12:34, 40:60] = 2
    colours = np.array([[90, 90, 90], [200, 60, 60], [50, 90, 200]])
    frame = colours[labels] + generator.integers(-20, 20, (48, 64, 3))
    return Example(frame=frame.astype(np.uint8), labels=labels, seed=seed)


@pytest.fixture
def pretrained(tmp_path):
    """Checkpoint of an amd run of size small, and the backbone in it."""
    torch.manual_seed(1)  # not that of any network of a test
    network = create(AmdSettings(size="small")).build()
    path = tmp_path / "checkpoint.pt"
    torch.save({"model": network.state_dict(), "method": "amd", "iteration": 1}, path)
    return path, network.appearance.backbone


def test_backbone_starts_from_amd_and_the_head_is_new(pretrained):
    path, backbone = pretrained
    torch.manual_seed(0)
    started = method(start=str(path)).build()
    torch.manual_seed(0)
    scratch = method().build()
    expected = backbone.state_dict()
    assert all(
        torch.equal(value, expected[k]) for k, value in started.backbone.state_dict().items()
    )
    assert all(map(torch.equal, started.head.parameters(), scratch.head.parameters()))
    assert not all(map(torch.equal, started.parameters(), scratch.parameters()))


def test_nothing_is_read_where_a_checkpoint_follows():
    method(start="missing.pt").build(pretrained=False)


def test_a_missing_start_is_named():
    with pytest.raises(StoreError, match=r"start: runs/missing\.pt: no such file; train the amd"):
        method(start="runs/missing.pt").build()


def test_a_flipped_bit_of_a_start_is_found(tmp_path):
    path = tmp_path / "flipped.pt"
    torch.save({"model": {"appearance.backbone.x": torch.arange(1000.0)}}, path)
    content = bytearray(path.read_bytes())
    content[content.index(torch.arange(500.0, 510.0).numpy().tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"flipped\.pt: is damaged \(checksum"):
        method(start=str(path)).build()


def test_a_damaged_start_is_named(tmp_path):
    path = tmp_path / "damaged.pt"
    path.write_bytes(b"no weights")
    with pytest.raises(StoreError, match=r"damaged\.pt: is no file"):
        method(start=str(path)).build()


def test_a_start_of_another_method_is_refused(tmp_path):
    path = tmp_path / "gwm.pt"
    torch.save({"model": {"head.weight": torch.zeros(2)}, "method": "gwm"}, path)
    with pytest.raises(UserError, match=r"gwm\.pt: holds no weights named appearance\.backbone"):
        method(start=str(path)).build()


def test_a_start_of_another_size_is_refused(pretrained):
    with pytest.raises(UserError, match=r"checkpoint\.pt: not .*; the amd run must have the same"):
        method(start=str(pretrained[0]), size="full").build()


def test_loss_is_the_mean_over_pixels_with_a_class():
    logits = torch.zeros(1, 3, 2, 2)
    logits[0, 1, 0, 0] = math.log(2)  # probabilities 1/4, 1/2, 1/4
    labels = torch.tensor([[[1, 0], [VOID, VOID]]], dtype=torch.uint8)
    result = objective(logits, labels)
    torch.testing.assert_close(result["loss"], torch.tensor((math.log(2) + math.log(3)) / 2))
    assert result["accuracy"] == 1  # the first of equal logits counts


def test_loss_upsamples_logits_bilinearly():
    logits = torch.tensor([0.0, 4.0]).view(1, 1, 1, 2).repeat(1, 2, 1, 1)
    logits[:, 1] *= -1
    labels = torch.full((1, 1, 4), VOID, dtype=torch.uint8)
    labels[0, 0, 1] = 0  # at a quarter of the way: logits 1 and -1
    expected = math.log(1 + math.exp(-2))
    torch.testing.assert_close(objective(logits, labels)["loss"], torch.tensor(expected))


def test_a_batch_without_labels_teaches_nothing():
    subject = method()
    model = subject.build()
    image = torch.rand(2, 3, 48, 48)
    labels = torch.full((2, 48, 48), VOID, dtype=torch.uint8)
    result = subject.loss(model, {"image": image, "labels": labels}, 0)
    assert (result["loss"], result["accuracy"]) == (0, 0)
    result["loss"].backward()
    assert all((parameter.grad == 0).all() for parameter in model.parameters())


def test_every_parameter_learns():
    subject = method()
    model = subject.build()
    batch = default_collate([subject.prepare(example(seed)) for seed in range(2)])
    subject.loss(model, batch, 0)["loss"].backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    assert model.backbone.network.conv1.weight.grad.abs().max() > 0


def test_dropout_is_before_the_last_convolution_and_in_training_alone():
    model = method(dropout=0.5).build()
    model.eval()
    image = torch.rand(1, 3, 48, 48)
    with torch.no_grad():
        assert torch.equal(model(image), model(image))
        model.head.train()
        assert not torch.equal(model(image), model(image))
    assert [type(layer).__name__ for layer in model.head][-2:] == ["Dropout2d", "Conv2d"]


def test_training_learns_two_images():
    torch.manual_seed(0)
    subject = method(scale_range=(1, 1.3), learning_rate=0.05, iterations=40)
    model, examples = subject.build(), [example(1), example(2)]
    optimiser = subject.optimiser(model)
    for iteration in range(40):
        batch = default_collate(
            [
                subject.prepare(
                    Example(item.frame, labels=item.labels, seed=2 * iteration + number)
                )
                for number, item in enumerate(examples)
            ]
        )
        optimiser.param_groups[0]["lr"] = subject.learning_rate(iteration)
        optimiser.zero_grad()
        subject.loss(model, batch, 0)["loss"].backward()
        optimiser.step()
    model.eval()
    result = [subject.predict(model, item.frame, None).components.argmax(0) for item in examples]
    right = [(a.numpy() == item.labels).mean() for a, item in zip(result, examples, strict=True)]
    assert min(right) > 0.9


@pytest.mark.parametrize("size", [None, (47, 61), (96, 128)])
def test_prediction_has_the_images_size_and_sums_to_one(size):
    subject = method()
    frame = np.zeros((47, 61, 3), np.uint8)
    result = subject.predict(subject.build().eval(), frame, None, size=size)
    assert result.components.shape == (3, 47, 61)
    assert result.groups is result.components
    torch.testing.assert_close(result.components.sum(0), torch.ones(47, 61))


@pytest.mark.parametrize(
    ("size", "seen"), [(None, (48, 64)), ((47, 61), (48, 64)), ((9, 90), (8, 88))]
)
def test_the_network_sees_the_short_side_or_what_is_asked_for(size, seen):
    subject, sizes = method(), []
    model = subject.build().eval()
    model.register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape[2:])))
    subject.predict(model, np.zeros((94, 122, 3), np.uint8), None, size=size)
    assert sizes == [seen]


def test_the_description_says_what_the_network_is():
    assert create(SemanticSettings()).description == {
        "network": "FCN on ResNet-50, from scratch",
        "resolution": "short side 512",
    }
    assert method(start="a.pt").description["network"] == "FCN on small ResNet, AMD"


def test_method_travels_to_the_loaders_processes():
    subject = method()
    there = pickle.loads(pickle.dumps(subject))
    item = example()
    result, expected = there.prepare(item), subject.prepare(item)
    assert all(torch.equal(result[key], expected[key]) for key in expected)
