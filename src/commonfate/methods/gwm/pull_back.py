"""Adjoint of bilinear upsampling: full-resolution sums as exact sums at the masks' resolution.

If a mask is upsampled linearly, the sum over full-resolution pixels of (upsampled mask) x (map)
equals the sum over low-resolution pixels of (mask) x (adjoint of the upsampling, applied to the
map). So the energy of Eq. 3, which is linear in the masks, needs the full resolution only for maps
that do not depend on the network.

Bilinear upsampling is separable and each low-resolution pixel reaches only a few neighbours, so its
adjoint is a product with a narrow band of weights along each axis.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from commonfate.methods.gwm.fit import without_global_fit
from commonfate.methods.gwm.polynomial import pick_monomials, powers


def pull_back(maps: Tensor, size: tuple[int, int], degree: int) -> Tensor:
    """Adjoint of bilinear upsampling (align_corners=False), applied to a map times y^b x^a.

    Args:
        maps: (N, H, W) float, at the full resolution.
        size: height h and width w before the upsampling.
        degree: largest power of x and of y.

    Returns:
        (N, degree + 1, degree + 1, h, w), indexed [n, b, a], dtype of `maps`.
    """
    rows, row_weights = _band(size[0], maps.shape[1], degree, maps.dtype, maps.device)
    columns, column_weights = _band(size[1], maps.shape[2], degree, maps.dtype, maps.device)
    along_y = row_weights @ maps[:, rows]  # (N, h, b, W)
    windows = along_y.flatten(0, 2).mT[columns]  # (w, window, N h b)
    along_x = column_weights @ windows  # (w, a, N h b)
    shape = (len(maps), size[0], degree + 1)
    return along_x.unflatten(2, shape).permute(2, 4, 1, 3, 0).contiguous()


def flow_maps(flow: Tensor, valid: Tensor, size: tuple[int, int], degree: int) -> Tensor:
    """Maps of the flow for `paper_loss_pulled_back`, at the masks' resolution.

    Args:
        flow: (B, 2, H, W) float, pixels, finite.
        valid: (B, H, W) bool; other pixels have no weight.
        size: height h and width w of the masks.
        degree: degree of the flow model.

    Returns:
        (B, 1 + 2n, h, w): |F|^2, then for each monomial its product with u and with v. F is the
        flow less its global fit.
    """
    # One by one they stay in a CPU's caches: half the time and memory.
    chunk = len(flow) if flow.is_cuda else 1
    pairs = zip(flow.split(chunk), valid.split(chunk), strict=True)
    return torch.cat([_flow_maps(*pair, size, degree) for pair in pairs])


def _flow_maps(flow: Tensor, valid: Tensor, size: tuple[int, int], degree: int) -> Tensor:
    residual = without_global_fit(flow, valid, degree)
    square = pull_back(residual.square().sum(1), size, 0)[:, 0]
    products = pull_back(residual.flatten(0, 1), size, degree).unflatten(0, (-1, 2))
    monomials = pick_monomials(products.permute(0, 4, 5, 1, 2, 3), degree)  # (B, h, w, 2, n)
    return torch.cat([square, monomials.permute(0, 4, 3, 1, 2).flatten(1, 2)], 1)


def monomial_maps(valid: Tensor, size: tuple[int, int], degree: int) -> Tensor:
    """Maps of the pixel grid for `paper_loss_pulled_back`: all products of two monomials.

    Args:
        valid: (B, H, W) bool; other pixels have no weight.
        size: height h and width w of the masks.
        degree: degree of the flow model.

    Returns:
        (B, m, h, w) float64, in the order of `exponents(2 * degree)`.
    """
    tables = pull_back(valid.double(), size, 2 * degree).permute(0, 3, 4, 1, 2)
    return pick_monomials(tables, 2 * degree).permute(0, 3, 1, 2).contiguous()


@cache  # the same in every step of a training, and computing them waits for the GPU
def _band(
    low: int, full: int, degree: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Full-resolution pixels that each low-resolution pixel reaches, with weights.

    Returns:
        (low, window) indices and (low, degree + 1, window) weights, times powers of the coordinate.
    """
    one_hot = torch.eye(low, dtype=torch.float64, device=device)
    # Row i: pixel i alone, upsampled by torch's own operator, so that borders agree with it.
    reach = functional.interpolate(one_hot[None], size=full, mode="linear", align_corners=False)[0]
    window = int((reach != 0).sum(1).max())
    first = (reach != 0).to(torch.uint8).argmax(1).clamp(max=full - window)
    index = first[:, None] + torch.arange(window, device=device)
    coordinate_powers = powers(full, degree, one_hot)[:, index]  # (degree + 1, low, window)
    weights = reach.gather(1, index)[:, None] * coordinate_powers.transpose(0, 1)
    return index, weights.to(dtype)
