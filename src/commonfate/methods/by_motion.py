"""Merging of the components of a whole video by its motion, for methods that give components."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from commonfate.foreground.motion import Evidence
from commonfate.foreground.splits import moving
from commonfate.methods.base import Prediction


def merged(every: Sequence[Tensor], evidence: Evidence) -> Iterator[Prediction]:
    """Predictions of frames whose second group are the components that move of their own.

    Args:
        every: (K, h, w) float of each frame, on the CPU, summing to 1 over K; K means the same in
            all frames.
        evidence: of motion, of the same frames.
    """
    inside = moving([components.numpy() for components in every], evidence)
    for components in every:
        groups = torch.stack([components[~inside].sum(0), components[inside].sum(0)])
        yield Prediction(components, groups)
