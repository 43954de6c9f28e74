"""Several optimisers as one: the steps of each, learning rates, and a state that is loaded."""

import copy

import torch
from torch import nn

from commonfate.models.optimisers import Combined


def parts(network):
    return [
        torch.optim.Muon([network[0].weight], lr=0.02, weight_decay=0.1),
        torch.optim.AdamW([{"params": network[1].parameters(), "factor": 2}], lr=0.01),
    ]


def networks(number):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6, bias=False), nn.Linear(6, 3))
    return [copy.deepcopy(network) for _ in range(number)]


def gradients(network, seed):
    torch.manual_seed(seed)
    network.zero_grad()
    network(torch.randn(5, 4)).square().sum().backward()


def assert_equal(network, other):
    for first, second in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(first, second)


def test_the_steps_are_those_of_each():
    together, apart = networks(2)
    combined, optimisers = Combined(parts(together)), parts(apart)
    for step in range(3):
        gradients(together, step)
        gradients(apart, step)
        combined.step()
        for optimiser in optimisers:
            optimiser.step()
    assert_equal(together, apart)
    assert [group.get("factor") for group in combined.param_groups] == [None, 2]


def test_a_changed_learning_rate_counts():
    network, before = networks(2)
    combined = Combined(parts(network))
    for group in combined.param_groups:
        group["lr"], group["weight_decay"] = 0.0, 0.0
    gradients(network, 0)
    combined.step()
    assert_equal(network, before)


def test_a_loaded_state_goes_on_to_the_bit(tmp_path):
    unbroken, broken = networks(2)
    first, second = Combined(parts(unbroken)), Combined(parts(broken))
    for step in range(4):
        gradients(unbroken, step)
        first.step()
        if step < 2:
            gradients(broken, step)
            second.step()
    torch.save({"network": broken.state_dict(), "optimiser": second.state_dict()}, tmp_path / "x")
    state = torch.load(tmp_path / "x", weights_only=True)
    (resumed,) = networks(1)
    third = Combined(parts(resumed))
    resumed.load_state_dict(state["network"])
    third.load_state_dict(state["optimiser"])
    for step in range(2, 4):
        gradients(resumed, step)
        third.step()
    assert_equal(unbroken, resumed)


def test_a_closure_is_called_once():
    (network,) = networks(1)
    calls = []
    assert Combined(parts(network)).step(lambda: calls.append(1) or 7) == 7
    assert calls == [1]
