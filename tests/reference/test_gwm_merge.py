"""Guess What Moves: merging K segments to two against recorded arrays (gwm_merge.npz)."""

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


@pytest.mark.parametrize("image", range(2))
def test_each_image_of_a_batch_has_its_own_grouping(reference, image):
    arrays = {
        key: torch.from_numpy(value)
        for key, value in reference("gwm_merge.npz").items()
        if key.startswith("batch/")
    }
    found = merge(arrays["batch/features"][image], arrays["batch/masks"][image], RELEASED_EPSILON)
    assert_equal_up_to_swap(found, arrays["batch/merged_masks_one_by_one"][image], atol=1e-6)
