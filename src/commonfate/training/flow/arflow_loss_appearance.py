"""The appearance and occlusion transforms of ARFlow's second pass. They do not move anything."""

import torch
import torch.nn.functional as F
from torch import Tensor

from commonfate.models.pwc.losses import LUMA
from commonfate.training.flow.arflow_loss_settings import ArflowTransforms

BLUR_RADIUS = 4
# Cells are laid out at a quarter of the resolution, like the superpixels of the authors' fast mode.
COARSE = 4


def transform_appearance(
    images: Tensor, settings: ArflowTransforms, generator: torch.Generator
) -> Tensor:
    """Change colours, blur and add noise; both frames of a pair alike, but for the noise itself.

    ARFlow, appearance transformation.

    Args:
        images: (B, 2, 3, H, W) float, RGB in [0, 1].
        settings: ranges.
        generator: on the CPU.

    Returns:
        The same shape, in [0, 1].
    """
    batch = len(images)

    def drawn(low: float, high: float) -> Tensor:
        values = low + (high - low) * torch.rand(batch, generator=generator)
        return values.to(images.device)[:, None, None, None, None]

    def strength() -> Tensor:
        return drawn(1 - settings.colour, 1 + settings.colour)

    luma = torch.tensor(LUMA, device=images.device)[:, None, None]
    images = images * strength()
    mean = (images * luma).sum(2, keepdim=True).mean((1, 3, 4), keepdim=True)
    images = mean + strength() * (images - mean)
    grey = (images * luma).sum(2, keepdim=True)
    images = (grey + strength() * (images - grey)).clamp(0, 1)
    images = images ** drawn(*settings.gamma)
    # Half of the pairs are not blurred: a Gaussian this narrow is the identity.
    deviation = (drawn(-1, 1) * settings.blur).clamp(min=1e-2)
    images = gaussian_blur(images, deviation.flatten())
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    return (images + drawn(0, settings.noise) * noise).clamp(0, 1)


def gaussian_blur(images: Tensor, deviation: Tensor) -> Tensor:
    """Blur each of a batch (B, N, C, H, W) by its own standard deviation (B,), in pixels.

    The filter is cut at `BLUR_RADIUS`; the border goes on beyond the frame.
    """
    offsets = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=images.device)
    kernel = (-(offsets**2) / (2 * deviation[:, None] ** 2)).exp()
    kernel = kernel / kernel.sum(1, keepdim=True)
    planes = images.flatten(0, 2)[None]
    kernel = kernel.repeat_interleave(planes.shape[1] // len(images), 0)[:, None]
    padded = F.pad(planes, [BLUR_RADIUS] * 4, mode="replicate")
    across = F.conv2d(padded, kernel[:, :, None, :], groups=planes.shape[1])
    return F.conv2d(across, kernel[:, :, :, None], groups=planes.shape[1]).view_as(images)


def hide_cells(image: Tensor, settings: ArflowTransforms, generator: torch.Generator) -> Tensor:
    """Cover some random cells of images with noise, so that what was there is hidden.

    ARFlow, occlusion transformation, with the cells of random seeds in place of SLIC's
    superpixels.

    Args:
        image: (B, 3, H, W) float in [0, 1], of the second frame.
        settings: how many cells there are, and how many are covered.
        generator: on the CPU.

    Returns:
        The same shape.
    """
    batch, _, height, width = image.shape
    rows, columns = -(-height // COARSE), -(-width // COARSE)
    seeds = torch.rand(batch, settings.cells, 2, generator=generator)
    places = torch.cartesian_prod(
        (torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns
    )
    # Distances count in pixels, not in parts of the sides.
    sides = torch.tensor([height, width], dtype=torch.float32)
    nearest = torch.cdist(places * sides, seeds * sides).argmin(2)
    least, most = settings.hidden_cells
    count = torch.randint(least, most + 1, (batch, 1), generator=generator)
    covered = (nearest < count).view(batch, 1, rows, columns).to(image.device)
    covered = covered.repeat_interleave(COARSE, 2).repeat_interleave(COARSE, 3)
    noise = torch.rand(image.shape, generator=generator).to(image.device)
    return torch.where(covered[:, :, :height, :width], noise, image)
