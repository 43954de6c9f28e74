"""Weighted least-squares fit of a flow model to each region, from second moments.

Guess What Moves, supplement B. Solved in float64: the normal matrix of a quadratic model over a
region of a fiftieth of the image's width has a condition number near 1e8.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonfate.methods.gwm.polynomial import (
    contract,
    evaluate,
    pick_monomials,
    pick_products,
)

RIDGE = 1e-12
"""Ridge of the fit, relative to the region's weight, as monomials are at most 1. Enough for a
region of one pixel or none; an energy rises by at most this times weight and squared coefficients.
"""
GRID = 64
"""About how many rows the global fit uses."""


@dataclass(frozen=True)
class Moments:
    """Sums over pixels, weighted by w, of products of the flow F and the monomials U.

    Attributes:
        gram: (..., n, n) float64, sum of w U U^T (the paper's Lambda of Omega, Omega).
        cross: (..., n, 2) float64, sum of w U F^T (Lambda of Omega, F).
    """

    gram: Tensor
    cross: Tensor


def moments(weights: Tensor, flow: Tensor, degree: int) -> Moments:
    """Moments of K regions, summed over all pixels.

    Args:
        weights: (B, K, H, W) float or bool, not negative.
        flow: (B, 2, H, W) float, finite.
        degree: degree of the flow model.

    Returns:
        Moments of batch shape (B, K), differentiable with respect to `weights`.
    """
    # The sums of w U U^T are inverted, which needs float64; the sums of w U F^T are not.
    monomials = pick_monomials(contract(weights.double(), 2 * degree), 2 * degree)
    weighted_flow = weights[:, :, None] * flow[:, None]
    return Moments(
        gram=pick_products(monomials, degree),
        cross=pick_monomials(contract(weighted_flow, degree), degree).mT.double(),
    )


def fit(moments: Moments) -> Tensor:
    """Coefficients of least energy: M* of supplement B, transposed; zero without any weight.

    Returns:
        (..., n, 2) float64.
    """
    mass = moments.gram[..., :1, :1]
    scale = torch.where(mass > 0, mass, 1.0)
    ridge = RIDGE * torch.eye(moments.gram.shape[-1], dtype=mass.dtype, device=mass.device)
    # solve_ex does not raise on NaN: the training loop reports a diverged network.
    return torch.linalg.solve_ex(moments.gram / scale + ridge, moments.cross / scale).result


def without_global_fit(flow: Tensor, valid: Tensor, degree: int) -> Tensor:
    """Subtract from each flow field the model that fits the whole field best.

    Energies do not change, since the model is a linear space, but they are no longer small
    differences of large sums if the camera moves a lot. Any model of the space would do, so the fit
    uses a grid of about `GRID` rows only.

    Args:
        flow: (B, 2, H, W) float, finite.
        valid: (B, H, W) bool; other pixels are not fitted and become 0.
        degree: degree of the flow model.

    Returns:
        (B, 2, H, W), dtype of `flow`.
    """
    stride = max(1, min(flow.shape[-2:]) // GRID)
    grid = (..., slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    theta = fit(moments(valid[:, None][grid], flow[grid], degree))[:, 0]
    height, width = flow.shape[-2:]
    fitted = evaluate(theta.to(flow.dtype), (height, width), degree)
    return torch.where(valid[:, None], flow - fitted, 0.0)
