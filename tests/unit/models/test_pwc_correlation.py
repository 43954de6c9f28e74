"""Correlation of feature maps, against its definition spelled out."""

import pytest
import torch

from commonfate.models.pwc.correlation import BLOCK, correlation


def spelled_out(first, second, radius):
    batch, _, height, width = first.shape
    span = range(-radius, radius + 1)
    scores = torch.zeros(batch, len(span) ** 2, height, width, dtype=first.dtype)
    for y in range(height):
        for x in range(width):
            for channel, (dy, dx) in enumerate((dy, dx) for dy in span for dx in span):
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    product = first[:, :, y, x] * second[:, :, y + dy, x + dx]
                    scores[:, channel, y, x] = product.mean(1)
    return scores


@pytest.mark.parametrize("radius", [0, 1, 2])
@pytest.mark.parametrize("width", [1, BLOCK - 1, BLOCK, BLOCK + 3])
def test_it_is_what_the_definition_says(radius, width):
    generator = torch.Generator().manual_seed(width)
    first, second = torch.randn(2, 2, 3, 4, width, generator=generator)
    expected = spelled_out(first, second, radius)
    torch.testing.assert_close(correlation(first, second, radius), expected, rtol=0, atol=1e-6)


def test_a_shift_is_found_at_its_channel():
    first = torch.zeros(1, 1, 5, 9)
    second = torch.zeros(1, 1, 5, 9)
    first[0, 0, 2, 4] = second[0, 0, 1, 6] = 1  # moves two to the right and one up
    scores = correlation(first, second, 2)[0, :, 2, 4]
    assert scores.argmax() == (-1 + 2) * 5 + (2 + 2)
    assert scores.sum() == 1


def test_gradients_are_right():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 1, 1, 2, BLOCK + 1, generator=generator, dtype=torch.float64)
    first, second = (item.clone().requires_grad_() for item in maps)
    assert torch.autograd.gradcheck(lambda a, b: correlation(a, b, 1), (first, second))


def test_maps_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 2, 3, 4\) and \(1, 2, 3, 5\)"):
        correlation(torch.zeros(1, 2, 3, 4), torch.zeros(1, 2, 3, 5), 1)
