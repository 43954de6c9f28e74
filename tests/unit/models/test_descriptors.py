"""Descriptors of patches by hand on small images, and their whitening."""

import pytest
import torch

from commonfate.models.descriptors import Whitening, channels, describe


def test_an_image_of_one_colour():
    """Means are the colour, its squares and the grey squared; no edges, and the same at scales."""
    image = torch.tensor([0.1, 0.2, 0.6]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    result = describe(image, 8, (1, 3))
    assert result.shape == (1, 4, 4, channels((1, 3))) == (1, 4, 4, 58)
    inner = result[0, 1, 1]  # at the border of the image windows of pixels are cut
    expected = torch.tensor([0.1, 0.2, 0.6, 0.01, 0.04, 0.36, 0.09])
    torch.testing.assert_close(inner[:7], expected)
    torch.testing.assert_close(inner[13:20], expected.sqrt())
    torch.testing.assert_close(inner[26:33], expected)
    torch.testing.assert_close(inner[7:13], torch.zeros(6), atol=1e-6, rtol=0)


def test_a_window_of_three_patches_averages_nine():
    """One bright patch in the middle of 3x3: a ninth; seen from a corner a ninth as well."""
    image = torch.zeros(1, 3, 24, 24)
    image[..., 8:16, 8:16] = 1
    result = describe(image, 8, (1, 3))[..., 26]
    torch.testing.assert_close(result[0], torch.full((3, 3), 1 / 9))


def test_the_border_is_repeated():
    """A bright corner: its window of 3x3 holds it four times."""
    image = torch.zeros(1, 3, 24, 24)
    image[..., :8, :8] = 1
    assert describe(image, 8, (3,))[0, 0, 0, 0] == pytest.approx(4 / 9)
    assert describe(image, 8, (27,))[0, 0, 0, 0] == pytest.approx((14 / 27) ** 2)


def test_edges_by_orientation():
    """A ramp to the right has slopes of 0.02 over two pixels, all of the first orientation."""
    ramp = (0.01 * torch.arange(32.0)).expand(1, 3, 32, 32)
    edges = describe(ramp, 8, (1,))[0, 1, 1, 7:11]
    torch.testing.assert_close(edges, 0.02 * torch.tensor([1, 0.25, 0, 0.25]))


def test_places():
    result = describe(torch.zeros(1, 3, 24, 16), 8, (1,))[0, :, :, -6:]
    torch.testing.assert_close(result[0, 1], torch.tensor([-1.0, 1, 1, 1, -1, -1]))
    torch.testing.assert_close(result[1, 0], torch.tensor([0.0, -1, 0, 1, 0, 0]))


def test_whitened_rows_are_uncorrelated():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(4000, 5, generator=generator) @ torch.randn(5, 5, generator=generator) + 3
    whitening = Whitening(5, 1e-9, 100)
    for part in rows.split(1000):
        whitening.observe(part)
    white = whitening(rows)
    torch.testing.assert_close(white.mean(0), torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(white.T @ white / 4000, torch.eye(5), atol=1e-3, rtol=0)


def test_whitening_is_bounded_and_defined_without_variance():
    whitening = Whitening(2, 0.1, 2.0)
    with pytest.raises(ValueError, match="observe some first"):
        whitening(torch.zeros(1, 2))
    whitening.observe(torch.ones(3, 2))
    assert torch.isfinite(whitening(torch.tensor([[1.0, 5.0]]))).all()
    assert whitening(torch.tensor([[1.0, 5.0]])).abs().max() <= 2
