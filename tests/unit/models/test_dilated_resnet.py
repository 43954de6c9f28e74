"""AMD's appearance network: a residual network of stride 8, and its head."""

import pytest
import torch
from torch import nn

from commonfate.models.dilated_resnet import STRIDE, DilatedResNet, FcnHead
from commonfate.models.frame import MEAN


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return DilatedResNet("small").eval()


@pytest.fixture(scope="module")
def full():
    return DilatedResNet("full").eval()


def stages(network):
    return [getattr(network.network, f"layer{number}") for number in (1, 2, 3, 4)]


def convolutions(module, size):
    return [m for m in module.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == size]


def test_full_is_resnet_50_without_its_classifier(full):
    assert [len(stage) for stage in stages(full)] == [3, 4, 6, 3]
    assert full.channels == 2048
    assert sum(p.numel() for p in full.parameters()) == 23_508_032


@pytest.mark.parametrize("network", ["full", "small"])
def test_strides_and_dilations(network, request):
    """Strides 1, 2, 1, 1 and dilations 1, 1, 1, 2, as in the released configuration."""
    for number, stage in enumerate(stages(request.getfixturevalue(network))):
        strides = [max(c.stride) for c in convolutions(stage, (3, 3))]
        assert strides == [(1, 2, 1, 1)[number], *[1] * (len(stage) - 1)]
        shortcut = stage[0].downsample or nn.Identity()
        assert all(max(c.stride) == strides[0] for c in convolutions(shortcut, (1, 1)))
        for convolution in convolutions(stage, (3, 3)):
            assert convolution.dilation == convolution.padding == ((1, 1, 1, 2)[number],) * 2


@pytest.mark.parametrize("size", [(32, 32), (64, 40), (33, 47), (1, 1)])
def test_output_is_an_eighth_of_the_image_rounded_up(small, size):
    with torch.no_grad():
        result = small(torch.rand(1, 3, *size))
    assert result.shape == (1, small.channels, *(-(-side // STRIDE) for side in size))


def test_full_output(full):
    with torch.no_grad():
        assert full(torch.rand(1, 3, 32, 32)).shape == (1, 2048, 4, 4)


def test_images_are_normalised_inside(small):
    """An image of ImageNet's mean colour is an image of zeros to the network."""
    grey = torch.tensor(MEAN).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    with torch.no_grad():
        expected = small.network.forward_features(torch.zeros(1, 3, 32, 32))
        torch.testing.assert_close(small(grey), expected)
    assert not {"mean", "std"} & set(small.state_dict())


def test_weights_are_drawn_from_the_global_generator():
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(DilatedResNet("small").network.conv1.weight)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_head_of_table_4():
    head = FcnHead(2048, 5)
    shapes = [tuple(c.weight.shape) for c in convolutions(head, (3, 3))]
    assert shapes == [(256, 2048, 3, 3), (256, 256, 3, 3), (5, 256, 3, 3)]
    kinds = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU] * 2 + [nn.Conv2d]
    assert [type(layer) for layer in head] == kinds
    assert head(torch.rand(2, 2048, 6, 4)).shape == (2, 5, 6, 4)


def test_gradients_reach_every_weight():
    network = nn.Sequential(DilatedResNet("small"), FcnHead(512, 3, 16))
    network(torch.rand(2, 3, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
