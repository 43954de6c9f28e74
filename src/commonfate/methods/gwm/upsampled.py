"""The losses at the flow's resolution, of masks that a network predicts at a lower one.

Supplement A upsamples logits; the released code upsamples probabilities.
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from commonfate.methods.gwm.loss import paper_loss, released_loss
from commonfate.methods.gwm.polynomial import FlowModel

Variant = Literal["paper", "released"]
Upsample = Literal["logits", "probabilities"]


def upsampled_loss(
    logits: Tensor, flow: Tensor, model: FlowModel, variant: Variant, upsample: Upsample
) -> Tensor:
    """A loss at the flow's resolution, of a network's logits at a lower one.

    One sample after the other, each with its gradient, so that memory does not grow with the batch.

    Args:
        logits: (B, K, h, w) float.
        flow: (B, 2, H, W) float, pixels; NaN where unknown.

    Returns:
        ().
    """
    loss = {"paper": paper_loss, "released": released_loss}[variant]

    def sample_loss(logits: Tensor, flow: Tensor) -> Tensor:
        return loss(upsampled_masks(logits, flow.shape[-2:], upsample), flow, model)

    return _MeanOverSamples.apply(sample_loss, logits, flow)


class _MeanOverSamples(torch.autograd.Function):
    """Mean of a loss over samples; the gradient is taken in the forward pass, sample by sample."""

    @staticmethod
    def forward(
        ctx: Any, loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, flow: Tensor
    ) -> Tensor:
        losses, gradients = [], []
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
