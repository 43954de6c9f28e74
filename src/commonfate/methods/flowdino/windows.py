"""Small sliding windows of a map, and the similarity of features inside them (FlowDINO, Eq. 2).

Copied out, the windows of a feature map would take K^2 / stride^2 times its memory, once more for
their products with the salient features and again for the gradients. Here only one number a place
leaves the map. For each of the K^2 places in a window, the features at this place of all windows
are a strided view of the map: its product with the L salient features, summed over channels, is one
column of the result. The largest temporary is (B, L, C). The gradient goes the same way, added in
place to two arrays: one of the map's size, one of the salient features'.

Windows count row by row, and so do the places in a window.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional


class Windows(NamedTuple):
    """Square windows that slide over a map; cells that no whole window reaches are left out.

    Attributes:
        size: K, cells a side.
        stride: cells from a window to the next.
        height: of the map, in cells.
        width: of the map, in cells.
    """

    size: int
    stride: int
    height: int
    width: int

    @property
    def rows(self) -> int:
        """Number of windows one below the other."""
        return (self.height - self.size) // self.stride + 1

    @property
    def columns(self) -> int:
        """Number of windows side by side."""
        return (self.width - self.size) // self.stride + 1

    def split(self, values: Tensor) -> Tensor:
        """Values by window, (B, L, K^2, ...) of a map (B, h, w, ...); a copy, for few channels."""
        windows = values.unfold(1, self.size, self.stride).unfold(2, self.size, self.stride)
        return windows.movedim((-2, -1), (3, 4)).flatten(3, 4).flatten(1, 2)

    def at(self, values: Tensor, place: int) -> Tensor:
        """One place of all windows: a view (B, rows, columns, ...) of a map (B, h, w, ...)."""
        top, left = divmod(place, self.size)
        bottom = top + self.stride * (self.rows - 1) + 1
        right = left + self.stride * (self.columns - 1) + 1
        return values[:, top : bottom : self.stride, left : right : self.stride]

    def cells(self, places: Tensor) -> Tensor:
        """Indices into the map's h w cells of one place a window, (B, L) integer both."""
        window = torch.arange(self.rows * self.columns, device=places.device)
        top = window // self.columns * self.stride + places // self.size
        left = window % self.columns * self.stride + places % self.size
        return top * self.width + left


def slide(height: int, width: int, size: int, stride: int) -> Windows:
    """Windows over a map of a height and a width, in cells.

    Raises:
        ValueError: the map is smaller than a window, or a number is not positive.
    """
    if min(size, stride) < 1 or min(height, width) < size:
        raise ValueError(
            f"windows of {size} cells every {stride} do not fit a map of {height} x {width} cells"
        )
    return Windows(size, stride, height, width)


def most_salient(saliency: Tensor, allowed: Tensor) -> Tensor:
    """The most salient place of each window among those that are allowed; the first of equal ones.

    Args:
        saliency: (B, L, K^2) floating.
        allowed: (B, L, K^2) bool; where a window allows none, its result has no meaning.

    Returns:
        (B, L) int64, in 0 to K^2 - 1.
    """
    return saliency.detach().masked_fill(~allowed, -torch.inf).argmax(-1)


def feature_similarity(features: Tensor, salient: Tensor, windows: Windows) -> Tensor:
    """Cosine of the feature at the salient place of a window and those at all its places: Eq. 2.

    Gradients flow to both features of a pair. A feature of zeros has cosine 0 with all.

    Args:
        features: (B, h, w, C) floating, of any length.
        salient: (B, L) int64, a place of each window.
        windows: over the map.

    Returns:
        (B, L, K^2), float32 or float64, in [-1, 1].
    """
    exact = features.to(torch.promote_types(features.dtype, torch.float32))
    units = functional.normalize(exact, dim=-1).contiguous()
    return _Products.apply(units, windows.cells(salient), windows)


class _Products(torch.autograd.Function):
    """Products of vectors with the salient one of their window, (B, L, K^2)."""

    @staticmethod
    def forward(ctx: Any, units: Tensor, cells: Tensor, windows: Windows) -> Tensor:
        batch, channels = len(units), units.shape[-1]
        starts = torch.arange(batch, device=cells.device) * (windows.height * windows.width)
        index = (cells + starts[:, None]).flatten()
        centres = units.view(-1, channels).index_select(0, index)
        centres = centres.view(batch, windows.rows, windows.columns, channels)
        ctx.save_for_backward(units, index, centres)
        ctx.windows = windows
        places = range(windows.size**2)
        products = [(windows.at(units, place) * centres).sum(-1) for place in places]
        return torch.stack(products, -1).flatten(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        units, index, centres = ctx.saved_tensors
        windows: Windows = ctx.windows
        of_units, of_centres = torch.zeros_like(units), torch.zeros_like(centres)
        by_place = gradient.unflatten(1, (windows.rows, windows.columns))
        for place in range(windows.size**2):
            factor = by_place[..., place, None]
            of_centres.addcmul_(factor, windows.at(units, place))
            windows.at(of_units, place).addcmul_(factor, centres)
        channels = units.shape[-1]
        of_units.view(-1, channels).index_add_(0, index, of_centres.view(-1, channels))
        return of_units, None, None
