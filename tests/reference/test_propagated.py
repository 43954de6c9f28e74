"""Scores of carried masks against what the DAVIS tools compute (davis_metrics.npz)."""

import numpy as np
import pytest

from commonfate.evaluation.features.propagated import score


@pytest.fixture
def data(recorded):
    return recorded("davis_metrics.npz")


def scored(data, void):
    first = np.ones_like(data["gt"][:1])
    truth = np.concatenate([first, np.where(void, 255, data["gt"])])
    return score([(data["pred"], truth)]).metrics


def test_without_void(data):
    metrics = scored(data, np.zeros_like(data["gt"]))
    for measure in ("J", "F"):
        expected = pytest.approx(data[measure].mean(), abs=data.tolerance(measure))
        assert metrics[measure] == metrics[f"{measure}_merged"] == expected


def test_with_void(data):
    counted = ~data["void"].all(axis=(1, 2))
    metrics = scored(data, data["void"].astype(bool))
    for measure in ("J", "F"):
        expected = data[f"{measure}_void"][counted].mean()
        assert metrics[measure] == pytest.approx(expected, abs=data.tolerance(f"{measure}_void"))
