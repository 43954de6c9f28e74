"""Parity with the optimal transport of TimeT (timet_sinkhorn.npz)."""

import numpy as np
import pytest

from commonfate.methods.timet.sinkhorn import assign


@pytest.fixture(scope="module")
def data(recorded):
    return recorded("timet_sinkhorn.npz")


def of_file(data):
    return {"epsilon": float(data["epsilon"]), "iterations": int(data["iterations"])}


@pytest.mark.parametrize(
    ("key", "scores", "changes"),
    [
        ("Q", "scores", {}),
        ("Q_3_iterations", "scores", {"iterations": 3}),
        ("Q_epsilon_0.25", "scores", {"epsilon": 0.25}),
        ("peaked/Q", "peaked/scores", {}),
    ],
)
def test_assignments(data, key, scores, changes):
    data.check(key, assign(data.tensors()[scores], **{**of_file(data), **changes}))


def test_labels(data):
    data.check("argmax", assign(data.tensors()["scores"], **of_file(data)).argmax(1))


@pytest.mark.parametrize("key", ["scores", "peaked/scores"])
def test_16_bit_scores_are_assigned_in_32_bits(data, key):
    """As if the rounded scores were given in 32 bits: the transport itself loses nothing."""
    rounded = data.tensors()[key].half()
    ours = assign(rounded)
    np.testing.assert_array_equal(ours, assign(rounded.float()))
    assert ours.isfinite().all()
