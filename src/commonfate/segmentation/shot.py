"""Segmentation of a shot: flow, evidence of motion, appearance, choice of a foreground."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from commonfate.flow.settings import FlowSource
from commonfate.segmentation import appearance, hypotheses, motion, objects
from commonfate.segmentation.edges import aligned

if TYPE_CHECKING:
    from commonfate.models.encoders.base import Encoder

SPREAD = 0.35
"""Share of the consensus of the hypotheses that appearance gives, beside motion's own."""


@dataclass(frozen=True)
class Tools:
    """Tools of a quality.

    Attributes:
        flow: estimator of flow.
        encoder: of the tokens; none: colours alone, and motion is not spread.
        device: of networks.
    """

    flow: FlowSource
    encoder: "Encoder | None"
    device: str = "cpu"


@dataclass(frozen=True)
class Foreground:
    """The foreground of a shot.

    Attributes:
        probability: (T, h, w) float32 from 0 to 1, at the working size; cut at one half.
        reason: the chosen hypothesis, or why there is no foreground.
        gap: frames between the two of a pair of the flow; 0 where there is none.
    """

    probability: np.ndarray
    reason: str
    gap: int = 0

    @property
    def is_empty(self) -> bool:
        """True if nothing is foreground."""
        return self.gap == 0 or not (self.probability > 0.5).any()


def segment(frames: np.ndarray, tools: Tools, steps: motion.Steps) -> Foreground:
    """Segment what moves in a shot.

    Args:
        frames: (T, h, w, 3) uint8, RGB, at the working size.
        tools: flow and encoder.
        steps: shows the progress.
    """
    nothing = np.zeros(frames.shape[:3], np.float32)
    if len(frames) < 2:
        return Foreground(nothing, "a single frame, and motion needs two")
    flows = motion.Flows(frames, tools.flow, tools.device)
    gap = motion.suitable_gap(flows)
    flow = flows.of_gaps(sorted({1, -1, gap, -gap}), steps)
    evidence = motion.gather(flow, gap)
    if not evidence.moves:
        return Foreground(nothing, "nothing moves against the background")
    look = appearance.describe(frames, tools.encoder, tools.device, steps)
    coarse, weight = appearance.pooled(evidence.map), evidence.weight
    edges = hypotheses.Edges(look.colours)
    cuts = hypotheses.scored(hypotheses.proposed(coarse, weight, None), coarse, weight, edges)
    if not cuts:
        return Foreground(nothing, "no part of a sensible size moves of its own")
    reason = f"motion, cut at {cuts[0].cut:g}"
    # Pixels are finer than the patches by which the cut was chosen.
    probability = replace(cuts[0], field=evidence.map).probability
    if look.features is not None:
        linked = appearance.links(look.features, tools.device, steps)
        edges = hypotheses.Edges(look.colours, look.features)
        proposed = hypotheses.proposed(coarse, weight, linked)
        spread = hypotheses.scored(proposed, coarse, weight, edges)
        if spread:
            reason += f"; {spread[0].name}, cut at {spread[0].cut:g}"
            votes = resized(hypotheses.consensus(spread), frames.shape[1:3])
            probability = (1 - SPREAD) * probability + SPREAD * votes
    mask = np.stack([aligned(p, f) for p, f in zip(probability, frames, strict=True)])
    mask[~objects.without_specks(mask > 0.5)] *= 0.5
    return Foreground(mask, reason, gap)


def resized(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(T, H, W) float32 of (T, r, c), bilinear."""
    shape = size[1], size[0]
    return np.stack([cv2.resize(m, shape, interpolation=cv2.INTER_LINEAR) for m in maps])
