"""Guess What Moves: merging K segments to two against recorded arrays (gwm_merge.npz)."""

import numpy as np
import pytest
import torch

from commonfate.methods.gwm.merge import mean_features, merge, segment_affinity, two_groups

RELEASED_EPSILON = 1e-6


@pytest.fixture(scope="module")
def data(recorded):
    return recorded("gwm_merge.npz")


@pytest.fixture(scope="module")
def images(data):
    """Number and arrays of each recorded image."""
    numbers, tensors = data.numbered(), data.tensors()
    assert len(numbers) == int(data["n_samples"])
    groups = {number: {} for number in numbers}
    for key, tensor in tensors.items():
        number, _, name = key.partition("/")
        if number in groups:
            groups[number][name] = tensor
    return list(groups.items())


def check_up_to_swap(data, key, ours, recorded):
    swapped = abs(ours.flip(0) - recorded).max() < abs(ours - recorded).max()
    data.check(key, ours.flip(0) if swapped else ours, recorded)


def test_mean_features(data, images):
    for number, image in images:
        masks = image["mask_logits"].softmax(1)
        data.check(f"{number}/masks", masks)
        data.check(f"{number}/mean_features", mean_features(image["features"], masks))


def test_affinity(data, images):
    for number, image in images:
        ours = segment_affinity(image["features"], image["masks"], RELEASED_EPSILON)[0]
        data.check(f"{number}/affinity", ours)


def test_labels(images):
    for number, image in images:
        labels = torch.from_numpy(two_groups(image["affinity"].numpy()))
        assert torch.equal(labels, image["labels"] ^ image["labels"][0]), number


@pytest.mark.parametrize("epsilon", [RELEASED_EPSILON, 1e-12])
def test_merged_masks(data, images, epsilon):
    for number, image in images:
        ours = merge(image["features"][0], image["masks"][0], epsilon)
        check_up_to_swap(data, f"{number}/merged_masks", ours, image["merged_masks"][0])


def normalised_cut(affinity, labels):
    """Shi and Malik 2000: the cut as a share of each side's total affinity, added."""
    degree, inside = affinity.sum(1), labels.astype(bool)
    cut = affinity[inside][:, ~inside].sum()
    return cut / degree[inside].sum() + cut / degree[~inside].sum()


def test_the_grouping_is_the_least_normalised_cut(images):
    for number, image in images:
        assert int(image["labels_equal_minimum_normalised_cut"]) == 1
        assert int(image["same_cut_for_ten_random_states"]) == 1  # so ours has no say
        affinity = image["affinity"].double().numpy()
        count = len(affinity)
        splits = [
            (np.arange(count) > 0) & (bits >> np.arange(count) & 1 > 0) for bits in range(2**count)
        ]
        cuts = {tuple(split): normalised_cut(affinity, split) for split in splits if split.any()}
        assert min(cuts, key=cuts.get) == tuple(two_groups(affinity).astype(bool)), number


@pytest.fixture
def batch(data):
    tensors = data.tensors()
    return {key.split("/")[1]: tensors[key] for key in tensors if key.startswith("batch/")}


def test_each_image_of_a_batch_has_its_own_grouping(data, batch):
    key = "merged_masks_one_by_one"
    for features, masks, recorded in zip(
        batch["features"], batch["masks"], batch[key], strict=True
    ):
        ours = merge(features, masks, RELEASED_EPSILON)
        check_up_to_swap(data, f"batch/{key}", ours, recorded)


def test_the_released_batch_has_the_first_grouping_throughout(data, batch):
    """What the released function makes of a batch; its evaluation has batches of one."""
    masks = batch["mask_logits"].softmax(1)
    torch.testing.assert_close(masks, batch["masks"], atol=1e-6, rtol=0)
    affinity = segment_affinity(batch["features"], masks, RELEASED_EPSILON)
    first, *others = (torch.from_numpy(two_groups(image.numpy())) for image in affinity)
    assert not any(torch.equal(first, other) for other in others)
    key = "merged_masks_released_batch"
    for image, recorded in zip(masks, batch[key], strict=True):
        ours = torch.stack([image[first == side].sum(0) for side in range(2)])
        check_up_to_swap(data, f"batch/{key}", ours, recorded)
