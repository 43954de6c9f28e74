"""Segmentation of a shot: flow, evidence of motion, appearance, choice of a foreground."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from commonfate.flow.settings import FlowSource
from commonfate.foreground import appearance, flows, hypotheses, motion, objects
from commonfate.foreground.edges import sharpened
from commonfate.foreground.settings import Camera, Steps

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
        gap: frames between the two of a pair of the flow; 0 where none was looked at.
    """

    probability: np.ndarray
    reason: str
    gap: int = 0

    @property
    def is_empty(self) -> bool:
        """True if nothing is foreground."""
        return not (self.probability > 0.5).any()


@dataclass(frozen=True)
class Draft(Foreground):
    """A foreground before it takes the edges of its frames.

    Attributes:
        trust: (T,) float32 from 0 to 1, in the motion of each frame.
    """

    trust: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def finished(self, frames: np.ndarray) -> Foreground:
        """The foreground with the edges of its frames (T, h, w, 3)."""
        if not self.trust.any():
            return self
        return Foreground(finished(self.probability, frames), self.reason, self.gap)


def segment(frames: np.ndarray, tools: Tools, steps: Steps) -> Foreground:
    """Segment what moves in a shot.

    Args:
        frames: (T, h, w, 3) uint8, RGB, at the working size.
        tools: flow and encoder.
        steps: shows the progress.
    """
    return draft(frames, tools, steps).finished(frames)


def draft(
    frames: np.ndarray,
    tools: Tools,
    steps: Steps,
    tokens: Callable[[], np.ndarray] | None = None,
) -> Draft:
    """Draft the foreground of a shot; an empty one has no trust.

    Args:
        frames: see `segment`.
        tools: see `segment`.
        steps: see `segment`.
        tokens: gives those of the frames, see `appearance.tokens_of`, which makes them by default.
    """
    nothing = np.zeros(frames.shape[:3], np.float32)
    if len(frames) < 2:
        return Draft(nothing, "a single frame, and motion needs two")
    gathered = evidence_of(frames, tools, steps)
    if not gathered[0].moves:
        return Draft(nothing, "nothing moves against the background")
    cut = by_motion(gathered, appearance.colours_of(frames))
    if cut is None:
        return Draft(nothing, "no part of a sensible size moves of its own")
    trust, gap = gathered[0].weight, gathered[0].gap
    if tools.encoder is None:
        return Draft(cut.probability, _words(cut), gap, trust)
    encoder, device = tools.encoder, tools.device
    seen = tokens() if tokens else appearance.tokens_of(frames, encoder, device, steps)
    look = appearance.of_tokens(frames, seen)
    probability, reason = with_appearance(cut, trust, look, device, steps)
    return Draft(probability, reason, gap, trust)


def evidence_of(frames: np.ndarray, tools: Tools, steps: Steps) -> list[motion.Evidence]:
    """Evidence of motion of at least two frames, see `motion.gather`."""
    estimated = flows.Flows(frames, tools.flow, tools.device)
    gap = flows.suitable_gap(estimated)
    flow = estimated.of_gaps(sorted({1, -1, gap, -gap}), steps)
    return motion.gather(flow, gap, camera=tools.camera, steps=steps)


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


def with_appearance(
    cut: hypotheses.Hypothesis,
    trust: np.ndarray,
    look: appearance.Appearance,
    device: str,
    steps: Steps,
) -> tuple[np.ndarray, str]:
    """Spread motion over patches that look alike, and join the result with motion itself.

    Args:
        cut: of motion, see `by_motion`.
        trust: (T,), in the motion of each frame.
        look: of the shot.
        device: where likeness is calculated.
        steps: shows the progress.

    Returns:
        (T, h, w) float32, cut at one half; and a description of what was chosen.
    """
    # Of what moves, but less than the cut, appearance shall make no foreground: a reflection.
    coarse = appearance.pooled(cut.probability, look.colours.shape[1:3])
    linked = appearance.links(look.features, device, steps)
    edges = hypotheses.Edges(look.colours, look.features)
    spread = hypotheses.scored(hypotheses.proposed(coarse, trust, linked), coarse, trust, edges)
    if not spread:
        return cut.probability, _words(cut)
    votes = resized(hypotheses.consensus(spread), cut.field.shape[1:])
    return (1 - SPREAD) * cut.probability + SPREAD * votes, f"{_words(cut)}; {_words(spread[0])}"


def _words(chosen: hypotheses.Hypothesis) -> str:
    return f"{chosen.name}, cut at {chosen.cut:g}"


def finished(probability: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Give a foreground the edges of its frames, and take specks out.

    Args:
        probability: (T, h, w) float32, cut at one half.
        frames: (T, h, w, 3) uint8, RGB.

    Returns:
        (T, h, w) float32 from 0 to 1.
    """
    mask = sharpened(probability, frames)
    mask[~objects.without_specks(mask > 0.5)] *= 0.5
    return mask


def resized(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(T, H, W) float32 of (T, r, c), bilinear."""
    shape = size[1], size[0]
    return np.stack([cv2.resize(m, shape, interpolation=cv2.INTER_LINEAR) for m in maps])
