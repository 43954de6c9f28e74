"""Batch norm that counts the batch of all processes: what becomes of a network."""

import pytest
import torch
from torch import nn

from commonfate.models import backbones
from commonfate.training.learner import synchronised


def norms(network):
    return [item for item in network.modules() if isinstance(item, nn.modules.batchnorm._BatchNorm)]


@pytest.fixture
def network():
    """Two batch norms, one of them inside, with statistics of their own."""
    torch.manual_seed(0)
    inside = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4, momentum=0.3, eps=1e-3))
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), inside)
    network(torch.rand(2, 3, 8, 8))
    return network


def test_weights_statistics_and_names_stay(network):
    before = network.state_dict()
    parameters, images = list(network.parameters()), torch.rand(2, 3, 8, 8)
    expected = network.eval()(images)
    result = synchronised(network)
    assert result is network
    assert [type(norm) for norm in norms(result)] == 2 * [nn.SyncBatchNorm]
    assert (norms(result)[1].momentum, norms(result)[1].eps) == (0.3, 1e-3)
    assert all(item is other for item, other in zip(parameters, result.parameters(), strict=True))
    after = result.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert torch.equal(result.eval()(images), expected)


def test_a_frozen_norm_and_a_kind_of_its_own_stay(network):
    class Rectified(nn.BatchNorm2d):
        def forward(self, values):
            return super().forward(values).relu()

    frozen, own = network[1].requires_grad_(False), Rectified(4)
    network.append(own)
    assert norms(synchronised(network)) == [frozen, network[3][1], own]
    assert type(network[3][1]) is nn.SyncBatchNorm


def test_a_network_that_is_a_norm():
    assert type(synchronised(nn.BatchNorm1d(2))) is nn.SyncBatchNorm


def test_fixed_norms_of_a_backbone_stay_in_evaluation_mode():
    network = backbones.create("resnet50", "small", None, fixed_norms=True)
    synchronised(network).train()
    assert {type(norm) for norm in norms(network)} == {nn.BatchNorm2d}
    assert not any(norm.training for norm in norms(network))
