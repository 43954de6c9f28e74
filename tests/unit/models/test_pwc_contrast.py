"""Bringing features to a common scale before they are correlated."""

import pytest
import torch

from commonfate.models.pwc.correlation import common_scale, correlation


@pytest.fixture
def features() -> tuple[torch.Tensor, torch.Tensor]:
    """Maps as a fresh network makes them, all positive, contrast growing to the right; the second
    is the first, moved two pixels to the right."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 16, 12, 24, generator=generator) + 2
    maps = maps * torch.linspace(0.2, 3, 24)
    return maps, maps.roll(2, dims=3)


def test_no_strength_changes_nothing(features) -> None:
    assert all(a is b for a, b in zip(common_scale(*features, 0), features, strict=True))


def test_full_strength_gives_every_pixel_the_same_length(features) -> None:
    for maps in common_scale(*features, 1):
        assert maps.square().mean(1).sub(1).abs().max() < 0.05


def test_the_right_displacement_stands_out_only_after_it(features) -> None:
    def share_found(strength: float) -> float:
        scores = correlation(*common_scale(*features, strength), 4)
        right = 4 * 9 + 4 + 2
        return (scores.argmax(1) == right)[:, 4:-4, 6:-6].float().mean().item()

    assert share_found(0) < 0.2
    assert share_found(1) > 0.95
    assert share_found(0) <= share_found(0.5) <= share_found(1)
