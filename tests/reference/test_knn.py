"""Parity with DINO's nearest-neighbour classifier (knn_dino.npz)."""

import numpy as np
import pytest
import torch

from commonfate.evaluation.features.knn import score, votes
from commonfate.evaluation.features.neighbours import nearest
from commonfate.evaluation.features.settings import KnnSettings


@pytest.fixture
def data(recorded):
    return recorded("knn_dino.npz")


def ks(data):
    return tuple(sorted(int(key[1:].split("/")[0]) for key in data if key.endswith("/top1")))


def inputs(data):
    keys = ("train_features", "train_labels", "test_features", "test_labels")
    return [data[key] for key in keys]


def test_accuracy_and_guesses(data):
    assert ks(data)
    temperature = float(data["temperature"])
    for k in ks(data):
        settings = KnnSettings(k=(k,), temperature=temperature)
        result = score(*inputs(data), int(data["num_classes"]), settings)
        data.check(f"k{k}/top1", 100 * result.metrics[f"top1.k{k}"])
        data.check(f"k{k}/top5_positive_votes_only", 100 * result.metrics[f"top5.k{k}"])
        if k >= 20:
            np.testing.assert_allclose(100 * result.metrics[f"top5.k{k}"], data[f"k{k}/top5"])
        data.check(f"k{k}/predicted", result.predictions)


def test_several_k_at_once_equal_each_alone(data):
    result = score(*inputs(data), int(data["num_classes"]), KnnSettings(k=ks(data)))
    for k in ks(data):
        data.check(f"k{k}/top1", 100 * result.metrics[f"top1.k{k}"])


def test_votes(data):
    tensors = data.tensors()
    similar, index = nearest(
        tensors["test_features"].double(), tensors["train_features"].double(), max(ks(data))
    )
    for k in ks(data):
        owners = tensors["train_labels"][index[:, :k]]
        each = votes(similar[:, :k], owners, int(data["num_classes"]), float(data["temperature"]))
        assert each.dtype == torch.float64
        data.check(f"k{k}/class_votes_64", each)
