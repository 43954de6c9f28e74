"""The flow loss of FlowDINO (Section III-B): features as alike as the motion of their places.

In each small window the similarities of the most salient place to all others, once of flow and once
of features, become two distributions; their divergence is averaged over windows that move. Places
of unknown flow are in neither distribution nor weight; a window with fewer than two known places,
and a frame that stands still, weigh nothing.
"""

import torch
from torch import Tensor

from commonfate.methods.flowdino.flow import flow_similarity, on_cells
from commonfate.methods.flowdino.settings import Divergence, FlowLossSettings, Weights
from commonfate.methods.flowdino.windows import feature_similarity, most_salient, slide

FLOOR = 1e-6
"""Added to the sum of the released weights."""


def saliency(attention: Tensor) -> Tensor:
    """Attention that each place receives from the class token, over all heads (Section III-B).

    Args:
        attention: (B, heads, h, w) floating.

    Returns:
        (B, h, w) float32 sum over the heads, without gradient.
    """
    return attention.detach().float().sum(1)


def log_distribution(similarity: Tensor, valid: Tensor, temperature: float) -> Tensor:
    """Logarithm of the softmax of similarities over the known places of a window: Eq. 5.

    Args:
        similarity: (B, L, K^2) floating; not read where unknown.
        valid: (B, L, K^2) bool.
        temperature: tau, above 0.

    Returns:
        (B, L, K^2), -inf where unknown; uniform where no place of a window is known.
    """
    none = ~valid.any(-1, keepdim=True)
    scaled = (similarity / temperature).masked_fill(none, 0)
    return scaled.masked_fill(~(valid | none), -torch.inf).log_softmax(-1)


def divergence(of_flow: Tensor, of_features: Tensor, kind: Divergence) -> Tensor:
    """Divergence of the features' distribution in a window from the flow's: Eq. 6.

    Args:
        of_flow: (B, L, K^2) logarithms of probabilities.
        of_features: the same shape, -inf at the same places.
        kind: `kl`, or `cross_entropy` (released code), larger by the flow's entropy, whose gradient
            with respect to features is the same.

    Returns:
        (B, L), not negative but for rounding.
    """
    probabilities = of_flow.exp()
    logs = of_features.masked_fill(of_flow == -torch.inf, 0)
    crossed = -(probabilities * logs).sum(-1)
    return crossed - torch.special.entr(probabilities).sum(-1) if kind == "kl" else crossed


def motion(flow: Tensor) -> Tensor:
    """Norm of the flow of a window, the numerator of Eq. 7.

    Args:
        flow: (B, L, K^2, 2) floating, NaN where unknown.

    Returns:
        (B, L); 0 where nothing is known.
    """
    return flow.nan_to_num(0.0).flatten(2).norm(dim=-1)


def mean_similarity(similarity: Tensor, margin: float) -> Tensor:
    """Mean similarity of flow in a window less a margin, at least 0; the released weights.

    Args:
        similarity: (B, L, K^2) of Eq. 3, NaN where unknown.
        margin: a window below it does not count.

    Returns:
        (B, L); 0 where nothing is known.
    """
    return (similarity.nanmean(-1).nan_to_num(0.0) - margin).clamp(min=0)


def missing_entropy(similarity: Tensor, valid: Tensor) -> Tensor:
    """Entropy that the softmax of flow similarities lacks to that of a uniform distribution.

    A choice of the released code, which its configuration does not take; the temperature is 1.

    Args:
        similarity: (B, L, K^2) of Eq. 3; not read where unknown.
        valid: (B, L, K^2) bool.

    Returns:
        (B, L), at least 0, and 0 where similarities are equal.
    """
    of_flow, uniform = (
        torch.special.entr(log_distribution(values, valid, 1.0).exp()).sum(-1)
        for values in (similarity, torch.zeros_like(similarity))
    )
    return (uniform - of_flow).clamp(min=0)


def shares(amounts: Tensor, floor: float = 0.0) -> Tensor:
    """Weights of the windows of a frame, in proportion to their amounts: Eq. 7.

    Args:
        amounts: (B, L), at least 0.
        floor: added to the sum.

    Returns:
        (B, L), summing to 1 over L (less with a floor), or to 0 where all amounts are.
    """
    total = amounts.sum(1, keepdim=True) + floor
    return torch.where(total > 0, amounts / total, 0)


@torch.no_grad()
def weights(flow: Tensor, similarity: Tensor, kind: Weights, margin: float = 0.0) -> Tensor:
    """Weights of windows (Eq. 7), or one of the released code's choices.

    Args:
        flow: (B, L, K^2, 2) floating, stabilised, NaN where unknown.
        similarity: (B, L, K^2) of Eq. 3, NaN where unknown.
        kind: `motion` (Eq. 7); `similarity` or `entropy` (released); `equal` (no reweighting, Table
            III).
        margin: of `similarity`.

    Returns:
        (B, L), summing to 1 over the windows of a frame, or to 0.
    """
    valid = similarity.isfinite()
    moved = motion(flow)
    counted = (valid.sum(-1) > 1) & (moved > 0).any(1, keepdim=True)
    match kind:
        case "motion":
            return shares(moved * counted)
        case "similarity":
            return shares(mean_similarity(similarity, margin) * counted, FLOOR)
        case "entropy":
            return shares(missing_entropy(similarity, valid) * counted, FLOOR)
        case "equal":
            return shares(counted.to(moved.dtype))


def flow_loss(
    features: Tensor, salience: Tensor, flow: Tensor, settings: FlowLossSettings
) -> Tensor:
    """Weighted mean over windows, and mean over frames: Eq. 8.

    A frame of weight 0 counts in the mean over frames, with loss 0 (released code), so that the
    mean over processes of equally many frames is that of the whole batch.

    Args:
        features: (B, h, w, C) floating; their gradient reaches both features of a pair.
        salience: (B, h, w) floating, of which no gradient is taken.
        flow: (B, 2, H, W) floating, of `stabilised`, of the same part of the frame at any
            resolution; NaN where unknown.
        settings: of the loss.

    Returns:
        Scalar, float32 or float64 as the features.

    Raises:
        ValueError: shapes differ, there is no frame, or a window does not fit the map.
    """
    batch, height, width = features.shape[:3] if features.ndim == 4 else (0, 0, 0)
    expected = ((batch, height, width), (batch, 2))
    if batch == 0 or (salience.shape, flow.shape[:2]) != expected or flow.ndim != 4:
        raise ValueError(
            f"expected features (B, h, w, C), saliency (B, h, w) and flow (B, 2, H, W) with B > 0; "
            f"got {tuple(features.shape)}, {tuple(salience.shape)} and {tuple(flow.shape)}"
        )
    windows = slide(height, width, settings.window, settings.stride)
    exact = flow.detach().to(torch.promote_types(features.dtype, torch.float32))
    moving = windows.split(on_cells(exact, (height, width)).movedim(1, -1))
    valid = moving.isfinite().all(-1)
    salient = most_salient(windows.split(salience), valid)
    of_flow = flow_similarity(moving, salient, settings.sigma, settings.still_below)
    of_features = feature_similarity(features, salient, windows)
    losses = divergence(
        log_distribution(of_flow, valid, settings.temperature),
        log_distribution(of_features, valid, settings.temperature),
        settings.divergence,
    )
    weight = weights(moving, of_flow, settings.weights, settings.weight_margin)
    return (weight * losses).sum(1).mean()
