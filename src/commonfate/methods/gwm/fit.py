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

# Relative to the region's weight, as monomials are at most 1. Enough for a region of one pixel or
# none, and an energy rises by less than 1e-12 of the weight times the squared coefficients.
RIDGE = 1e-12
# Rows of the grid that the global fit looks at.
GRID = 64


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
        degree: of the flow model.

    Returns:
        Moments of batch shape (B, K), differentiable with respect to `weights`.
    """
    # The sums of w U U^T are inverted, so they need float64; those of w U F^T do not.
    monomials = pick_monomials(contract(weights.double(), 2 * degree), 2 * degree)
    weighted_flow = weights[:, :, None] * flow[:, None]
    return Moments(
        gram=pick_products(monomials, degree),
        cross=pick_monomials(contract(weighted_flow, degree), degree).mT.double(),
    )


def fit(moments: Moments) -> Tensor:
    """Coefficients of least energy: M* of supplement B, transposed.

    A region without any weight gets zero.

    Returns:
        (..., n, 2) float64.
    """
    mass = moments.gram[..., :1, :1]
    scale = torch.where(mass > 0, mass, 1.0)
    ridge = RIDGE * torch.eye(moments.gram.shape[-1], dtype=mass.dtype, device=mass.device)
    # solve_ex does not raise on NaN: a diverged network is the training loop's to report.
    return torch.linalg.solve_ex(moments.gram / scale + ridge, moments.cross / scale).result


def without_global_fit(flow: Tensor, valid: Tensor, degree: int) -> Tensor:
    """Subtract from each flow field the one model that fits the whole field best.

    Leaves every energy unchanged, since the model is a linear space, and keeps energies from being
    small differences of large sums where the camera moves a lot. As any model would do, the fit
    looks at a grid of some `GRID` rows only.

    Args:
        flow: (B, 2, H, W) float, finite.
        valid: (B, H, W) bool; other pixels do not take part and become 0.

    Returns:
        (B, 2, H, W), dtype of `flow`.
    """
    stride = max(1, min(flow.shape[-2:]) // GRID)
    grid = (..., slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    theta = fit(moments(valid[:, None][grid], flow[grid], degree))[:, 0]
    fitted = evaluate(theta.to(flow.dtype), (flow.shape[-2], flow.shape[-1]), degree)
    return torch.where(valid[:, None], flow - fitted, 0.0)
