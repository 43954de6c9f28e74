"""Guess What Moves: merging K segments to two against recorded arrays (gwm_merge.npz)."""

import numpy as np
import pytest
import torch

from commonfate.methods.gwm.merge import mean_features, merge, segment_affinity, two_groups

RELEASED_EPSILON = 1e-6
GROUPS = range(6)


@pytest.fixture(params=GROUPS)
def group(reference, request):
    arrays = reference("gwm_merge.npz")
    assert int(arrays["n_samples"]) == len(GROUPS)
    prefix = f"{request.param}/"
    return {
        key.removeprefix(prefix): torch.from_numpy(value)
        for key, value in arrays.items()
        if key.startswith(prefix)
    }


def assert_equal_up_to_swap(found, recorded, atol):
    swapped = abs(found.flip(0) - recorded).max() < abs(found - recorded).max()
    torch.testing.assert_close(found.flip(0) if swapped else found, recorded, atol=atol, rtol=0)


def test_mean_features(group):
    masks = group["mask_logits"].softmax(1)
    torch.testing.assert_close(masks, group["masks"], atol=1e-6, rtol=0)
    found = mean_features(group["features"], masks)
    torch.testing.assert_close(found, group["mean_features"], atol=1e-5, rtol=0)


def test_affinity(group):
    found = segment_affinity(group["features"], group["masks"], RELEASED_EPSILON)[0]
    torch.testing.assert_close(found, group["affinity"], atol=1e-6, rtol=0)


def test_labels(group):
    found = torch.from_numpy(two_groups(group["affinity"].numpy()))
    assert torch.equal(found, group["labels"] ^ group["labels"][0])


@pytest.mark.parametrize("epsilon", [RELEASED_EPSILON, 1e-12])
def test_merged_masks(group, epsilon):
    found = merge(group["features"][0], group["masks"][0], epsilon)
    assert_equal_up_to_swap(found, group["merged_masks"][0], atol=1e-6)


def normalised_cut(affinity, labels):
    """Shi and Malik 2000: the cut as a share of each side's total affinity, added."""
    degree, inside = affinity.sum(1), labels.astype(bool)
    cut = affinity[inside][:, ~inside].sum()
    return cut / degree[inside].sum() + cut / degree[~inside].sum()


def test_the_grouping_is_the_least_normalised_cut(group):
    assert int(group["labels_equal_minimum_normalised_cut"]) == 1
    assert int(group["same_cut_for_ten_random_states"]) == 1  # so ours has no say
    affinity = group["affinity"].double().numpy()
    count = len(affinity)
    splits = [
        (np.arange(count) > 0) & (bits >> np.arange(count) & 1 > 0) for bits in range(2**count)
    ]
    cuts = {tuple(split): normalised_cut(affinity, split) for split in splits if split.any()}
    assert min(cuts, key=cuts.get) == tuple(two_groups(affinity).astype(bool))


@pytest.fixture
def batch(reference):
    return {
        key.removeprefix("batch/"): torch.from_numpy(value)
        for key, value in reference("gwm_merge.npz").items()
        if key.startswith("batch/")
    }


@pytest.mark.parametrize("image", range(2))
def test_each_image_of_a_batch_has_its_own_grouping(batch, image):
    found = merge(batch["features"][image], batch["masks"][image], RELEASED_EPSILON)
    assert_equal_up_to_swap(found, batch["merged_masks_one_by_one"][image], atol=1e-6)


def test_the_released_batch_has_the_first_grouping_throughout(batch):
    """What the released function makes of a batch; its evaluation has batches of one."""
    masks = batch["mask_logits"].softmax(1)
    torch.testing.assert_close(masks, batch["masks"], atol=1e-6, rtol=0)
    affinity = segment_affinity(batch["features"], masks, RELEASED_EPSILON)
    first, second = (torch.from_numpy(two_groups(one.numpy())) for one in affinity)
    assert not torch.equal(first, second)
    for image in range(2):
        found = torch.stack([masks[image, first == side].sum(0) for side in range(2)])
        assert_equal_up_to_swap(found, batch["merged_masks_released_batch"][image], atol=1e-6)
