"""TimeT's targets, carried from the first frame of a clip to its last, and the loss there.

Salehi et al., "Time Does Tell", ICCV 2023, Section 3.3, Eq. 9. All in float32. Maps have their
prototypes last here, as scores have.
"""

from typing import Literal

import torch
from torch import Tensor

from commonfate.methods.timet.settings import TargetSettings
from commonfate.methods.timet.sinkhorn import assign
from commonfate.models.forwarder import forward


@torch.no_grad()
def targets(
    scores: Tensor, tokens: Tensor, settings: TargetSettings, queued: Tensor | None = None
) -> Tensor:
    """Targets of the last frames of clips, soft.

    All clips of all processes are assigned together. In a clip of a single frame nothing is
    carried: the frame has its own assignments.

    Args:
        scores: (B, h, w, K) floating, cosines of patches of the frames `settings.source` with the
            prototypes.
        tokens: (B, T, h, w, C) floating, features of the encoder of all frames, for affinities.
        settings: the part of a clip that is carried, and the ways of carrying and assigning it.
        queued: (N, K) floating, cosines of patches of earlier steps that are assigned with these.

    Returns:
        (B, h, w, K) float32. Rows sum to 1, unless `settings.forwarder` loses mass. NaN where an
        input is not finite, so that the loss shows it.

    Raises:
        ValueError: shapes do not go together.
    """
    if scores.ndim != 4 or tokens.ndim != 5 or tokens.shape[1] == 0:
        raise ValueError(
            f"expected scores (B, h, w, K) and tokens (B, T, h, w, C), not {tuple(scores.shape)} "
            f"and {tuple(tokens.shape)}"
        )
    if (len(tokens), *tokens.shape[2:4]) != scores.shape[:3]:
        raise ValueError(
            f"scores {tuple(scores.shape)} and tokens {tuple(tokens.shape)} differ in clips or size"
        )
    if settings.forwards == "logits":
        carried = _carried(scores.float(), tokens, settings)
        if settings.logits_by == "softmax":
            return (carried / settings.temperature).softmax(-1)
        return _assigned(carried, settings, queued)
    maps = _assigned(scores, settings, queued)
    return _carried(maps, tokens, settings) if settings.forwards == "assignments" else maps


def cross_entropy(
    scores: Tensor,
    targets: Tensor,
    temperature: float = 0.1,
    form: Literal["soft", "argmax"] = "soft",
) -> Tensor:
    """Cross-entropy between targets and scores of the last frames, mean over clips and patches.

    Eq. 9 has soft targets and a sum; the released code the largest prototype alone, the first of
    equals, and the mean.

    Args:
        scores: (B, h, w, K) floating, cosines of patches with the prototypes.
        targets: (B, h, w, K) float32, without gradient.
        temperature: divides the scores, above 0.
        form: `argmax` takes the largest target alone, with weight 1.

    Returns:
        Scalar, float32; NaN if a target is NaN.

    Raises:
        ValueError: shapes differ, or there is no patch.
    """
    if scores.shape != targets.shape or scores.numel() == 0:
        raise ValueError(
            f"expected scores and targets (B, h, w, K) of some patches, not {tuple(scores.shape)} "
            f"and {tuple(targets.shape)}"
        )
    logs = (scores.float() / temperature).log_softmax(-1)
    if form == "soft":
        return -(targets * logs).sum(-1).mean()
    each = -logs.gather(-1, targets.argmax(-1, keepdim=True)).squeeze(-1)
    return torch.where(targets.isnan().any(-1), torch.nan, each).mean()


def _assigned(scores: Tensor, settings: TargetSettings, queued: Tensor | None) -> Tensor:
    rows = scores.flatten(0, 2)
    samples = rows if queued is None else torch.cat([rows, queued.to(rows.dtype)])
    assignments = assign(samples, settings.epsilon, settings.sinkhorn_iterations)
    return assignments[: len(rows)].view_as(scores)


def _carried(maps: Tensor, tokens: Tensor, settings: TargetSettings) -> Tensor:
    """Maps (B, h, w, K) of first frames, at the last frames."""
    if tokens.shape[1] == 1:
        return maps
    if not (maps.isfinite().all() and tokens.isfinite().all()):
        return torch.full_like(maps, torch.nan)  # the forwarder would stop this process alone
    later = forward(tokens, maps.movedim(-1, 1), settings.forwarder)
    return later[:, -1].movedim(1, -1)
