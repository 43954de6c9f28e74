"""What remains to be done of a video, and what became of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from commonfate.base.errors import UserError
from commonfate.flow.extraction.schedule import Direction, Step, Unit, steps

if TYPE_CHECKING:
    from commonfate.flow.estimators.provider import FlowProvider, Frames
    from commonfate.storage.flow_part import FlowPart

Ready = tuple[Unit, list[tuple[Any, Any]]]
"""A unit, and both encoded frames of each of its directions."""


class VideoWork:
    """The pairs of a video that are not staged yet.

    Attributes:
        row: of the manifest.
        size: height and width of its frames.
        parts: where the pairs of each gap go.
        pairs: how many there are.
        steps: the frames that are needed, with the pairs that they make possible.
        failure: why the video was given up; it is not gone on with.
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
        """Remember the first failure."""
        self.failure = self.failure or error


class Window:
    """The encoded frames of one video, each kept as long as it is needed."""

    def __init__(self) -> None:
        self._encoded: dict[int, Any] = {}

    def add(self, step: Step, encoded: Any) -> list[Ready]:
        """Take a frame; returns what it makes possible."""
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
    """Read the frames that are needed, each once, video after video.

    A video of which one cannot be read is given up, and the next one follows.
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
