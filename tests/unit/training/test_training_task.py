"""The seam between a task and the loop: teacher, schedules, clipping, snapshots, measurements."""

import copy
import json

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from commonfate.training import checkpoint
from commonfate.training.learner import Learner


class Taught(nn.Module):
    """A student with a teacher that follows as a moving average, and a centre of its outputs."""

    def __init__(self, student):
        super().__init__()
        self.student = student
        self.teacher = copy.deepcopy(student).requires_grad_(False)
        self.register_buffer("centre", torch.zeros(2))

    def forward(self, image):
        return self.student(image)


@pytest.fixture
def taught(tiny):
    """Make a tiny method with a teacher, a weight decay that rises, and a loss that knows time."""

    def make(**settings):
        method = tiny(**settings)
        build, loss = method.build, method.loss
        method.iterations = []
        method.build = lambda pretrained=True: Taught(build(pretrained))
        method.optimiser = lambda model: torch.optim.AdamW(
            [
                {"params": [tensor for tensor in model.student.parameters() if tensor.ndim > 1]},
                {
                    "params": [tensor for tensor in model.student.parameters() if tensor.ndim == 1],
                    "weight_decay": 0.0,
                    "decay": False,
                },
            ]
        )

        def timed_loss(model, batch, iteration):
            method.iterations.append(iteration)
            terms = loss(model, batch, iteration)
            return terms | {"loss": terms["loss"] * (1 + iteration)}

        def follow(model, iteration):
            pairs = zip(model.teacher.parameters(), model.student.parameters(), strict=True)
            for slow, fast in pairs:
                slow.lerp_(fast, 0.1)
            model.centre.mul_(0.9).add_(0.1 * iteration)

        method.loss, method.after_step = timed_loss, follow
        method.weight_decay = lambda iteration: 0.01 * iteration
        method.kept = lambda model: model.teacher.state_dict()
        method.is_measured = lambda iteration: iteration % 5 == 0
        method.measure = lambda model, iteration: {
            "teacher": {"centre": float(model.centre[0]), "draw": float(torch.rand(()))}
        }
        return method

    return make


def state(folder):
    return checkpoint.load(folder / "checkpoint.pt")


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_loss_gets_the_iteration_and_after_step_follows_each(taught, train, tmp_path):
    method = taught()
    train(method, tmp_path / "run")
    assert method.iterations == list(range(10))
    centre = 0.0
    for iteration in range(10):
        centre = 0.9 * centre + 0.1 * iteration
    weights = state(tmp_path / "run")["model"]
    torch.testing.assert_close(weights["centre"], torch.full((2,), centre))
    assert not torch.equal(weights["teacher.0.weight"], weights["student.0.weight"])


@pytest.mark.parametrize("step", [3, 6, 10])
def test_a_teacher_goes_on_as_if_nothing_had_been(taught, train, tmp_path, step):
    def stop():
        raise KeyboardInterrupt

    train(taught(), tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        train(taught().at(step, stop), tmp_path / "broken")
    train(taught(), tmp_path / "broken")
    broken, unbroken = (state(tmp_path / name) for name in ("broken", "unbroken"))
    for name, weights in unbroken["model"].items():
        assert torch.equal(broken["model"][name], weights), name
    assert broken["random"][0]["torch"].equal(unbroken["random"][0]["torch"])


def test_weight_decay_follows_its_schedule_where_a_group_has_any(taught, train, tmp_path):
    train(taught(), tmp_path / "run")
    decayed, free = state(tmp_path / "run")["optimiser"]["param_groups"]
    assert (decayed["weight_decay"], free["weight_decay"]) == (pytest.approx(0.09), 0)
    logged = [line for line in lines(tmp_path / "run") if "loss" in line]
    assert logged[-1]["weight_decay"] == pytest.approx(0.09)


def test_a_snapshot_keeps_what_the_task_says(taught, train, tmp_path):
    train(taught(), tmp_path / "run")
    snapshots = sorted((tmp_path / "run" / "snapshots").iterdir())
    kept = checkpoint.load(snapshots[-1])["model"]
    final = state(tmp_path / "run")["model"]
    assert kept.keys() == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert all(torch.equal(kept[name], final[f"teacher.{name}"]) for name in kept)


def test_measurements_are_logged_and_leave_no_trace(taught, train, tmp_path):
    train(taught(), tmp_path / "with")
    measured = [line for line in lines(tmp_path / "with") if "teacher" in line]
    assert [line["iteration"] for line in measured] == [0, 5, 10]
    method = taught()
    method.is_measured = lambda iteration: False
    train(method, tmp_path / "without")
    with_, without = (state(tmp_path / name)["model"] for name in ("with", "without"))
    assert all(torch.equal(with_[name], without[name]) for name in without)


def learner_of(method):
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    torch.manual_seed(0)
    return Learner(method, fabric)


def batch():
    torch.manual_seed(1)
    return {"image": torch.rand(2, 3, 4, 4), "flow": 100 * torch.rand(2, 2, 4, 4)}


def test_each_tensor_may_be_clipped_by_itself(tiny):
    """As DINO does: a bound for each parameter, and small gradients stay as they are."""
    free = learner_of(tiny(clip_norm=None))
    values = free.gradient(batch(), 0)
    before = [parameter.grad.clone() for parameter in free.network.parameters()]
    bound = float(sorted(gradient.norm() for gradient in before)[1])
    method = tiny(clip_norm=bound)
    method.clips_each_tensor = True
    each = learner_of(method)
    assert each.gradient(batch(), 0) == values  # the norm of the whole, before
    for old, parameter in zip(before, each.network.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, old * min(1.0, bound / float(old.norm())))


class Scaler:
    """A scaler of 16-bit gradients that finds an overflow at every second step."""

    def __init__(self):
        self.scale, self.steps = 8.0, 0

    def get_scale(self):
        return self.scale

    def step(self):
        self.steps += 1
        self.scale /= 1 + self.steps % 2


def test_after_a_step_that_was_skipped_nothing_follows(tiny, monkeypatch):
    method, followed = tiny(), []
    method.after_step = lambda model, iteration: followed.append(iteration)
    learner, scaler = learner_of(method), Scaler()
    monkeypatch.setattr(learner._precision, "scaler", scaler, raising=False)
    monkeypatch.setattr(learner._optimiser, "step", scaler.step)
    for iteration in range(4):
        learner.gradient(batch(), iteration)
        learner.update(0.1)
    assert followed == [1, 3]


def test_a_group_may_begin_later(tiny):
    """Before its first iteration neither weight decay nor the optimiser's memory changes it."""
    method = tiny()
    method.optimiser = lambda model: torch.optim.AdamW(
        [
            {"params": list(model[0].parameters())},
            {"params": list(model[2].parameters()), "starts_at": 2},
        ],
        weight_decay=0.5,
    )
    learner = learner_of(method)
    start = learner.network[2].weight.detach().clone()
    for iteration in range(4):
        learner.gradient(batch(), iteration)
        learner.update(0.1)
        assert torch.equal(learner.network[2].weight, start) == (iteration < 2)
    steps = {int(state["step"]) for state in learner.state()["optimiser"]["state"].values()}
    assert steps == {2, 4}
