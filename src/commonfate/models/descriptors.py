"""Descriptors of patches that need no training: colour, edges and contrast around each patch.

Means over windows of several sizes, so that a patch is described with what surrounds it. They are
the targets of masked feature prediction (`methods.maskfeat`); HOG, the target of Wei et al. 2022,
describes a patch alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.models.together import sum_over_processes

ORIENTATIONS = 4
SHARPNESS = 4
"""Power of the cosine to which an edge counts for an orientation."""
FINE, COARSE = 3, 9
"""Sides of the windows, in pixels, whose means give the contrast of two scales."""
MEASURED = 7 + ORIENTATIONS + 2
"""Quantities of a pixel: RGB, their squares, grey squared, edges, contrasts."""
PLACES = 6
"""Quantities of a patch's place: y, x, their squares and product, and y cubed."""
SMALLEST = 1e-6
"""Below this, means are cut off before their root is taken."""


def channels(scales: Sequence[int]) -> int:
    """Length D of the descriptors."""
    return 2 * MEASURED * len(scales) + PLACES


def describe(images: Tensor, patch: int, scales: Sequence[int]) -> Tensor:
    """Describe each patch of images.

    Args:
        images: (B, 3, H, W) float32, RGB in [0, 1]; H and W multiples of `patch`.
        patch: side of a patch, pixels.
        scales: odd sides of the windows around a patch over which is averaged, in patches; beyond
            the border the outermost patches are repeated.

    Returns:
        (B, H / patch, W / patch, D) float32: for each scale means and their square roots, and the
        place of the patch in the image.
    """
    means = functional.avg_pool2d(_measured(images), patch)
    height, width = means.shape[2:]
    parts = []
    for scale in scales:
        wider = functional.pad(means, (scale // 2,) * 4, mode="replicate")
        surrounding = functional.avg_pool2d(wider, scale, stride=1)
        parts += [surrounding, surrounding.clamp(min=SMALLEST).sqrt()]
    y = torch.linspace(-1, 1, height, device=images.device)[:, None].expand(height, width)
    x = torch.linspace(-1, 1, width, device=images.device).expand(height, width)
    parts.append(torch.stack([y, x, y**2, x**2, y * x, y**3]).expand(len(images), -1, -1, -1))
    return torch.cat(parts, 1).permute(0, 2, 3, 1)


def _measured(images: Tensor) -> Tensor:
    """Quantities of each pixel, (B, 13, H, W), all at least 0."""
    grey = images.mean(1, keepdim=True)
    across = functional.pad(grey[..., 2:] - grey[..., :-2], (1, 1))
    down = functional.pad(grey[..., 2:, :] - grey[..., :-2, :], (0, 0, 1, 1))
    strength, angle = torch.hypot(across, down), torch.atan2(down, across)
    edges = [
        strength * torch.cos(angle - k * torch.pi / ORIENTATIONS).abs() ** SHARPNESS
        for k in range(ORIENTATIONS)
    ]
    fine = functional.avg_pool2d(grey, FINE, 1, FINE // 2)
    coarse = functional.avg_pool2d(grey, COARSE, 1, COARSE // 2)
    contrasts = [(grey - fine).abs(), (fine - coarse).abs()]
    return torch.cat([images, images**2, grey**2, *edges, *contrasts], 1)


class Whitening(nn.Module):
    """Makes descriptors alike in scale and uncorrelated, by statistics that it has been shown.

    ZCA: the symmetric root of the inverse covariance, which changes continuously with the
    statistics, has no signs to choose, and keeps axes near those of the descriptors.
    """

    count: Tensor
    total: Tensor
    products: Tensor

    def __init__(self, size: int, floor: float, bound: float) -> None:
        """Make it without statistics.

        Args:
            size: D, length of the descriptors.
            floor: share of the mean eigenvalue that is added to each, against noise.
            bound: largest absolute value of the result.
        """
        super().__init__()
        self.floor, self.bound = floor, bound
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.register_buffer("total", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("products", torch.zeros(size, size, dtype=torch.float64))

    @torch.no_grad()
    def observe(self, descriptors: Tensor) -> None:
        """Add descriptors (..., D) of this process and of those beside it."""
        rows = descriptors.flatten(0, -2).double()
        self.count += sum_over_processes(self.count.new_tensor(len(rows)))
        self.total += sum_over_processes(rows.sum(0))
        self.products += sum_over_processes(rows.T @ rows)

    @torch.no_grad()
    def forward(self, descriptors: Tensor) -> Tensor:
        """Whitened descriptors, (..., D) float32.

        Raises:
            ValueError: nothing has been observed.
        """
        if not self.count:
            raise ValueError("expected statistics of descriptors, found none; observe some first")
        mean = self.total / self.count
        covariance = self.products / self.count - torch.outer(mean, mean)
        scale = covariance.diagonal().clamp(min=SMALLEST**2).sqrt()
        values, axes = torch.linalg.eigh(covariance / torch.outer(scale, scale))
        values = values.clamp(min=0)
        added = self.floor * values.mean().clamp(min=SMALLEST)
        inverse_root = (axes / (values + added).sqrt()) @ axes.T
        whitened = ((descriptors - mean.float()) / scale.float()) @ inverse_root.float()
        return whitened.clamp(-self.bound, self.bound)
