"""Nearest neighbours on inputs worked out by hand."""

import math

import numpy as np
import pytest
import torch

from commonfate.evaluation.features import neighbours
from commonfate.evaluation.features.knn import best_classes, score, votes
from commonfate.evaluation.features.neighbours import nearest, unit
from commonfate.evaluation.features.settings import KnnSettings

EAST, NORTH, WEST = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]


def settings(*k, temperature=1.0):
    return KnnSettings(k=k, temperature=temperature)


def test_votes_by_hand():
    each = votes(torch.tensor([[1.0, 0.5, 0.5]]), torch.tensor([[2, 0, 0]]), 3, 0.5)
    np.testing.assert_allclose(each, [[2 * math.e, 0, math.exp(2)]])


def test_two_near_beat_a_nearer():
    train, labels = np.array([EAST, [1, 0.1], [1, 0.1]]), np.array([0, 1, 1])
    result = score(train, labels, np.array([EAST]), np.array([1]), 2, settings(1, 3))
    assert result.metrics == {"top1.k1": 0, "top5.k1": 0, "top1.k3": 1, "top5.k3": 1}
    assert result.items.tolist() == [0] and result.predictions.tolist() == [0]


def test_length_of_features_has_no_effect():
    train, labels = np.array([EAST, [0, 100.0]]), np.array([0, 1])
    result = score(train, labels, np.array([[2, 1.0]]), np.array([0]), 2, settings(1))
    assert result.metrics["top1.k1"] == 1


def test_a_single_training_image_and_larger_k():
    result = score(np.array([EAST]), np.array([3]), np.array([WEST, NORTH]), np.array([3, 1]), 5)
    assert result.metrics["top1.k10"] == result.metrics["top5.k200"] == 0.5
    assert len(result.notes) == 4
    assert result.notes[0] == "k 10: the neighbours are all training images, 1"
    np.testing.assert_array_equal(result.classes, [np.nan, 0, np.nan, 1, np.nan])


def test_class_without_votes_is_no_guess():
    assert best_classes(torch.tensor([[0.0, 2, 2, 1]])).tolist() == [[1, 2, 3, -1]]


def test_no_test_image_gives_nan():
    result = score(np.array([EAST]), np.array([0]), np.empty((0, 2)), np.empty(0, int), 2)
    assert all(math.isnan(value) for value in result.metrics.values())


def test_chunks_have_no_effect(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    queries, bank = (unit(torch.randn(n, 8, generator=generator)) for n in (7, 50))
    whole = nearest(queries, bank, 5)
    monkeypatch.setattr(neighbours, "AT_ONCE", 6)
    monkeypatch.setattr(neighbours, "BANK_AT_ONCE", 3)
    parts = nearest(queries, bank, 5)
    assert torch.allclose(whole[0], parts[0]) and torch.equal(whole[1], parts[1])


@pytest.mark.parametrize(
    ("train", "labels", "test", "message"),
    [
        ([[math.nan, 0]], [0], [EAST], "training features: item 0 has a feature that is not"),
        ([EAST], [0], [EAST, [0, math.inf]], "test features: item 1"),
        ([EAST], [7], [EAST], "labels 7 to 7 are not all in 0 to 1"),
        ([EAST], [0, 1], [EAST], "2 labels of 1 features"),
        (np.empty((0, 2)), [], [EAST], "there are none"),
    ],
)
def test_refused(train, labels, test, message):
    with pytest.raises(ValueError, match=message):
        score(np.array(train), np.array(labels), np.array(test), np.zeros(len(test), int), 2)


def test_more_neighbours_than_the_bank_holds_are_refused():
    with pytest.raises(ValueError, match="3 neighbours of a bank of 2"):
        nearest(torch.eye(2), torch.eye(2), 3)
