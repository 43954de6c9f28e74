"""Segmentation of a shot: flow, evidence of motion, appearance, choice of a foreground."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from commonfate.flow.settings import FlowSource
from commonfate.foreground import appearance, flows, hypotheses, motion, objects
from commonfate.foreground.edges import aligned
from commonfate.foreground.settings import Camera

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
        camera: motion of the camera, see `motion.gather`.
    """

    flow: FlowSource
    encoder: "Encoder | None"
    device: str = "cpu"
    camera: Camera = "any"


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


def segment(frames: np.ndarray, tools: Tools, steps: flows.Steps) -> Foreground:
    """Segment what moves in a shot.

    Args:
        frames: (T, h, w, 3) uint8, RGB, at the working size.
        tools: flow and encoder.
        steps: shows the progress.
    """
    nothing = np.zeros(frames.shape[:3], np.float32)
    if len(frames) < 2:
        return Foreground(nothing, "a single frame, and motion needs two")
    estimated = flows.Flows(frames, tools.flow, tools.device)
    gap = flows.suitable_gap(estimated)
    flow = estimated.of_gaps(sorted({1, -1, gap, -gap}), steps)
    gathered = motion.gather(flow, gap, camera=tools.camera)
    if not gathered[0].moves:
        return Foreground(nothing, "nothing moves against the background")
    look = appearance.describe(frames, tools.encoder, tools.device, steps)
    cut = by_motion(gathered, look.colours)
    if cut is None:
        return Foreground(nothing, "no part of a sensible size moves of its own")
    reason, probability = f"{cut.name}, cut at {cut.cut:g}", cut.probability
    if look.features is not None:
        coarse, weight = appearance.pooled(cut.field), gathered[0].weight
        linked = appearance.links(look.features, tools.device, steps)
        edges = hypotheses.Edges(look.colours, look.features)
        proposed = hypotheses.proposed(coarse, weight, linked)
        spread = hypotheses.scored(proposed, coarse, weight, edges)
        if spread:
            reason += f"; {spread[0].name}, cut at {spread[0].cut:g}"
            votes = resized(hypotheses.consensus(spread), frames.shape[1:3])
            probability = (1 - SPREAD) * probability + SPREAD * votes
    return Foreground(finished(probability, frames), reason, gap)


def by_motion(
    gathered: Sequence[motion.Evidence], colours: np.ndarray
) -> hypotheses.Hypothesis | None:
    """Cut the evidence of motion where colours change; None if nothing of a sensible size moves.

    Args:
        gathered: evidence of a shot, of which the one with the better cut is taken; see
            `motion.gather`.
        colours: (T, r, c, 3) of its patches, see `appearance.Appearance`.

    Returns:
        The evidence itself, (T, h, w), with the cut.
    """
    if not gathered[0].moves:
        return None
    edges, best = hypotheses.Edges(colours), None
    for evidence in gathered:
        name = "motion past parallax" if evidence.past_parallax else "motion"
        coarse, weight = appearance.pooled(evidence.map), evidence.weight
        cuts = hypotheses.scored(hypotheses.proposed(coarse, weight, None), coarse, weight, edges)
        if cuts and (best is None or cuts[0].score > best.score):
            # Pixels are finer than the patches by which the cut is chosen.
            best = replace(cuts[0], name=name, field=evidence.map)
    return best


def finished(probability: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Give a foreground the edges of its frames, and take specks out.

    Args:
        probability: (T, h, w) float32, cut at one half.
        frames: (T, h, w, 3) uint8, RGB.

    Returns:
        (T, h, w) float32 from 0 to 1.
    """
    mask = np.stack([aligned(p, f) for p, f in zip(probability, frames, strict=True)])
    mask[~objects.without_specks(mask > 0.5)] *= 0.5
    return mask


def resized(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(T, H, W) float32 of (T, r, c), bilinear."""
    shape = size[1], size[0]
    return np.stack([cv2.resize(m, shape, interpolation=cv2.INTER_LINEAR) for m in maps])
