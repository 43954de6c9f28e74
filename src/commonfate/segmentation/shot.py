"""Segmentation of a shot: flow, evidence of motion, appearance, choice of a foreground."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from commonfate.flow.settings import FlowSource
from commonfate.segmentation import appearance, edges, hypotheses, motion, objects

if TYPE_CHECKING:
    from commonfate.models.encoders.base import Encoder


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
    linked = None
    if look.features is not None:
        linked = appearance.links(look.features, tools.device, steps)
    coarse = appearance.pooled(evidence.map)
    proposed = hypotheses.proposed(coarse, evidence.weight, linked)
    best = hypotheses.choose(proposed, coarse, evidence.weight, hypotheses.Edges(look))
    if best is None:
        return Foreground(nothing, "no part of a sensible size moves of its own")
    # Where motion alone is cut, its own pixels are finer than patches.
    fine = evidence.map if best.name == "motion" else best.field
    cut = hypotheses.Hypothesis(best.name, fine, best.cut).probability
    mask = np.stack([edges.aligned(p, f) for p, f in zip(cut, frames, strict=True)])
    mask[~objects.without_specks(mask > 0.5)] *= 0.5
    return Foreground(mask, f"{best.name}, cut at {best.cut:g}", gap)
