"""MaskFormer's segmentation head on a backbone: the network of Guess What Moves."""

from commonfate.models.maskformer.network import MaskFormer
from commonfate.models.maskformer.widths import WIDTHS, Widths

__all__ = ["WIDTHS", "MaskFormer", "Widths"]
