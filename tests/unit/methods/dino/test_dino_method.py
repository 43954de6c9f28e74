"""DINO as a method: what a step changes, schedules, the encoder it leaves behind."""

import math

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric

from commonfate import methods
from commonfate.base.errors import ConfigError
from commonfate.methods.dino.settings import DinoSettings
from commonfate.samples.example import Example
from commonfate.training.learner import Learner


def learner_of(method):
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    torch.manual_seed(0)
    return Learner(method, fabric)


def weights(learner):
    return {name: tensor.clone() for name, tensor in learner.network.state_dict().items()}


def test_a_step_moves_student_teacher_and_centre(tiny, batch):
    method = tiny()
    learner = learner_of(method)
    before = weights(learner)
    learner.gradient(batch(method), 0)
    learner.update(0.01)
    after = weights(learner)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    lengths = {f"{branch}.head.last_layer.weight_g" for branch in ("student", "teacher")}
    position = {
        name for name in before if name.endswith(".bias") and torch.equal(before[name], after[name])
    }
    assert moved == before.keys() - lengths - position
    momentum = method.momentum(0)
    name = "backbone.network.blocks.0.attn.qkv.weight"
    expected = before[f"teacher.{name}"].lerp(after[f"student.{name}"], 1 - momentum)
    torch.testing.assert_close(after[f"teacher.{name}"], expected)


def test_both_networks_start_from_the_teacher_of_a_run(tiny, network, tmp_path):
    model, path = network(tiny()), tmp_path / "checkpoint.pt"
    with torch.no_grad():
        for parameter in model.teacher.parameters():
            parameter.add_(0.25)
    settings = tiny().settings.model_dump(mode="json")
    torch.save({"method": "dino", "settings": settings, "model": model.state_dict()}, path)
    started = network(tiny(start=str(path)), seed=5)
    for branch in (started.student, started.teacher):
        for name, tensor in model.teacher.state_dict().items():
            assert torch.equal(branch.state_dict()[name], tensor), name
    fresh = network(tiny(start=str(path), head="new"), seed=5)
    name = "head.last_layer.weight_v"
    assert not torch.equal(fresh.student.state_dict()[name], model.teacher.state_dict()[name])
    name = "backbone.network.pos_embed"
    assert torch.equal(fresh.student.state_dict()[name], model.teacher.state_dict()[name])
    assert tiny(start=str(path)).description["network"].endswith(", from checkpoint.pt")
    assert "from" not in tiny().description["network"]


def test_the_last_layer_begins_later(tiny, batch):
    """Neither weight decay nor Adam's memory touches it before."""
    method = tiny(frozen_iterations=2)
    learner = learner_of(method)
    name = "student.head.last_layer.weight_v"
    start = weights(learner)
    for iteration in range(3):
        learner.gradient(batch(method, seed=iteration), iteration)
        learner.update(0.01, 0.4)
        still = torch.equal(weights(learner)[name], start[name])
        assert still == (iteration < 2)
    first = learner.state()["optimiser"]["state"]
    last_layer = max(first)  # its group is the last
    assert first[last_layer]["step"] == 1
    assert first[0]["step"] == 3


def test_gradients_are_clipped_tensor_by_tensor(tiny, batch):
    learner = learner_of(tiny(clip_norm=1e-4))
    learner.gradient(batch(tiny()), 0)
    norms = [p.grad.norm() for p in learner.network.parameters() if p.grad is not None]
    assert max(norms) <= 1e-4 * 1.001
    assert sum(norm > 0.9e-4 for norm in norms) > len(norms) / 2  # not one bound for the whole


def test_a_student_learns_the_outputs_of_a_teacher_that_stands_still(tiny, batch):
    """Another student, with the teacher and the centre fixed: the loss is a plain regression."""
    method = tiny(momentum=1.0, centre_momentum=1.0, drop_path=0, temperature_warmup=0)
    learner, images = learner_of(method), batch(method, 4)
    with torch.no_grad():
        for parameter in learner.network.student.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape))
    losses = []
    for iteration in range(40):
        losses.append(learner.gradient(images, iteration)["loss"])
        learner.update(1e-3)
    assert losses[-1] < 0.7 * losses[0]


def test_schedules(tiny):
    method = tiny(iterations=10, warmup_iterations=3, learning_rate=1.0, min_learning_rate=0.1)
    assert method.learning_rate(0) == 0
    assert method.learning_rate(2) == method.learning_rate(3) == 1
    assert method.learning_rate(9) == pytest.approx(0.1 + 0.45 * (1 + math.cos(math.pi * 6 / 7)))
    assert (method.weight_decay(0), method.weight_decay(5)) == pytest.approx((0.04, 0.22))
    assert (method.momentum(0), method.momentum(5)) == pytest.approx((0.996, 0.998))
    assert [method.teacher_temperature(i) for i in (0, 1, 2, 9)] == pytest.approx(
        [0.04, 0.055, 0.07, 0.07]
    )


def test_the_first_step_compares_equal_networks(tiny, batch):
    """Teacher and student start as copies, so without drop path their logits are the same."""
    method = tiny(drop_path=0)
    model = methods.create_trained(method.settings).build()
    crops = {name: value.float() / 255 for name, value in batch(method).items()}
    outputs = model(crops["global_crops"], crops["local_crops"])
    torch.testing.assert_close(outputs.student[:2], outputs.teacher)


def test_snapshots_hold_encoders_alone(tiny, network):
    method = tiny()
    kept = method.kept(network(method))
    assert not any("head" in name or name == "centre" for name in kept)
    assert {name.split(".")[0] for name in kept} == {"student", "teacher"}


@pytest.mark.parametrize("branch", ["teacher", "student"])
def test_the_encoder_of_a_network_and_of_its_weights(tiny, network, branch):
    method = tiny(weights_of=branch)
    model = network(method)
    with torch.no_grad():
        model.teacher.backbone.network.norm.bias.add_(1)
    model.eval()
    images = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    expected = getattr(model, branch).backbone(images)["tokens"]
    assert expected.shape == (2, 2, 3, 16)
    encoders = [method.encoder(model)]
    encoders += [method.encoder_of(kept) for kept in (model.state_dict(), method.kept(model))]
    for encoder in encoders:
        assert not encoder.training
        assert not any(parameter.requires_grad for parameter in encoder.parameters())
        torch.testing.assert_close(encoder(images)["tokens"], expected, rtol=0, atol=0)


def test_weights_of_another_encoder_are_refused(tiny, network):
    other = tiny(depth=3)
    with pytest.raises(ConfigError, match="do not fit the encoder of the settings"):
        tiny().encoder_of(network(other).state_dict())


def test_16_bit_arithmetic(tiny, batch):
    """Losses are float32 whatever the network's arithmetic."""
    method = tiny(precision="bf16-mixed")
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    fabric.launch()
    torch.manual_seed(0)
    learner = Learner(method, fabric)
    values = learner.gradient(batch(method), 0)
    assert all(math.isfinite(value) for value in values.values())
    learner.update(0.01)
    state = learner.network.state_dict()
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}
    exact = learner_of(tiny())
    assert values["loss"] == pytest.approx(exact.gradient(batch(method), 0)["loss"], rel=0.1)


def test_an_image_of_one_colour(tiny):
    method = tiny()
    item = method.prepare(Example(np.full((9, 5, 3), 7, np.uint8), seed=1))
    images = {name: torch.stack([value] * 2) for name, value in item.items()}
    values = learner_of(method).gradient(images, 0)
    assert all(math.isfinite(value) for value in values.values())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dim": 10, "heads": 4}, "dim 10 must be a multiple of heads 4"),
        ({"global_crop": 225}, "global_crop 225 must be a multiple of patch 16"),
        ({"local_crop": 100}, "local_crop 100 must be a multiple of patch 16"),
        ({"local_scale": (0.5, 0.1)}, "local_scale .* the smaller first"),
        ({"global_scale": (0.5, 1.5)}, "global_scale .* two shares of 1"),
    ],
)
def test_settings_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        DinoSettings(**changes)


def test_slug():
    assert DinoSettings().slug == ("vit384", "l12", "p16")
    assert DinoSettings().gives == ("features",)
