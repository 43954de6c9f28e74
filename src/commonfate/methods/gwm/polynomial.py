"""Polynomials in pixel coordinates: the bases of the constant, affine and quadratic flow models.

Convention: x is the column, y the row; both are pixel centres in a centred [-1, 1] box, so pixel j
of W is at (2j + 1)/W - 1. The least energy of a fit does not depend on this choice (each model is
closed under shifting and scaling an axis), but its conditioning does.

Products of powers of x and of y are separable, so sums over pixels are two thin matrix products.
Tables of such sums are indexed [power of y, power of x].
"""

from functools import cache
from typing import Literal

import torch
from torch import Tensor

FlowModel = Literal["constant", "affine", "quadratic"]

DEGREES: dict[FlowModel, int] = {"constant": 0, "affine": 1, "quadratic": 2}


@cache
def exponents(degree: int) -> tuple[tuple[int, int], ...]:
    """Powers (of x, of y) of the monomials up to `degree`; the first is 1.

    Degree 2 gives the paper's 1, x, y, x^2, xy, y^2 (Section 3.1, in another order).
    """
    return tuple(
        (total - y_power, y_power) for total in range(degree + 1) for y_power in range(total + 1)
    )


def powers(size: int, degree: int, like: Tensor) -> Tensor:
    """Powers 0..degree of the coordinate along an axis.

    Args:
        size: number of pixels.
        degree: largest power.
        like: a tensor with the dtype and device of the result.

    Returns:
        (degree + 1, size), dtype and device of `like`.
    """
    steps = torch.arange(size, dtype=torch.float64, device=like.device)
    coordinate = (2 * steps + 1) / size - 1
    exponent = torch.arange(degree + 1, device=like.device)
    return (coordinate[None] ** exponent[:, None]).to(like.dtype)


def contract(maps: Tensor, degree: int) -> Tensor:
    """Sum over pixels of a map times y^b x^a, for all b and a up to `degree`.

    Args:
        maps: (..., H, W) float.

    Returns:
        (..., degree + 1, degree + 1), indexed [b, a].
    """
    height, width = maps.shape[-2:]
    rows = maps @ powers(width, degree, maps).mT
    return powers(height, degree, maps) @ rows


def evaluate(theta: Tensor, size: tuple[int, int], degree: int) -> Tensor:
    """Flow of polynomial models at every pixel.

    Args:
        theta: (..., n, 2), coefficients of the monomials of `exponents(degree)`, for u and v.
        size: height H and width W.

    Returns:
        (..., 2, H, W), u then v, in the unit of `theta`.
    """
    x_powers, y_powers = zip(*exponents(degree), strict=True)
    table = theta.new_zeros(*theta.shape[:-2], 2, degree + 1, degree + 1)
    table[..., y_powers, x_powers] = theta.mT
    return powers(size[0], degree, theta).mT @ table @ powers(size[1], degree, theta)


def pick_monomials(table: Tensor, degree: int) -> Tensor:
    """Entries of a [b, a] table for the monomials up to `degree`.

    Args:
        table: (..., p, p) with p > degree.

    Returns:
        (..., n), in the order of `exponents`.
    """
    x_powers, y_powers = zip(*exponents(degree), strict=True)
    return table[..., y_powers, x_powers]


def pick_products(values: Tensor, degree: int) -> Tensor:
    """Arrange sums of the monomials up to twice the degree as a matrix of products.

    The product of two monomials is a monomial, so only 15 of the 36 products of the quadratic model
    are different.

    Args:
        values: (..., m), a sum for each monomial of `exponents(2 * degree)`.

    Returns:
        (..., n, n), entry (i, j) for monomial i times monomial j.
    """
    position = {powers: index for index, powers in enumerate(exponents(2 * degree))}
    basis = exponents(degree)
    index = [[position[a + c, b + d] for c, d in basis] for a, b in basis]
    return values[..., torch.tensor(index, device=values.device)]
