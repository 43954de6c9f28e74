"""Feature-Forwarder on inputs worked out by hand."""

import math

import pytest
import torch

from commonfate.models import forwarder
from commonfate.models.forwarder import forward, window
from commonfate.models.settings import ForwarderSettings

EVERYWHERE = ForwarderSettings(window=None, top_k=None)


def test_equal_features_take_the_mean_of_the_first_map():
    first = torch.tensor([[[[1.0, 0, 0]], [[0, 1, 1]]]])  # (1, 2, 1, 3)
    maps = forward(torch.ones(1, 2, 1, 3, 4), first, EVERYWHERE)
    assert torch.allclose(maps[0, 0, :, 0], torch.tensor([[1 / 3] * 3, [2 / 3] * 3]))


def test_orthogonal_features_follow_exp_of_cosine():
    features = torch.eye(2).reshape(1, 1, 1, 2, 2).repeat(1, 2, 1, 1, 1)
    first = torch.tensor([[[[1.0, 0]]]])
    maps = forward(features, first, EVERYWHERE.model_copy(update={"temperature": 1.0}))
    share = math.e / (math.e + 1)
    assert torch.allclose(maps[0, 0, 0, 0], torch.tensor([share, 1 - share]))


def test_eq_4_gives_patches_outside_the_window_weight_one():
    features = torch.ones(1, 2, 1, 2, 3)
    first = torch.tensor([[[[1.0, 0]]]])
    settings = ForwarderSettings(window=0, top_k=None, temperature=1, outside="similarity_0")
    maps = forward(features, first, settings)
    assert torch.allclose(maps[0, 0, 0, 0, 0], torch.tensor(math.e / (math.e + 1)))


def test_window_of_zero_keeps_every_map_in_place():
    first = torch.rand(2, 3, 2, 5, generator=torch.Generator().manual_seed(0))
    maps = forward(torch.randn(2, 4, 2, 5, 8), first, ForwarderSettings(window=0))
    assert torch.allclose(maps, first[:, None].expand_as(maps))


def test_rectangular_maps_stay_distributions_and_clips_are_independent(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 4, 3, 5, 8, generator=generator)
    first = torch.rand(3, 6, 3, 5, generator=generator).softmax(1)
    maps = forward(features, first)
    assert maps.shape == (3, 3, 6, 3, 5)
    assert torch.allclose(maps.sum(2), torch.ones(3, 3, 3, 5))
    alone = torch.cat([forward(features[i : i + 1], first[i : i + 1]) for i in range(3)])
    assert torch.allclose(maps, alone, atol=1e-6)
    monkeypatch.setattr(forwarder, "AT_ONCE", 1)
    assert torch.allclose(maps, forward(features, first), atol=1e-6)


def test_clip_of_a_single_frame_has_no_later_maps():
    assert forward(torch.ones(2, 1, 3, 4, 5), torch.ones(2, 7, 3, 4)).shape == (2, 0, 7, 3, 4)


def test_more_top_k_than_patches_and_features_of_norm_zero_give_the_mean():
    first = torch.tensor([[[[1.0, 0]]]])
    maps = forward(torch.zeros(1, 2, 1, 2, 3), first, ForwarderSettings(top_k=99))
    assert torch.allclose(maps, torch.full_like(maps, 0.5))


def test_window_by_hand():
    assert window(1, 3, 1).tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]


@pytest.mark.parametrize(
    ("features", "first", "message"),
    [
        (torch.ones(1, 2, 3, 3, 4), torch.ones(1, 2, 3, 4), "differ in clips or size"),
        (torch.ones(2, 3, 3, 4), torch.ones(1, 2, 3, 3), "expected features"),
        (torch.full((1, 2, 3, 3, 4), torch.nan), torch.ones(1, 2, 3, 3), "features of a clip"),
        (torch.ones(1, 2, 3, 3, 4), torch.full((1, 2, 3, 3), torch.inf), "first maps of a clip"),
    ],
)
def test_refused(features, first, message):
    with pytest.raises(ValueError, match=message):
        forward(features, first)
