"""The U-Net."""

import pytest
import torch

from commonfate.models.unet import UNet


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_width_64_is_the_standard_network():
    """31,037,633 with one output (64 weights and a bias each), as milesial/Pytorch-UNet's."""
    with torch.device("meta"):
        assert parameters(UNet(outputs=1)) == 31_037_633
        assert parameters(UNet(outputs=4)) == 31_037_633 + 3 * 65


def test_logits_have_the_resolution_of_the_image():
    model = UNet(outputs=3, width=4).eval()
    image = torch.rand(2, 3, 32, 48)
    assert model(image).shape == (2, 3, 32, 48)


def test_dense_features_are_one_convolution_before_the_logits():
    model = UNet(outputs=3, width=4).eval()
    image = torch.rand(1, 3, 16, 32)
    dense, logits = model.dense_and_logits(image)
    assert dense.shape == (1, 4, 16, 32)
    assert dense.min() >= 0
    assert torch.equal(logits, model(image))
    torch.testing.assert_close(model.head(dense), logits)


def test_a_pixel_sees_the_whole_neighbourhood_of_its_coarsest_level():
    model = UNet(outputs=1, width=4).eval()
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    model(image)[0, 0, 32, 32].backward()
    seen = image.grad.abs().sum((0, 1)).nonzero()
    assert int((seen.max(0).values - seen.min(0).values).min()) > 48


def test_equal_seeds_make_equal_networks_and_outputs():
    image = torch.rand(1, 3, 32, 32)
    outputs = []
    for _ in range(2):
        torch.manual_seed(3)
        outputs.append(UNet(outputs=2, width=4)(image))
    assert torch.equal(*outputs)


def test_sides_must_be_multiples_of_16():
    with pytest.raises(ValueError, match="multiples of 16"):
        UNet(outputs=2, width=4)(torch.rand(1, 3, 16, 40))
