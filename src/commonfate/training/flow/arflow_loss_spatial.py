"""The spatial transform of ARFlow's second pass: random affine views of a pair, and their flow.

ARFlow, spatial transformation. A view says for each pixel p of the new frame which point of the old
one it shows: M (p - c) + c + o, with the centre c; both frames have the same size.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from commonfate.models.pwc.warp import pixel_grid, sample
from commonfate.training.flow.arflow_loss_settings import ArflowTransforms


@dataclass(frozen=True)
class View:
    """An affine view of each frame of a batch."""

    matrix: Tensor
    """M: (B, 2, 2) float32, invertible."""
    offset: Tensor
    """o: (B, 2) float32, pixels, x then y."""

    def shows(self, points: Tensor) -> Tensor:
        """Points (B or 1, 2, H, W) of the new frame to the points of the old: (B, 2, H, W)."""
        centre = _centre(points)
        return _times(self.matrix, points - centre) + centre + self.offset[:, :, None, None]

    def shows_at(self, points: Tensor) -> Tensor:
        """Points of the old frame to where the new one shows them, the inverse of `shows`."""
        centre = _centre(points)
        return (
            _times(self.matrix.inverse(), points - centre - self.offset[:, :, None, None]) + centre
        )

    def of(self, inner: "View") -> "View":
        """The view of this view through `inner`: p shows shows(inner.shows(p))."""
        offset = (self.matrix @ inner.offset[:, :, None])[:, :, 0] + self.offset
        return View(self.matrix @ inner.matrix, offset)


def transform_image(image: Tensor, view: View) -> Tensor:
    """Cut a view out of images (B, C, H, W); beyond the frame the border is repeated.

    ARFlow, T_img: image'(p) = image(shows(p)).
    """
    points = view.shows(_grid_of(image))
    return sample(image, points, "border")


def transform_mask(mask: Tensor, view: View) -> Tensor:
    """Cut a view out of a mask (B, 1, H, W) float in [0, 1]; zero beyond the frame."""
    points = view.shows(_grid_of(mask))
    return sample(mask, points, "zeros")


def transform_flow(flow: Tensor, first: View, second: View) -> Tensor:
    """Flow between the views of two frames.

    ARFlow, T_flow: a pixel p of the first view shows x = first.shows(p), which moves to
    x + flow(x), which the second view has at second.shows_at(x + flow(x)).

    Args:
        flow: (B, 2, H, W) float32, between the frames, pixels.
        first: view of the frame where flow begins.
        second: view of the frame where it ends.

    Returns:
        (B, 2, H, W) float32.
    """
    grid = _grid_of(flow)
    points = first.shows(grid)
    ends = points + sample(flow, points, "border")
    return second.shows_at(ends) - grid


def _grid_of(maps: Tensor) -> Tensor:
    """(1, 2, H, W) coordinates of the pixels of maps (..., H, W)."""
    height, width = maps.shape[-2:]
    return pixel_grid(height, width, maps.device)[None]


def random_views(
    settings: ArflowTransforms, batch: int, size: tuple[int, int], generator: torch.Generator
) -> tuple[View, View]:
    """Draw a view for the first frames, and one that differs slightly for the second.

    The first lies inside of the frame: what is rotated out is enlarged until it does.

    Args:
        settings: ranges.
        batch: number of pairs.
        size: height and width.
        generator: on the CPU.

    Returns:
        Views on the CPU.
    """
    half = (torch.tensor([size[1], size[0]]) - 1).clamp(min=1) / 2
    zoom = _uniform(batch, *settings.zoom, generator)
    squeeze = _uniform(batch, *settings.squeeze, generator)
    angle = _uniform(batch, -settings.rotation, settings.rotation, generator)
    scale = torch.stack([1 / (zoom * squeeze), squeeze / zoom], 1)
    if settings.flip:
        scale = scale * (2.0 * torch.randint(2, (batch, 2), generator=generator) - 1)
    matrix = _rotation(angle) * scale[:, None, :]
    reach = matrix.abs() @ half
    matrix = matrix / (reach / half).amax(1).clamp(min=1)[:, None, None]
    room = (half - matrix.abs() @ half).clamp(min=0)
    shift = torch.minimum(room, 2 * settings.shift * half)
    first = View(matrix, shift * _uniform((batch, 2), -1, 1, generator))

    grown = 1 + _uniform(batch, -settings.relative_zoom, settings.relative_zoom, generator)
    turned = _uniform(batch, -settings.relative_rotation, settings.relative_rotation, generator)
    moved = 2 * settings.relative_shift * half * _uniform((batch, 2), -1, 1, generator)
    return first, first.of(View(_rotation(turned) / grown[:, None, None], moved))


def to_device(view: View, device: torch.device) -> View:
    """The same view on another device."""
    return View(view.matrix.to(device), view.offset.to(device))


def _uniform(
    shape: int | tuple[int, ...], low: float, high: float, generator: torch.Generator
) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _rotation(angle: Tensor) -> Tensor:
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack([cosine, -sine, sine, cosine], 1).view(-1, 2, 2)


def _centre(points: Tensor) -> Tensor:
    height, width = points.shape[-2:]
    return torch.tensor([(width - 1) / 2, (height - 1) / 2], device=points.device)[:, None, None]


def _times(matrix: Tensor, points: Tensor) -> Tensor:
    return (matrix @ points.flatten(2)).unflatten(2, points.shape[-2:])
