"""The terms of ARFlow's unsupervised loss, one function an equation."""

from torch import Tensor

from commonfate.flow.consistency import consistent
from commonfate.models.pwc.losses import smoothness
from commonfate.models.pwc.warp import covered
from commonfate.training.flow.arflow_loss_settings import ArflowLossSettings


def visible(forward: Tensor, backward: Tensor, occlusion: str) -> Tensor:
    """Pixels of the frame where `forward` begins that the other frame shows, too.

    Args:
        forward: (B, 2, H, W) float, flow from this frame to the other, pixels.
        backward: (B, 2, H, W), flow of the other frame to this one.
        occlusion: `coverage`: the backward flow reaches the pixel; `consistency`: both agree.

    Returns:
        (B, 1, H, W) float, 1 or 0, without gradient.
    """
    if occlusion == "coverage":
        return covered(backward).float()
    return consistent(forward.detach(), backward.detach())[:, None].float()


def smoothness_term(image: Tensor, flow: Tensor, settings: ArflowLossSettings) -> Tensor:
    """Edge-aware smoothness of the finest flow, in parts of the shorter side.

    ARFlow, L_sm; the authors weigh the finest scale only.

    Args:
        image: (B, 3, H, W) float, RGB in [0, 1], the frame where flow begins.
        flow: (B, 2, H, W) float, pixels.
        settings: weights.

    Returns:
        Scalar.
    """
    relative = flow / min(flow.shape[-2:])
    return smoothness(relative, image, settings.edges, settings.smoothness_order)


def regularisation_term(
    flow: Tensor, target: Tensor, confidence: Tensor, epsilon: float, power: float
) -> Tensor:
    """Distance of the second pass's flow from the transformed flow of the first.

    ARFlow, L_aug = sum of S (|U' - T(U)| + epsilon)^q over sum of S, where S is the
    transformed mask of pixels whose flow the first pass could see; a robust norm, each component by
    itself.

    Args:
        flow: (B, 2, H, W) float, of the second pass, pixels.
        target: (B, 2, H, W) float, transformed flow of the first pass, without gradient.
        confidence: (B, 1, H, W) float in [0, 1].
        epsilon: offset that keeps the gradient finite, pixels.
        power: exponent q; below one, large differences count less.

    Returns:
        Scalar; 0 where there is no confidence at all.
    """
    distance = ((flow - target).abs() + epsilon) ** power
    return (distance * confidence).mean() / (confidence.mean() + 1e-7)
