"""The losses of Guess What Moves: Eq. 3-4 of the paper, and that of the released code.

The paper leaves the factor of Eq. 3 open. Here a loss is a mean over the batch and over the pixels
with flow. The paper's loss adds the squares of both flow components and sums over the regions; the
released one takes the mean of both components, which is half the scale. `objective` multiplies
either by `loss_multiplier` (0.03).

The released code fits with weights m^2, compares the flow with a blended reconstruction, and
differentiates through the fit (shared/reference has recorded arrays).
"""

import torch
from torch import Tensor

from commonfate.methods.gwm.fit import Moments, fit, moments, without_global_fit
from commonfate.methods.gwm.polynomial import (
    DEGREES,
    FlowModel,
    evaluate,
    exponents,
    pick_products,
)

SMALLEST = 1e-30
"""Regions whose largest probability is smaller count as empty."""


def paper_energies(masks: Tensor, flow: Tensor, model: FlowModel) -> Tensor:
    """Eq. 3 for each region, minimised over its flow model (Eq. 4), at the flow's resolution.

    The fit is detached: by the envelope theorem its gradient is zero.

    Args:
        masks: (B, K, H, W) float in [0, 1].
        flow: (B, 2, H, W) float, pixels; NaN where unknown: such pixels have no weight.
        model: parametric model of the flow inside a region.

    Returns:
        (B, K), square pixels, summed over pixels.
    """
    degree, size = DEGREES[model], (flow.shape[-2], flow.shape[-1])
    filled, valid = split_unknown(flow)
    residual = without_global_fit(filled, valid, degree)
    weights = masks * valid[:, None]
    with torch.no_grad():
        theta = fit(moments(weights, residual, degree)).to(residual.dtype)
        cost = (residual[:, None] - evaluate(theta, size, degree)).square_().sum(2)
    return (weights * cost).sum((2, 3))


def paper_loss(masks: Tensor, flow: Tensor, model: FlowModel) -> Tensor:
    """Eq. 3-4 at the flow's resolution: mean over pixels and batch, sum over regions.

    Args: as for `paper_energies`.

    Returns:
        (), square pixels.
    """
    energies = paper_energies(masks, flow, model).sum(1)
    return (energies / pixel_count(split_unknown(flow)[1])).mean()


def paper_loss_pulled_back(
    masks: Tensor,
    flow_maps: Tensor,
    monomial_maps: Tensor,
    pixels: Tensor,
    model: FlowModel,
    drop_worst: float = 0,
) -> Tensor:
    """`paper_loss` of linearly upsampled probabilities, computed at their own resolution.

    The energy is that of supplement B, tr(L_FF - M L_OF - L_FO M^T + M L_OO M^T), for any
    coefficients M. (The printed minimum, tr(L_FF - M* L_OO), has a misprint: L_OF is meant.)

    Args:
        masks: (B, K, h, w) float in [0, 1].
        flow_maps: (B, 1 + 2n, h, w) float, see `pull_back.flow_maps`.
        monomial_maps: (m, h, w) or (B, m, h, w) float64, see `pull_back.monomial_maps`.
        pixels: (B,) number of pixels with flow, see `pixel_count`.
        model: the flow model that the maps were made for.
        drop_worst: share of the batch, of the largest losses, that is left out of the mean.

    Returns:
        () float64.
    """
    degree = DEGREES[model]
    masks = masks.double().flatten(2)
    sums = masks @ flow_maps.double().flatten(2).mT
    square, cross = sums[..., 0], sums[..., 1:].unflatten(-1, (len(exponents(degree)), 2))
    gram = pick_products(masks @ monomial_maps.flatten(-2).mT, degree)
    theta = fit(Moments(gram.detach(), cross.detach()))
    energies = square + (theta * (gram @ theta - 2 * cross)).sum((-2, -1))
    losses = energies.sum(1) / pixels
    kept = max(1, round((1 - drop_worst) * len(losses)))
    return losses.topk(kept, largest=False).values.mean()


def released_reconstruction(masks: Tensor, flow: Tensor, model: FlowModel) -> Tensor:
    """Reconstruction of the flow as in the released code: fit with weights m^2, blended by m.

    Args:
        masks: (B, K, H, W) float in [0, 1], summing to 1 over K.
        flow: (B, 2, H, W) float, pixels; NaN where unknown: such pixels have no weight.
        model: parametric model of the flow inside a region.

    Returns:
        (B, 2, H, W), differentiable with respect to `masks`, also through the fit.
    """
    degree, size = DEGREES[model], (flow.shape[-2], flow.shape[-1])
    filled, valid = split_unknown(flow)
    residual = without_global_fit(filled, valid, degree)
    # The fit does not depend on a region's scale, but squares of small probabilities underflow.
    largest = masks.detach().amax((2, 3), keepdim=True).clamp(min=SMALLEST)
    weights = (masks / largest).square() * valid[:, None]
    theta = fit(moments(weights, residual, degree)).to(flow.dtype)
    blended = (masks[:, :, None] * evaluate(theta, size, degree)).sum(1)
    return blended + (filled - residual)


def released_loss(masks: Tensor, flow: Tensor, model: FlowModel) -> Tensor:
    """Mean squared error of `released_reconstruction`, over batch, components and pixels.

    Returns:
        ().
    """
    filled, valid = split_unknown(flow)
    error = (filled - released_reconstruction(masks, flow, model)).square().sum(1)
    return ((error * valid).sum((1, 2)) / (2 * pixel_count(valid))).mean()


def split_unknown(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Replace unknown flow by 0.

    Args:
        flow: (..., 2, H, W) float; NaN or infinite where unknown.

    Returns:
        The filled flow, and (..., H, W) bool: True where both components are finite.
    """
    valid = flow.isfinite().all(-3)
    return torch.where(valid.unsqueeze(-3), flow, 0.0), valid


def pixel_count(valid: Tensor) -> Tensor:
    """(B,) int64: number of pixels with flow, at least 1, so that none gives a loss of 0."""
    return valid.sum((-2, -1)).clamp(min=1)
