"""Hyper-parameters of FlowDINO; docs/flowdino.md compares them with paper and released code.

The loss is the paper's by default. Where the paper is silent, values are those of the released code
(`mlzxy/flowdino`, commit ca2ed7d), named `released` below.
"""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from commonfate.base.settings import Settings

Divergence = Literal["kl", "cross_entropy"]
Weights = Literal["motion", "similarity", "entropy", "equal"]


class FlowLossSettings(Settings):
    """The flow loss, Eq. 1 to 8."""

    remove_background: bool = True
    """Subtract the mean flow of the frame, Eq. 1 (false: the row of Table III without it)."""
    window: int = Field(3, ge=2)
    """K, cells a side of a window (Table III: 3 and 5; that 3 is used elsewhere follows from Table
    II)."""
    stride: PositiveInt = 2
    """Cells from a window to the next (released)."""
    sigma: PositiveFloat = 0.7
    """Radius of the flow's similarity, Eq. 4 (Section IV)."""
    temperature: PositiveFloat = 0.1
    """Temperature tau of both distributions, Eq. 5 (Section IV)."""
    still_below: float = Field(0.0, ge=0, lt=1)
    """Normalised flow of this length counts as none in Eq. 4, and lengths shrink by it (released:
    0.1)."""
    divergence: Divergence = "kl"
    """Eq. 6, or the cross-entropy of the released code; their gradients are the same."""
    weights: Weights = "motion"
    """Weights of windows: norm of their flow (Eq. 7), mean similarity (released), missing entropy
    (a choice of the released code), or equal ones (Table III, without reweighting)."""
    weight_margin: float = Field(0.01, ge=0)
    """Mean similarity at which a window begins to count, with `weights: similarity` (released)."""


RELEASED_LOSS = FlowLossSettings(still_below=0.1, divergence="cross_entropy", weights="similarity")
"""The loss of the released code."""
