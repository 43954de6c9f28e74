"""In which order frames are read and pairs become possible."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Direction:
    """Flow from frame t to frame t + gap.

    Attributes:
        t: the frame that it starts from.
        gap: how far it goes.
        wanted: whether it is stored; else it only serves to check the flow back.
    """

    t: int
    gap: int
    wanted: bool = True

    @property
    def target(self) -> int:
        """The frame that it leads to."""
        return self.t + self.gap


Unit = tuple[Direction, ...]
"""What is estimated together: one direction, or both of a pair of frames."""


@dataclass(frozen=True)
class Step:
    """One frame, read once.

    Attributes:
        frame: its number.
        units: what can be estimated now that this frame is there.
        last_of: frames that nothing after this step needs.
    """

    frame: int
    units: tuple[Unit, ...]
    last_of: tuple[int, ...]


def steps(missing: Mapping[int, Iterable[int]], both: bool = False) -> list[Step]:
    """The frames that are needed, in order, each with the pairs that it completes.

    Args:
        missing: for each gap the frames t whose flow is wanted.
        both: estimate both directions of every pair of frames, wanted or not.
    """
    wanted = {(t, gap) for gap, frames in missing.items() for t in frames}
    units: dict[int, list[Unit]] = defaultdict(list)
    last_use: dict[int, int] = {}
    for pair in sorted({(min(t, t + gap), max(t, t + gap)) for t, gap in wanted}):
        first, second = pair
        ways = [(first, second - first), (second, first - second)]
        directions = [Direction(*way, wanted=way in wanted) for way in ways]
        if both:
            units[second].append(tuple(directions))
        else:
            units[second] += [(direction,) for direction in directions if direction.wanted]
        for frame in pair:
            last_use[frame] = max(second, last_use.get(frame, 0))
    done: dict[int, list[int]] = defaultdict(list)
    for frame, last in sorted(last_use.items()):
        done[last].append(frame)
    return [
        Step(frame, tuple(units.get(frame, ())), tuple(done.get(frame, ())))
        for frame in sorted(last_use)
    ]
