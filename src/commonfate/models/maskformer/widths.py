"""How wide and deep MaskFormer's head is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Widths:
    """Sizes of the head; the defaults are MaskFormer's, and those of Guess What Moves."""

    features: int = 256
    """Channels of the pixel decoder and of the queries; a multiple of 32 (groups of its norms)."""
    masks: int = 256
    """Channels of the mask embedding, and of the pixel embedding that it is compared with."""
    layers: int = 6
    """Layers of the transformer decoder."""
    heads: int = 8
    """Heads of its attention."""
    feedforward: int = 2048
    """Channels inside its feed-forward networks."""
    dropout: float = 0.1
    """Of the transformer decoder."""


WIDTHS = {
    "full": Widths(),
    "small": Widths(features=32, masks=16, layers=2, heads=4, feedforward=128),
}
