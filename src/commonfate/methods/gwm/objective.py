"""Training loss of a batch: the loss that the settings name, at the flow's or the masks' size."""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from commonfate.methods.gwm.loss import (
    paper_loss,
    paper_loss_pulled_back,
    pixel_count,
    released_loss,
    split_unknown,
)
from commonfate.methods.gwm.polynomial import DEGREES, FlowModel
from commonfate.methods.gwm.pull_back import flow_maps, monomial_maps
from commonfate.methods.gwm.settings import GuessWhatMovesSettings
from commonfate.models.together import mean_over_processes

Variant = Literal["paper", "released"]
Upsample = Literal["logits", "probabilities"]


def objective(
    settings: GuessWhatMovesSettings, logits: Tensor, batch: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Loss of a batch of samples that `samples.prepare` made.

    Args:
        settings: of the run.
        logits: (B, K, h, w) of the batch's images, at `image_size`.
        batch: the samples, stacked.

    Returns:
        `loss`, with the multiplier; `residual`, the root mean square over pixels of the flow that
        is not explained, in pixels at the flow's size (or in units of `normalise_flow`).
    """
    logits = logits.float()
    if settings.variant == "paper" and settings.upsample == "probabilities":
        mean_square = _pulled_back(settings, logits.softmax(1), batch["flow"])
    else:
        mean_square = upsampled_loss(
            logits, batch["flow"], settings.flow_model, settings.variant, settings.upsample
        )
    components = 1 if settings.variant == "paper" else 2  # the released loss is their mean
    square = mean_over_processes(components * mean_square)
    return {
        "loss": settings.loss_multiplier * mean_square.float(),
        "residual": square.clamp(min=0).sqrt().float(),
    }


def _pulled_back(settings: GuessWhatMovesSettings, masks: Tensor, flow: Tensor) -> Tensor:
    """The paper's loss of linearly upsampled masks, computed at the masks' own resolution.

    The maps are computed here, not in the loader: they would take most of its processes' time, and
    a fast GPU would wait for them.
    """
    filled, valid = split_unknown(flow)
    maps = flow_maps(filled, valid, settings.image_size, DEGREES[settings.flow_model])
    grid = _monomial_maps(settings, valid)
    return paper_loss_pulled_back(
        masks, maps, grid, pixel_count(valid), settings.flow_model, settings.drop_worst
    )


def _monomial_maps(settings: GuessWhatMovesSettings, valid: Tensor) -> Tensor:
    """Maps of the pixel grid: cached for complete flow, computed for samples with unknown flow."""
    size, degree = settings.image_size, DEGREES[settings.flow_model]
    _, height, width = valid.shape
    shared = _whole_grid((height, width), tuple(size), degree, valid.device)
    incomplete = ~valid.all(-1).all(-1)
    if not incomplete.any():
        return shared
    maps = shared.repeat(len(valid), 1, 1, 1)
    maps[incomplete] = monomial_maps(valid[incomplete], size, degree)
    return maps


@cache
def _whole_grid(
    full: tuple[int, int], size: tuple[int, int], degree: int, device: torch.device
) -> Tensor:
    return monomial_maps(torch.ones(1, *full, dtype=torch.bool, device=device), size, degree)[0]


def upsampled_loss(
    logits: Tensor, flow: Tensor, model: FlowModel, variant: Variant, upsample: Upsample
) -> Tensor:
    """A loss at the flow's resolution, of a network's logits at a lower one.

    Supplement A upsamples logits; the released code upsamples probabilities. Computed sample by
    sample, with the gradient, so that memory does not grow with the batch.

    Args:
        logits: (B, K, h, w) float.
        flow: (B, 2, H, W) float, pixels; NaN where unknown.
        model: parametric model of the flow inside a region.
        variant: the paper's loss, or the released code's.
        upsample: see `upsampled_masks`.

    Returns:
        ().
    """
    loss = {"paper": paper_loss, "released": released_loss}[variant]
    height, width = flow.shape[-2:]

    def sample_loss(logits: Tensor, flow: Tensor) -> Tensor:
        return loss(upsampled_masks(logits, (height, width), upsample), flow, model)

    return _MeanOverSamples.apply(sample_loss, logits, flow)


class _MeanOverSamples(torch.autograd.Function):
    """Mean of a loss over samples; the gradient is taken in the forward pass, sample by sample."""

    @staticmethod
    def forward(
        ctx: Any, loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, flow: Tensor
    ) -> Tensor:
        losses: list[Tensor] = []
        gradients: list[Tensor] = []
        for i in range(len(logits)):
            with torch.set_grad_enabled(ctx.needs_input_grad[1]):
                sample = logits[i : i + 1].detach().requires_grad_()
                losses.append(loss(sample, flow[i : i + 1]))
            if ctx.needs_input_grad[1]:
                gradients += torch.autograd.grad(losses[-1], sample)
                losses[-1] = losses[-1].detach()
        if gradients:
            ctx.save_for_backward(torch.cat(gradients) / len(logits))
        return torch.stack(losses).mean()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return None, grad * gradient, None


def upsampled_masks(logits: Tensor, size: tuple[int, int], upsample: Upsample) -> Tensor:
    """Soft masks at the flow's resolution, bilinearly (align_corners=False).

    Args:
        logits: (B, K, h, w) float.
        size: height H and width W.
        upsample: `logits`, before the softmax (supplement A), or `probabilities` (released code).

    Returns:
        (B, K, H, W) in [0, 1], summing to 1 over K.
    """

    def enlarge(maps: Tensor) -> Tensor:
        return functional.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)

    if upsample == "logits":
        return enlarge(logits).softmax(1)
    return enlarge(logits.softmax(1))
