"""Distances between images that unsupervised flow learning minimises, as maps."""

import torch
import torch.nn.functional as F
from torch import Tensor

from commonfate.models.together import mean_over_processes

# ITU-R BT.601 luma of RGB, as rounded in the released code of UnFlow and ARFlow.
LUMA = (0.2989, 0.5870, 0.1140)


def ssim_distance(first: Tensor, second: Tensor) -> Tensor:
    """Structural dissimilarity in 3x3 windows: (1 - SSIM) / 2, clamped to [0, 1].

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004,
    Eq. 13, with C1 = 0.01^2 and C2 = 0.03^2 and a box for window, without padding.

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
    """Soft ternary census: on which side of the pixel's own brightness its neighbours are.

    Meister et al., "UnFlow", AAAI 2018, in the smooth form of its code: differences d of
    brightness in 0..255 become d / sqrt(0.81 + d^2), in (-1, 1). Outside of the image is black.

    Args:
        image: (B, 3, H, W) float, RGB in [0, 1].
        radius: of the square patch.

    Returns:
        (B, (2 radius + 1)^2, H, W).
    """
    luma = torch.tensor(LUMA, device=image.device, dtype=image.dtype)[:, None, None]
    brightness = 255 * (image * luma).sum(1, keepdim=True)
    patches = F.unfold(brightness, 2 * radius + 1, padding=radius)
    difference = patches.unflatten(2, brightness.shape[-2:]) - brightness
    return difference / (0.81 + difference**2).sqrt()


def census_distance(first: Tensor, second: Tensor, radius: int = 1) -> Tensor:
    """Soft Hamming distance of census transforms, d^2 / (0.1 + d^2), mean over the patch.

    Blind to additive changes of brightness. UnFlow, ternary census (there a sum, here a mean as in
    ARFlow's code).

    Args:
        first: (B, 3, H, W) float, RGB in [0, 1].
        second: the same shape.
        radius: of the square patch.

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
    """Weighted mean distance of an image and the other frame warped to it, where it is visible.

    ARFlow, L_ph. As in its code, both images are blackened where hidden before they are
    compared, and the mean over all pixels is divided by the share that is visible: of the whole
    batch, where processes share it.

    Args:
        image: (B, 3, H, W) float, RGB in [0, 1].
        warped: (B, 3, H, W), the other frame, warped.
        visible: (B, 1, H, W) float, 1 where the pixel is seen in the other frame, else 0.
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
