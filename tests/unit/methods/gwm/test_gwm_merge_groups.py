"""Merging segments to two groups: cases worked by hand."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from commonfate.methods.gwm.merge import mean_features, merge, segment_affinity, two_groups
from helpers.strict import no_warnings


def quadrants():
    """Four one-hot segments of a 4x4 image, each one quadrant, in reading order."""
    labels = torch.tensor([[0, 1], [2, 3]]).repeat_interleave(2, 0).repeat_interleave(2, 1)
    return functional.one_hot(labels).permute(2, 0, 1).float()


def features_of(vectors):
    """(C, 4, 4) features that are constant on each quadrant."""
    return torch.einsum("kc,khw->chw", torch.tensor(vectors), quadrants())


def test_mean_features_weigh_pixels_by_probability():
    features = torch.tensor([[1.0, 3.0]]).view(1, 1, 1, 2)
    masks = torch.tensor([[0.75, 0.25], [0.25, 0.75]]).view(1, 2, 1, 2)
    result = mean_features(features, masks)
    torch.testing.assert_close(result, torch.tensor([[[1.5], [2.5]]]))


def test_affinity_is_the_cosine_with_a_floor():
    features = features_of([[2.0, 0.0], [1.0, 1.0], [0.0, -3.0], [-1.0, 0.0]])
    result = segment_affinity(features[None], quadrants()[None], 1e-3)[0]
    half = 0.5**0.5
    expected = [[1, half, 1e-3, 1e-3], [half, 1, 1e-3, 1e-3], [1e-3, 1e-3, 1, 1e-3]]
    torch.testing.assert_close(result[:3], torch.tensor(expected))
    assert torch.equal(result, result.T)


def test_affinity_refuses_different_sizes():
    with pytest.raises(ValueError, match="differ in H or W"):
        segment_affinity(torch.zeros(1, 2, 4, 4), torch.zeros(1, 3, 4, 5))


def test_similar_segments_are_merged():
    features = features_of([[1.0, 0.1], [0.1, 1.0], [0.0, 1.0], [1.0, 0.0]])
    result = merge(features, quadrants())
    expected = quadrants()[[0, 3]].sum(0)
    assert torch.equal(result, torch.stack([expected, 1 - expected]))


def test_features_of_lower_resolution_count_as_upsampled():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(5, 4, 6, generator=generator)
    masks = torch.randn(4, 32, 48, generator=generator).softmax(0)
    large = functional.interpolate(features[None], size=(32, 48), mode="bilinear")[0]
    assert torch.equal(merge(features, masks), merge(large, masks))


def test_an_absent_segment_does_not_make_a_group_of_its_own():
    masks = torch.cat([torch.zeros(1, 4, 4), quadrants()])
    result = merge(features_of([[1.0, 0.1], [0.1, 1.0], [0.0, 1.0], [1.0, 0.0]]), masks)
    expected = quadrants()[[0, 3]].sum(0)
    assert torch.equal(result, torch.stack([expected, 1 - expected]))


@pytest.mark.parametrize("present", [1, 2])
def test_few_present_segments(present):
    masks = torch.zeros(4, 4, 4)
    masks[1, :, :2] = masks[present, :, 2:] = 1
    result = merge(torch.randn(3, 4, 4), masks)
    expected = torch.stack([masks[1], masks[2]])
    assert torch.equal(result, expected)


def test_a_segment_of_a_few_pixels_is_present():
    masks = torch.zeros(2, 32, 32)
    masks[1, :2, :2] = 1  # of 1024 pixels
    masks[0] = 1 - masks[1]
    assert merge(torch.randn(5, 32, 32), masks)[1].sum() == 4


def test_one_segment():
    result = merge(torch.randn(3, 4, 4), torch.ones(1, 4, 4))
    assert torch.equal(result, torch.stack([torch.ones(4, 4), torch.zeros(4, 4)]))


def test_unrelated_segments_are_still_split_without_complaint():
    """Every cosine at the floor: the graph hangs together by epsilon only."""
    with no_warnings():
        labels = two_groups(np.full((4, 4), 1e-12) + np.eye(4))
    assert labels[0] == 0
    assert set(labels) == {0, 1}


def test_constant_features():
    result = merge(torch.zeros(3, 4, 4), quadrants())
    assert result.isfinite().all()
    torch.testing.assert_close(result.sum(0), torch.ones(4, 4))
