"""What flow networks are trained on: schedule, loss, and that steps of it learn."""

import pytest
import torch
from lightning.fabric import Fabric

from commonfate.base.errors import ConfigError, UserError
from commonfate.base.files import sha256
from commonfate.training.flow.held_out import prepared
from commonfate.training.flow.settings import FlowTrainingSettings, recipe
from commonfate.training.flow.task import FlowTask


def task(**changes):
    return FlowTask("raft_small", FlowTrainingSettings(updates=2, **changes), seed=0)


def moved_noise(shift):
    """A batch of one pair: smooth noise that moves to the right by `shift` pixels."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 32, 40, generator=generator)
    field = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic")
    images = [field[..., 16:144], field[..., 16 - shift : 144 - shift]]
    flow = torch.zeros(1, 2, 128, 128)
    flow[:, 0] = shift
    return {
        "images": (torch.stack(images, 1) * 255).clamp(0, 255).to(torch.uint8),
        "flow": flow,
        "visible": torch.ones(1, 128, 128, dtype=torch.bool),
    }


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing():
    rates = [task(iterations=100, warmup=0.1).learning_rate(n) for n in range(100)]
    assert rates.index(max(rates)) == 9
    assert rates[0] == pytest.approx(4e-5) and rates[9] == pytest.approx(4e-4)
    assert rates[55] == pytest.approx(2e-4) and rates[99] == pytest.approx(4e-4 / 90)


def test_images_become_bgr_from_0_to_1():
    images = torch.zeros(1, 2, 3, 1, 1, dtype=torch.uint8)
    images[:, :, 0] = 255
    assert prepared(images)[0, 0, :, 0, 0].tolist() == [0, 0, 1]


def test_hidden_points_count_only_if_asked_for():
    batch = moved_noise(4)
    batch["visible"][:, :, 64:] = False
    terms = {}
    for hidden in (True, False):
        torch.manual_seed(0)
        item = task(hidden=hidden)
        with torch.no_grad():
            terms[hidden] = item.loss(item.build(), batch, 0)
    assert terms[False]["loss"] < terms[True]["loss"]
    assert terms[False]["epe"] == terms[True]["epe"]
    assert terms[True]["epe_visible"] != terms[True]["epe"]


def test_a_few_steps_on_one_pair_lower_loss_and_error():
    torch.manual_seed(0)
    item = task()
    model = item.build().train()
    optimiser = item.optimiser(model)
    for group in optimiser.param_groups:
        group["lr"] = 1e-3
    batch, result = moved_noise(6), []
    for _ in range(16):
        optimiser.zero_grad()
        result.append(item.loss(model, batch, 0))
        result[-1]["loss"].backward()
        optimiser.step()
    assert result[-1]["loss"] < 0.6 * result[0]["loss"]
    assert result[-1]["epe"] < 0.6 * result[0]["epe"]


def test_every_parameter_is_in_one_group():
    item = task(weight_decay=0.1)
    model = item.build()
    decayed, free = item.optimiser(model).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0)
    assert all(weight.ndim == 4 for weight in decayed["params"])
    count = len(decayed["params"]) + len(free["params"])
    assert count == len(list(model.parameters()))


def test_the_unsupervised_objective_draws_the_same_for_the_same_step():
    settings = recipe("arflow", ["regularise_from=1", "batch_size=1"])
    batch, result = moved_noise(2), []
    for index in (0, 1, 1):
        torch.manual_seed(0)
        item = FlowTask("arflow", settings, seed=3)
        with torch.no_grad():
            result.append(item.loss(item.build(), batch, index))
    assert "regularisation" not in result[0]
    assert result[1]["regularisation"] == result[2]["regularisation"] > 0


def test_recipes_start_from_the_networks_own_defaults():
    assert recipe("arflow", ["iterations=7"]).objective == "arflow"
    assert recipe("raft_small", ["iterations=7"]).iterations == 7
    assert recipe("pwcnet", ["updates=null"]).objective == "supervised"
    with pytest.raises(ConfigError, match="--set: iteration is unknown; did you mean iterations"):
        recipe("raft_small", ["iteration=7"])


def test_mistaken_networks_are_named():
    settings = FlowTrainingSettings()
    with pytest.raises(ConfigError, match="'raft_smal' is unknown; did you mean raft_small"):
        FlowTask("raft_smal", settings, 0).build()
    with pytest.raises(ConfigError, match="pwcnet: it has no updates to set"):
        FlowTask("pwcnet", settings, 0).build()


def test_training_may_begin_with_weights_from_a_file(tmp_path):
    torch.manual_seed(0)
    first = task().build()
    path = tmp_path / "weights.pt"
    torch.save(first.state_dict(), path)
    second = task(start=str(path))
    begun = second.build().state_dict()
    assert all(torch.equal(begun[name], value) for name, value in first.state_dict().items())
    assert second.start_sha256() == sha256(path)
    assert task().start_sha256() is None
    with pytest.raises(UserError, match=r"thinks.*are neither a file nor known; did you mean thin"):
        task(start="thinks").build()


def test_features_are_normalised_at_first_and_then_less_and_less():
    item = FlowTask("arflow", recipe("arflow", ["normalise=[10, 20]"]), seed=0)
    model = item.build()
    result = {}
    for iteration in (0, 10, 15, 20, 99):
        item.set_normalisation(model, iteration)
        result[iteration] = model.normalise
    assert result == {0: 1, 10: 1, 15: 0.5, 20: 0, 99: 0}


def test_the_strength_reaches_a_wrapped_network():
    fabric = Fabric(accelerator="cpu", devices=1)
    item = FlowTask("arflow", recipe("arflow", ["normalise=[0, 4]", "crop=[64, 64]"]), seed=0)
    model = fabric.setup_module(item.build())
    batch = moved_noise(4)
    item.loss(model, batch, 1)
    assert model.module.normalise == 0.75


def test_networks_without_such_features_are_refused():
    with pytest.raises(ConfigError, match="raft_small: it has no features to normalise"):
        task(normalise=(1, 2)).build()
