"""The extraction loop: the flow of a shard's videos, for all gaps, into one store."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from commonfate.errors import UserError
from commonfate.flow.fanout import distribute
from commonfate.progress import track
from commonfate.storage.flow import sources

if TYPE_CHECKING:
    from commonfate.flow.providers import FlowProvider
    from commonfate.storage.flow_writer import FlowWriter
    from commonfate.storage.frames import FrameReader

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeftOut:
    """Flow that a store does not hold, and why."""

    video: str
    gaps: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class _Task:
    """A video with the gaps that it is long enough for."""

    video: Mapping[str, Any]
    frames: int
    size: tuple[int, int]
    gaps: tuple[int, ...]

    def pairs(self, gaps: Sequence[int]) -> int:
        return sum(len(sources(self.frames, gap)) for gap in gaps)


def extract(
    videos: Sequence[Mapping[str, Any]],
    frames: "FrameReader",
    provider: "FlowProvider",
    gaps: Sequence[int],
    writer: "FlowWriter",
) -> list[LeftOut]:
    """Write the flow of each video for each gap, except what the writer has already.

    A video whose frames cannot be read, or that the estimator refuses, is left out and the others
    go on; so is a gap that is too large for a video. What is left out is logged at the end and
    kept in the store's provenance.

    Args:
        videos: rows of the manifest; those whose status is not `ok` are skipped.
        frames: the store of their frames.
        provider: where flow comes from.
        gaps: from frame t to t + gap.
        writer: entered; the caller exits it.

    Raises:
        UserError: there are usable videos, and none of them gave any flow.
    """
    usable = [video for video in videos if video["status"] == "ok"]
    if not usable:
        log.warning("%s: none of the shard's %d videos is usable", writer.path, len(videos))
    loop = _Loop(frames, provider, writer)
    tasks = [task for video in usable if (task := loop.plan(video, gaps))]
    total = sum(task.pairs(task.gaps) for task in tasks)
    done = total - sum(task.pairs(loop.missing(task)) for task in tasks)
    if done:
        log.info("%d of %d pairs are there already, from a run before", done, total)
    for _ in track(loop.run(tasks), "flow (pairs)", total, start=done):
        pass
    for item in loop.left_out:
        log.warning("%s, gaps %s: left out: %s", item.video, list(item.gaps), item.reason)
    if usable and not any(writer.has(video["id"], gap) for video in usable for gap in gaps):
        raise UserError(
            f"{writer.path}: none of {len(usable)} videos gave any flow; the first, "
            f"{loop.left_out[0].video}: {loop.left_out[0].reason}"
        )
    writer.provenance["left_out"] = [asdict(item) for item in loop.left_out]
    return loop.left_out


class _Loop:
    """Goes through the videos and remembers what it had to leave out."""

    def __init__(
        self, frames: "FrameReader", provider: "FlowProvider", writer: "FlowWriter"
    ) -> None:
        self.left_out: list[LeftOut] = []
        self._frames = frames
        self._provider = provider
        self._writer = writer

    def plan(self, video: Mapping[str, Any], gaps: Sequence[int]) -> _Task | None:
        """What there is to do for a video; None if there is nothing that can be done."""
        try:
            length, size = self._frames.length(video["id"]), self._frames.size(video["id"])
        except UserError as error:
            self.left_out.append(LeftOut(video["id"], tuple(gaps), str(error)))
            return None
        fitting = tuple(gap for gap in gaps if sources(length, gap))
        if too_large := tuple(gap for gap in gaps if gap not in fitting):
            self.left_out.append(LeftOut(video["id"], too_large, f"it has only {length} frames"))
        return _Task(video, length, size, fitting) if fitting else None

    def missing(self, task: _Task) -> tuple[int, ...]:
        """Gaps that no run before has finished."""
        return tuple(gap for gap in task.gaps if not self._writer.has(task.video["id"], gap))

    def run(self, tasks: Sequence[_Task]) -> Iterator[None]:
        """Do what is missing; yields after each pair."""
        for task in tasks:
            if gaps := self.missing(task):
                try:
                    yield from self._video(task, gaps)
                except UserError as error:
                    self.left_out.append(LeftOut(task.video["id"], gaps, str(error)))

    def _video(self, task: _Task, gaps: tuple[int, ...]) -> Iterator[None]:
        name = task.video["id"]
        flows = self._provider.flows(task.video, self._frames, gaps)
        takers = {gap: partial(self._writer.add, name, gap, task.frames, task.size) for gap in gaps}
        return distribute(_by_gap(flows), takers)


def _by_gap(
    flows: Iterator[tuple[int, int, np.ndarray]],
) -> Iterator[tuple[int, tuple[int, np.ndarray]]]:
    for gap, t, flow in flows:
        yield gap, (t, flow)
