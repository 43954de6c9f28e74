"""The order of work on a video: which frames are read, and which pairs each of them completes."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from commonfate.base.errors import UserError

if TYPE_CHECKING:
    from commonfate.flow.estimators.provider import FlowProvider, Frames
    from commonfate.storage.flow_part import FlowPart


@dataclass(frozen=True, order=True)
class Direction:
    """Flow from frame t to frame t + gap.

    Attributes:
        t: first frame.
        gap: from t to t + gap.
        stored: True if the flow is stored; else it only serves the consistency check.
    """

    t: int
    gap: int
    stored: bool = True

    @property
    def target(self) -> int:
        """Second frame, t + gap."""
        return self.t + self.gap


Unit = tuple[Direction, ...]
"""Directions that are estimated together: one, or both of a pair of frames."""
Ready = tuple[Unit, list[tuple[Any, Any]]]
"""A unit, and both encoded frames of each of its directions."""


@dataclass(frozen=True)
class Step:
    """Reading one frame.

    Attributes:
        frame: its number.
        units: those that can be estimated once this frame is there.
        last_of: frames that are not needed after this step.
    """

    frame: int
    units: tuple[Unit, ...]
    last_of: tuple[int, ...]


def steps(missing: Mapping[int, Iterable[int]], both: bool = False) -> list[Step]:
    """The needed frames in ascending order, each with the pairs that it completes.

    Args:
        missing: for each gap the frames t whose flow is missing.
        both: estimate both directions of every pair of frames, stored or not.
    """
    requested = {(t, gap) for gap, frames in missing.items() for t in frames}
    units: dict[int, list[Unit]] = defaultdict(list)
    last_use: dict[int, int] = {}
    for pair in sorted({(min(t, t + gap), max(t, t + gap)) for t, gap in requested}):
        first, second = pair
        ways = [(first, second - first), (second, first - second)]
        directions = [Direction(*way, stored=way in requested) for way in ways]
        if both:
            units[second].append(tuple(directions))
        else:
            units[second] += [(direction,) for direction in directions if direction.stored]
        for frame in pair:
            last_use[frame] = max(second, last_use.get(frame, 0))
    done: dict[int, list[int]] = defaultdict(list)
    for frame, last in sorted(last_use.items()):
        done[last].append(frame)
    return [
        Step(frame, tuple(units.get(frame, ())), tuple(done.get(frame, ())))
        for frame in sorted(last_use)
    ]


class VideoWork:
    """The pairs of a video that are not staged yet.

    Attributes:
        row: row of the manifest.
        size: height and width of the frames.
        parts: by gap, where pairs are staged.
        pairs: number of missing pairs.
        steps: the frames to read, with the pairs that they complete.
        failure: why the video was given up; no further work is done on it.
    """

    def __init__(
        self,
        row: Mapping[str, Any],
        size: tuple[int, int],
        parts: "Mapping[int, FlowPart]",
        both: bool,
    ) -> None:
        self.row = row
        self.size = size
        self.parts = parts
        missing = {gap: part.missing for gap, part in parts.items()}
        self.pairs = sum(map(len, missing.values()))
        self.steps = steps(missing, both)
        self.failure: UserError | None = None

    def give_up(self, error: UserError) -> None:
        """Record the first failure."""
        self.failure = self.failure or error


class Window:
    """The encoded frames of one video, each kept until its last use."""

    def __init__(self) -> None:
        self._encoded: dict[int, Any] = {}

    def add(self, step: Step, encoded: Any) -> list[Ready]:
        """Add a frame and return the units that it completes."""
        self._encoded[step.frame] = encoded
        ready = [(unit, [self._frames(direction) for direction in unit]) for unit in step.units]
        for frame in step.last_of:
            del self._encoded[frame]
        return ready

    def _frames(self, direction: Direction) -> tuple[Any, Any]:
        return self._encoded[direction.t], self._encoded[direction.target]


def frames_of(
    works: "Iterable[VideoWork]", provider: "FlowProvider", frames: "Frames"
) -> Iterator[tuple[VideoWork, Step, Any]]:
    """Read the needed frames, each once, video after video.

    A video with a frame that cannot be read is given up; the next one follows.
    """
    for work in works:
        for step in work.steps:
            if work.failure is not None:
                break
            try:
                frame = provider.read(work.row, frames, step.frame)
            except UserError as error:
                work.give_up(error)
                break
            yield work, step, frame
