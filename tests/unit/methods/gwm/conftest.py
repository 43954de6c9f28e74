"""Weighted least squares by numpy, which fits are compared with."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from commonfate.methods.gwm.polynomial import DEGREES, exponents


def solve(weights: Tensor, flow: Tensor, model: str) -> np.ndarray:
    """(2, H, W) fitted flow of one region, by an SVD of the weighted design; NaN flow left out.

    Args:
        weights: (H, W) float64, not negative: of the squared error.
        flow: (2, H, W) float64.
        model: name of a flow model.
    """
    height, width = weights.shape
    rows, columns = np.mgrid[:height, :width].reshape(2, -1)
    x, y = columns / width, rows / height  # another box than the one under test
    design = np.stack([x**a * y**b for a, b in exponents(DEGREES[model])], -1)
    target = flow.reshape(2, -1).T.numpy()
    expected = np.isfinite(target).all(1)
    root = np.sqrt(weights.numpy().reshape(-1, 1))[expected]
    root = root / max(root.max(initial=0), 1e-300)
    theta = np.linalg.lstsq(root * design[expected], root * target[expected], rcond=None)[0]
    return (design @ theta).T.reshape(2, height, width)


@pytest.fixture(scope="session")
def least_squares_energies() -> Callable[[Tensor, Tensor, str], Tensor]:
    """(B, K) sums of m |F - fit|^2 of masks (B, K, H, W) and flow (B, 2, H, W)."""

    def energies(masks: Tensor, flow: Tensor, model: str) -> Tensor:
        result = np.zeros(masks.shape[:2])
        for b, k in np.ndindex(*masks.shape[:2]):
            error = np.square(flow[b].numpy() - solve(masks[b, k], flow[b], model)).sum(0)
            expected = np.isfinite(error)
            result[b, k] = (masks[b, k].numpy()[expected] * error[expected]).sum()
        return torch.from_numpy(result)

    return energies


@pytest.fixture(scope="session")
def least_squares_reconstruction() -> Callable[[Tensor, Tensor, str], Tensor]:
    """(B, 2, H, W) sum over K of m times its fit with weights m^2, as the released code has it."""

    def reconstruction(masks: Tensor, flow: Tensor, model: str) -> Tensor:
        result = np.zeros(flow.shape)
        for b, k in np.ndindex(*masks.shape[:2]):
            result[b] += masks[b, k].numpy() * solve(masks[b, k].square(), flow[b], model)
        return torch.from_numpy(result)

    return reconstruction
