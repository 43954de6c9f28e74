"""Losses of unsupervised flow learning: photometric distances and edge-aware smoothness."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from commonfate.models.pwc.warp import warp
from commonfate.models.together import mean_over_processes

LUMA = (0.2989, 0.5870, 0.1140)
"""ITU-R BT.601 luma of RGB, as rounded in the released code of UnFlow and ARFlow."""


@dataclass(frozen=True)
class Weights:
    """Weights of a photometric loss.

    Attributes:
        l1: weight of the absolute difference.
        ssim: weight of `ssim_distance`.
        ternary: weight of `census_distance`.
        scales: weight of each scale of flow, the finest first; further scales have none.
    """

    l1: float
    ssim: float
    ternary: float = 0
    scales: tuple[float, ...] = (1,)


def ssim_distance(first: Tensor, second: Tensor) -> Tensor:
    """Structural dissimilarity in 3x3 windows: (1 - SSIM) / 2, clamped to [0, 1].

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004,
    Eq. 13, with C1 = 0.01^2, C2 = 0.03^2 and a box window, without padding.

    Args:
        first: (B, C, H, W) float in [0, 1].
        second: the same shape.

    Returns:
        (B, C, H - 2, W - 2).
    """
    c1, c2 = 0.01**2, 0.03**2

    def mean(image: Tensor) -> Tensor:
        return F.avg_pool2d(image, 3, stride=1)

    mean1, mean2 = mean(first), mean(second)
    variances = (mean(first * first) - mean1**2) + (mean(second * second) - mean2**2)
    covariance = mean(first * second) - mean1 * mean2
    similarity = (2 * mean1 * mean2 + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean1**2 + mean2**2 + c1) * (variances + c2))
    return ((1 - similarity) / 2).clamp(0, 1)


def census_transform(image: Tensor, radius: int = 1) -> Tensor:
    """Soft ternary census: signs of the differences between the neighbours' brightness and its own.

    Meister et al., "UnFlow", AAAI 2018, in the smooth form of its code: differences d of
    brightness in 0..255 become d / sqrt(0.81 + d^2), in (-1, 1). Pixels outside of the image count
    as black.

    Args:
        image: (B, 3, H, W) float, RGB in [0, 1].
        radius: radius of the square patch, pixels.

    Returns:
        (B, (2 radius + 1)^2, H, W).
    """
    luma = torch.tensor(LUMA, device=image.device, dtype=image.dtype)[:, None, None]
    brightness = 255 * (image * luma).sum(1, keepdim=True)
    patches = F.unfold(brightness, 2 * radius + 1, padding=radius)
    height, width = brightness.shape[-2:]
    difference = patches.unflatten(2, (height, width)) - brightness
    return difference / (0.81 + difference**2).sqrt()


def census_distance(first: Tensor, second: Tensor, radius: int = 1) -> Tensor:
    """Soft Hamming distance of census transforms, d^2 / (0.1 + d^2), mean over the patch.

    Invariant to additive changes of brightness. UnFlow, ternary census (there a sum, here a mean as
    in ARFlow's code).

    Args:
        first: (B, 3, H, W) float, RGB in [0, 1].
        second: the same shape.
        radius: radius of the square patch, pixels.

    Returns:
        (B, 1, H, W) in [0, 1); zero within `radius` of the border, where patches are not whole.
    """
    squares = (census_transform(first, radius) - census_transform(second, radius)) ** 2
    distance = (squares / (0.1 + squares)).mean(1, keepdim=True)
    inner = distance[:, :, radius:-radius, radius:-radius]
    return F.pad(inner, [radius] * 4)


def photometric_loss(
    image: Tensor, warped: Tensor, visible: Tensor, l1: float, ssim: float, ternary: float
) -> Tensor:
    """Weighted mean distance between visible pixels of an image and another frame warped to it.

    ARFlow, L_ph. As in its code, hidden pixels of both images are set to black, and the mean over
    all pixels is divided by the fraction that is visible, over the batch of all processes.

    Args:
        image: (B, 3, H, W) float, RGB in [0, 1].
        warped: (B, 3, H, W), the other frame, warped.
        visible: (B, 1, H, W) float, 1 where the pixel is visible in the other frame, else 0.
        l1: weight of the absolute difference.
        ssim: weight of `ssim_distance`.
        ternary: weight of `census_distance`.

    Returns:
        Scalar; 0 where nothing is visible.
    """
    image, warped = image * visible, warped * visible
    total = image.new_zeros(())
    if l1:
        total = total + l1 * (image - warped).abs().mean()
    if ssim:
        total = total + ssim * ssim_distance(image, warped).mean()
    if ternary:
        total = total + ternary * census_distance(image, warped).mean()
    return total / mean_over_processes(visible.mean()).clamp(min=1e-6)


def resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Images (B, C, H, W) at another size: means over areas to reduce, bilinear to enlarge."""
    if image.shape[-2:] == size:
        return image
    if size[0] <= image.shape[-2] and size[1] <= image.shape[-1]:
        return F.interpolate(image, size, mode="area")
    return F.interpolate(image, size, mode="bilinear")


def reconstruction_loss(
    first: Tensor, second: Tensor, flows: Sequence[Tensor], shown: Tensor, weights: Weights
) -> Tensor:
    """Photometric loss of one direction, summed over scales.

    ARFlow, L_ph, and the released loss of AMD: each scale compares images reduced to its size.

    Args:
        first: (B, 3, H, W) float, RGB in [0, 1], the frame where flow begins.
        second: (B, 3, H, W), the frame where it ends.
        flows: (B, 2, h, w) per scale, in pixels at that scale, finest first.
        shown: (B, 1, H, W) float, 1 where the pixel is visible in `second`, else 0.
        weights: weights of terms and scales.

    Returns:
        Scalar.
    """
    total = first.new_zeros(())
    for flow, weight in zip(flows, weights.scales, strict=False):
        if weight == 0:
            continue
        height, width = flow.shape[-2:]
        here = resized(first, (height, width))
        warped = warp(resized(second, (height, width)), flow)
        # Nearest, as in the authors' code: masks stay binary.
        mask = F.interpolate(shown, (height, width), mode="nearest")
        total = total + weight * photometric_loss(
            here, warped, mask, weights.l1, weights.ssim, weights.ternary
        )
    return total


def smoothness(flow: Tensor, image: Tensor, alpha: float = 10, order: Literal[1, 2] = 1) -> Tensor:
    """Edge-aware smoothness: mean absolute derivative of flow, weighted by exp(-alpha |dI|).

    dI is the gradient of the image. ARFlow, L_sm, with the factors of its code: derivatives along x
    and along y are averaged, and first derivatives are halved.

    Args:
        flow: (B, 2, H, W) float; as a fraction of the image's side for a result that does not
            depend on the resolution.
        image: (B, 3, H, W) float in [0, 1].
        alpha: decrease of the weight with the image's gradient (mean over channels).
        order: order of the derivative: 1 favours constant flow, 2 flow that changes linearly.

    Returns:
        Scalar.
    """
    total = flow.new_zeros(())
    for axis in (2, 3):
        weight = (-alpha * image.diff(dim=axis).abs().mean(1, keepdim=True)).exp()
        change = flow.diff(n=order, dim=axis).abs()
        if order == 1:
            total = total + (weight * change).mean() / 4
        else:
            # The weight between the second and third of the pixels of a second derivative.
            later = weight.narrow(axis, 1, weight.shape[axis] - 1)
            total = total + (later * change).mean() / 2
    return total
