"""Propagation of masks on stored features or stored flow."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from commonfate.base.errors import ConfigError, StoreError
from commonfate.evaluation.features import propagated, propagation
from commonfate.evaluation.features.benchmarks import CarryingSettings
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.features.run.parts import Item, Part
from commonfate.prediction.features import pictures
from commonfate.storage.flow import open_reader
from commonfate.storage.flow_reader import FlowReader

WHOLE = ("square", "short")
"""Geometries whose pictures show the whole frame."""


def clips(part: Part, step: int) -> list[list[Item]]:
    """Clips of annotated frames `step` apart: every chain of them, from its first frame on.

    Of a video whose frames are all annotated these are `propagation.frames_of`.

    Raises:
        ConfigError: no two annotated frames are so far apart.
    """
    result: list[list[Item]] = []
    annotated = set(part.items)
    for video, t in part.items:
        if (video, t - step) in annotated:
            continue
        clip = [(video, t)]
        while (video, clip[-1][1] + step) in annotated:
            clip.append((video, clip[-1][1] + step))
        if len(clip) > 1:
            result.append(clip)
    if not result:
        raise ConfigError(
            f"{part.listing.where}: no two annotated frames are {step} frames apart; choose the "
            "distance of the annotated frames, --set propagation.step=N"
        )
    return result


def carried(
    part: Part,
    settings: CarryingSettings,
    chains: Sequence[Sequence[Item]],
    flow: Sequence[Path],
    released: bool,
) -> Result:
    """Carry the first mask of each clip, and score the others.

    Masks have the size of the annotations; those of the released score, and those of views that
    show a part of the frame, lie in the place of the view.

    Args:
        part: annotated frames, with `tokens` for the forwarder.
        settings: way and step.
        chains: see `clips`.
        flow: stores of flow of the gaps of -1 and 1, or of minus and plus the step.
        released: score as TimeT's released code.

    Raises:
        ConfigError: flow is missing.
        StoreError: flow and annotations differ in size, or a file is damaged.
    """
    place = truth_of(part, released)
    flows = Flows(flow, settings.step) if settings.by == "flow" else None
    scored = []
    for clip in chains:
        truth = np.stack([place(item) for item in clip])
        if settings.by == "still":
            masks = propagation.held_still(truth[0], len(clip))
        elif settings.by == "forwarder":
            tokens = np.stack([part.stores.read(*item, "tokens") for item in clip])
            masks = propagation.by_forwarder(truth[0], tokens)
        else:
            assert flows is not None
            masks = _moved(part, clip, flows)
            if in_view(part, released):
                placement = part.placement(clip[0][0])
                masks = np.stack([pictures.labels(mask, placement) for mask in masks])
        scored.append((masks, truth))
    return propagated.score_released(scored) if released else propagated.score(scored)


def in_view(part: Part, released: bool) -> bool:
    """True if masks are scored in the place of the view, not at the annotations' size."""
    return part.shards is not None and (released or part.view.geometry not in WHOLE)


def truth_of(part: Part, released: bool) -> Callable[[Item], np.ndarray]:
    """Reader of the truth at the size that is scored."""
    return part.truth if in_view(part, released) else part.native


class Flows:
    """Flow between frames that are `step` apart, from stores of this gap or of the gap 1.

    Raises:
        ConfigError: there is no store.
    """

    def __init__(self, paths: Sequence[Path], step: int) -> None:
        if not paths:
            raise ConfigError("--flow: protocol propagation with by=flow needs stores of flow")
        self._readers: dict[str, FlowReader] = {}
        for path in paths:
            reader = open_reader(path)
            self._readers |= dict.fromkeys(reader.videos, reader)
        self._step = step

    def between(self, video: str, start: int, end: int) -> np.ndarray | None:
        """Flow from frame `start` to frame `end`, (2, H, W) float32, NaN where unknown.

        Returns:
            None where no store has flow in this direction.
        """
        if video not in self._readers:
            raise ConfigError(f"--flow: video {video!r} is in none of the stores; name all shards")
        reader = self._readers[video]
        gaps, sign = reader.gaps(video), 1 if end > start else -1
        if end - start in gaps:
            return reader.read(video, end - start, start)
        if sign not in gaps:
            return None
        steps = range(start, end, sign)
        return propagation.chained(np.stack([reader.read(video, sign, t) for t in steps]))

    def needed(self, video: str, start: int, end: int) -> np.ndarray:
        """As `between`, where it must be.

        Raises:
            ConfigError: there is none.
        """
        flow = self.between(video, start, end)
        if flow is None:
            raise ConfigError(
                f"--flow: video {video!r} has no flow of gap -1 (nor of {end - start}), which "
                "leads back to the frame before; extract it with --gap -1"
            )
        return flow


def _moved(part: Part, clip: Sequence[Item], flows: Flows) -> np.ndarray:
    video = clip[0][0]
    pairs = [(b[1], a[1]) for a, b in pairwise(clip)]
    backward = np.stack([flows.needed(video, start, end) for start, end in pairs])
    forward = [flows.between(video, end, start) for start, end in pairs]
    onward = [flow for flow in forward if flow is not None]
    first = part.native(clip[0])
    if backward.shape[2:] != first.shape:
        raise StoreError(
            f"video {video!r}: flow is {backward.shape[3]}x{backward.shape[2]}, annotations are "
            f"{first.shape[1]}x{first.shape[0]}; extract flow at the frames' own size"
        )
    complete = len(onward) == len(pairs)
    masks, _ = propagation.by_flow(first, backward, np.stack(onward) if complete else None)
    return masks
