"""Parity with TimeT's targets, loss, gradients and teacher (timet_forward.npz)."""

import pytest
import torch
from torch import nn

from commonfate.methods.distillation import schedules
from commonfate.methods.timet.loss import cross_entropy, targets
from commonfate.methods.timet.prototypes import Prototypes
from commonfate.methods.timet.settings import TargetSettings
from commonfate.methods.timet.sinkhorn import assign
from commonfate.methods.timet.teacher import follow

SETTINGS = TargetSettings.released()


@pytest.fixture(scope="module")
def data(recorded):
    return recorded("timet_forward.npz")


@pytest.fixture(scope="module")
def released(data):
    return data.tensors()


def prototypes_of(weight):
    prototypes = Prototypes(*weight.shape)
    prototypes.weight = nn.Parameter(weight.clone())
    return prototypes


class Clips:
    """Recorded clips with scores of their first frames by the student, or by a teacher."""

    def __init__(self, group, released):
        self.prototypes = prototypes_of(released["loss/prototypes"])
        tokens, self.features = released["loss/backbone_features"], released["loss/head_features"]
        self.side = round(tokens.shape[2] ** 0.5)
        self.tokens = self.as_maps(tokens)
        self.features.requires_grad_().grad = None
        if group == "loss":
            first, of_first = self.features[:, 0], self.prototypes
        else:
            first = released[f"{group}/teacher_head_features"][:, 0]
            of_first = prototypes_of(released[f"{group}/teacher_prototypes"])
        self.first = self.as_maps(of_first(first))
        self.last = self.as_maps(self.prototypes(self.features[:, -1]))

    def as_maps(self, patches):
        return patches.unflatten(-2, (self.side, self.side))


@pytest.mark.parametrize("group", ["loss", "loss_teacher"])
def test_targets(data, released, group):
    clips = Clips(group, released)
    assignments = assign(clips.first.flatten(0, 2)).view_as(released[f"{group}/Q_source"])
    data.check(f"{group}/Q_source", assignments)
    carried = targets(clips.first, clips.tokens, SETTINGS)
    data.check(f"{group}/propagated_last", carried.movedim(-1, 1))
    data.check(f"{group}/target_labels", carried.argmax(-1))


@pytest.mark.parametrize("group", ["loss", "loss_teacher"])
def test_loss_and_its_gradient(data, released, group):
    clips = Clips(group, released)
    carried = targets(clips.first, clips.tokens, SETTINGS)
    temperature = float(released["loss/temperature"])
    value = cross_entropy(clips.last, carried, temperature, SETTINGS.form)
    data.check(f"{group}/loss", value)
    soft = cross_entropy(clips.last, carried, temperature, "soft")
    data.check(f"{group}/loss_with_soft_targets_eq9", soft)
    value.backward()
    data.check(f"{group}/grad_prototypes", clips.prototypes.weight.grad)
    gradient = clips.features.grad
    data.check(f"{group}/grad_head_features_last_frame", gradient[:, -1])
    data.check(f"{group}/grad_head_features_other_frames_max_abs", gradient[:, :-1].abs().max())


def test_inverted_teacher(data, released):
    """A parameter beside prototypes, which are scaled to unit length afterwards."""
    teacher, student = nn.Module(), nn.Module()
    for module, name in ((teacher, "teacher_{}_before"), (student, "student_{}")):
        module.parameter = nn.Parameter(released["ema/" + name.format("parameter")].clone())
        module.prototypes = prototypes_of(released["ema/" + name.format("prototypes")])
    momentum = data["ema/schedule_64"][int(data["ema/step"])]
    follow(teacher, student, float(momentum), inverted=True)
    ours = {"parameter": teacher.parameter, "prototypes": teacher.prototypes.weight}
    for name, value in ours.items():  # the README's key stands for several names in another way
        after = released[f"ema/teacher_{name}_after"]
        torch.testing.assert_close(value.detach(), after, rtol=0, atol=1e-6)


def test_momentum(data):
    recorded = data["ema/schedule_64"]
    steps = len(recorded)
    ours = [schedules.cosine(step, steps, recorded[0], 1.0) for step in range(steps)]
    data.check("ema/schedule_64", ours)
