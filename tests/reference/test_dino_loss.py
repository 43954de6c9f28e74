"""DINO's loss, centre, schedules, groups and clipping, against what the authors' code computes."""

import json

import pytest
import torch
from torch import nn

from commonfate.methods.distillation import loss, schedules
from commonfate.methods.distillation.groups import groups, is_decayed


@pytest.fixture(scope="module")
def data(recorded):
    return recorded("dino_loss.npz")


@pytest.fixture(scope="module")
def released(data):
    return data.tensors()


def temperature(released, epoch):
    first, last, warmup = (
        released[key].item()
        for key in ("warmup_teacher_temp", "teacher_temp", "warmup_teacher_temp_epochs")
    )
    return schedules.linear(int(epoch), round(first, 6), round(last, 6), warmup)


def test_steps_that_follow_each_other(data, released):
    """Loss, gradient and centre; each step begins with the centre of the one before."""
    centre = released["center_before"]
    steps = data.numbered()
    assert len(steps) == len(released["epochs"]) >= 3
    for step, epoch in zip(steps, released["epochs"], strict=True):
        student, teacher = released[f"{step}/student"], released[f"{step}/teacher"]
        student.requires_grad_()
        images = len(teacher) // 2
        targets = loss.sharpened(teacher, centre, temperature(released, epoch))
        value = loss.cross_entropy(
            student.unflatten(0, (int(released["ncrops"]), images)),
            targets.unflatten(0, (2, images)),
            released["student_temp"].item(),
        )
        value.backward()
        centre = loss.next_centre(centre, teacher, released["center_momentum"].item())
        data.check(f"{step}/loss", value)
        data.check(f"{step}/grad_student", student.grad)
        data.check(f"{step}/center_after", centre)


def test_temperatures_of_the_teacher(data, released):
    epochs = range(int(released["nepochs"]))
    data.check("teacher_temp_schedule", [temperature(released, epoch) for epoch in epochs])


def test_cosine_schedules(data):
    names = sorted({key.split("/")[0] for key in data if key.startswith("schedule")})
    assert len(names) >= 5
    for name in names:
        first, last, epochs, length, warmup, start = data[f"{name}/args"]
        steps = int(epochs * length)
        ours = [
            schedules.cosine(step, steps, first, last, int(warmup * length), start)
            for step in range(steps)
        ]
        data.check(f"{name}/values_64", ours)


def parameters(data):
    """Parameters of the recorded module, by name."""
    listed = json.loads(str(data["groups/module_parameter_names"]))
    return {
        name: nn.Parameter(torch.zeros(shape), requires_grad=trained)
        for name, shape, trained in listed
    }


class Recorded(nn.Module):
    """A module with parameters of any names."""

    def __init__(self, named):
        super().__init__()
        self.named = named

    def named_parameters(self, *_arguments, **_options):
        yield from self.named.items()


def test_groups_with_and_without_decay(data):
    named = parameters(data)
    of_decay = {True: "groups/regularized", False: "groups/not_regularized"}
    by_decay = groups(Recorded(named))
    for group, decayed in zip(by_decay, (True, False), strict=True):
        names = [name for name, p in named.items() if any(p is q for q in group["params"])]
        assert names == json.loads(str(data[of_decay[decayed]]))
        assert all(is_decayed(name, named[name]) == decayed for name in names)
    assert by_decay[1]["weight_decay"] == data["groups/not_regularized_weight_decay"] == 0
    assert by_decay[1]["decay"] is False
    assert "decay" not in by_decay[0]


def test_each_gradient_is_clipped_by_itself(data, released):
    """The loop's clipping is that of `Learner._clip`, which is torch's of each parameter."""
    bound = float(released["clip/clip"])
    names = [key.removeprefix("clip/before/") for key in data if key.startswith("clip/before/")]
    norms = []
    for name in names:
        parameter = nn.Parameter(torch.zeros_like(released[f"clip/before/{name}"]))
        parameter.grad = released[f"clip/before/{name}"].clone()
        norms.append(float(nn.utils.clip_grad_norm_(parameter, bound)))
        data.check(f"clip/after/{name}", parameter.grad)
    data.check("clip/norms", norms)
