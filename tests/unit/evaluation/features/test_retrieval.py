"""In-context retrieval on small maps."""

import math

import numpy as np
import pytest
import torch

from commonfate.evaluation.features.retrieval import Memory, look_up, remember, score, shares
from commonfate.evaluation.features.settings import RetrievalSettings

SETTINGS = RetrievalSettings(classes=3, memory=100, k=2, temperature=1)


def images(n=5, seed=0):
    labels = np.random.default_rng(seed).integers(0, 3, (n, 4, 4))
    return np.eye(3, dtype=np.float32)[labels], labels.repeat(2, 1).repeat(2, 2).astype(np.uint8)


def test_shares_leave_void_out():
    truth = torch.tensor([[[0, 1, 255, 255], [1, 1, 255, 2], [255, 255, 0, 0], [255, 255, 0, 2]]])
    expected = [[[0.25, 0.75, 0], [0, 0, 1]], [[0, 0, 0], [0.75, 0, 0.25]]]
    np.testing.assert_allclose(shares(truth, (2, 2), 3)[0], expected)


def test_neighbours_by_hand():
    vectors = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    memory = Memory(vectors, torch.tensor([[1.0, 0], [0, 1], [0.5, 0.5]]), 1)
    settings = RetrievalSettings(classes=2, k=2, temperature=1)
    near = math.e / (math.e + 1)
    ours = look_up(torch.tensor([[7.0, 0]]), memory, settings)
    np.testing.assert_allclose(ours, [[near, 1 - near]], rtol=1e-6)


def test_one_hot_features_of_the_truth_score_one():
    memory = remember(*images(), SETTINGS)
    features, truth = images(seed=1)
    result = score(memory, [(features, truth[:, ::2, ::2])], SETTINGS, 1)
    assert result.metrics == {"mIoU": 1, "Acc": 1}
    assert result.notes == ("memory: 80 patches of 5 images",)


def test_memory_takes_the_same_number_of_each_image_by_the_seed():
    few = SETTINGS.model_copy(update={"memory": 17})
    memory = remember(*images(), few)
    assert (len(memory.vectors), memory.images) == (15, 5)
    assert torch.equal(memory.vectors, remember(*images(), few, at_once=2).vectors)
    other = remember(*images(), few.model_copy(update={"seed": 1}))
    assert not torch.equal(memory.vectors, other.vectors)
    memory = remember(*images(), SETTINGS.model_copy(update={"memory": 3}))
    assert (len(memory.vectors), memory.images) == (3, 3)


def test_patches_that_are_all_void_are_not_remembered():
    features, truth = images(n=2)
    truth[0] = 255
    truth[1, :2, :2] = 255
    assert remember(features, truth, SETTINGS).vectors.shape == (15, 3)
    with pytest.raises(ValueError, match="none with a pixel that is not void"):
        remember(features, np.full_like(truth, 255), SETTINGS)
    memory = remember(features, truth, SETTINGS)
    result = score(memory, [(features, truth)], SETTINGS, 1)
    assert result.left_out == {0: "every pixel is void"}


def test_one_training_image_a_class_never_seen_and_k_above_the_memory():
    features, truth = images(n=1)
    truth[truth == 2] = 255
    many = SETTINGS.model_copy(update={"k": 30})
    memory = remember(features, truth, many)
    result = score(memory, [images(seed=1)], many, 1)
    assert result.classes[2] == 0
    assert "the neighbours are the whole memory" in result.notes[1]


def test_test_images_of_several_sizes():
    features, truth = images(n=2)
    batches = [(features, truth), (features[:, :2], truth[:, :5])]
    result = score(remember(features, truth, SETTINGS), batches, SETTINGS, 2)
    assert [each.shape for each in result.predictions] == [(8, 8), (8, 8), (5, 8), (5, 8)]


def test_refused():
    features, truth = images(n=2)
    broken = features.copy()
    broken[1, 2, 0, 0] = np.inf
    with pytest.raises(ValueError, match="training features: item 1 has a feature"):
        remember(broken, truth, SETTINGS)
    with pytest.raises(ValueError, match="test features: item 1 has a feature"):
        score(remember(features, truth, SETTINGS), [(broken, truth)], SETTINGS, 1)
    with pytest.raises(ValueError, match="class 3 is not one of 0 to 2"):
        remember(features, truth + 1, SETTINGS)
    with pytest.raises(ValueError, match="features of 2 images, truth of 1"):
        remember(features, truth[:1], SETTINGS)
