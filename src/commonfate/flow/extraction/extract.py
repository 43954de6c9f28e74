"""Extraction: the flow of a shard's videos, for all gaps, into one store.

Pairs that an earlier run has staged are not estimated again, and only frames that the missing pairs
need are read. The work itself is in `pipeline`.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from commonfate.base.errors import StoreError, UserError
from commonfate.base.progress import track
from commonfate.flow.extraction import pipeline
from commonfate.flow.extraction.schedule import VideoWork
from commonfate.storage.flow_info import sources

if TYPE_CHECKING:
    from commonfate.flow.estimators.provider import FlowProvider, Frames
    from commonfate.storage.flow_writer import FlowWriter

log = logging.getLogger(__name__)
PROGRESS = "flow (pairs)"


@dataclass(frozen=True)
class LeftOut:
    """Flow that is missing in a store, and why.

    Attributes:
        video: name of the video.
        gaps: gaps without flow.
        reason: a line.
        files: state of the files that were read, see `FrameReader.state`; "" if reading them again
            cannot help.
        damaged: True if files of the video cannot be read, which does not concern other videos.
    """

    video: str
    gaps: tuple[int, ...]
    reason: str
    files: str = ""
    damaged: bool = False


def extract(
    videos: Sequence[Mapping[str, Any]],
    frames: "Frames",
    provider: "FlowProvider",
    gaps: Sequence[int],
    writer: "FlowWriter",
    contents: Mapping[str, str] | None = None,
    may_be_empty: bool = False,
) -> list[LeftOut]:
    """Write the flow of each video for each gap, except for pairs that are staged already.

    A video whose frames cannot be read, or that the estimator refuses, is left out, and so is a gap
    that is too large for a video; the others go on. All that is left out is logged at the end and
    recorded in the store's provenance.

    Args:
        videos: rows of the manifest; those whose status is not `ok` are skipped.
        frames: store of the videos' frames.
        provider: source of the flow.
        gaps: from frame t to t + gap.
        writer: entered; the caller exits it.
        contents: by video, the digest of everything that its flow is made of.
        may_be_empty: True for one of several stores, whose videos may all be damaged.

    Returns:
        The flow that is left out.

    Raises:
        UserError: as `finalize`.
        OSError: a pair could not be written; staged pairs are kept.
    """
    staging = Staging(videos, frames, gaps, writer, provider.consistency, contents)
    for _ in track(staging.run(provider), PROGRESS, staging.total, start=staging.done):
        pass
    left_out = staging.left_out()
    finalize(videos, gaps, writer, left_out, may_be_empty)
    return left_out


class Staging:
    """The work on some videos of a store.

    Attributes:
        works: the work on each video.
        total: number of pairs of these videos.
        done: number of those that an earlier run has staged.
    """

    def __init__(
        self,
        videos: Sequence[Mapping[str, Any]],
        frames: "Frames",
        gaps: Sequence[int],
        writer: "FlowWriter",
        both: bool,
        contents: Mapping[str, str] | None = None,
    ) -> None:
        """Plan the work.

        Args:
            videos, frames, gaps, writer, contents: as in `extract`.
            both: estimate both directions of each pair of frames.
        """
        self.works: list[VideoWork] = []
        self._contents = contents or {}
        self._states: dict[str, str] = {}
        self._frames = frames
        self._left_out: list[LeftOut] = []
        self.total = 0
        for video in usable(videos):
            self._plan(video, gaps, writer, both)
        self.done = self.total - sum(work.pairs for work in self.works)
        if self.done:
            log.info("%d of %d pairs are there already, from a run before", self.done, self.total)

    def run(self, provider: "FlowProvider") -> Iterator[None]:
        """Stage the missing pairs; yields after each pair."""
        for staged in pipeline.run(self.works, provider, self._frames):
            yield from (None for _ in range(staged))

    def left_out(self) -> list[LeftOut]:
        """Everything left out, before and during `run`."""
        return [*self._left_out, *self.failures()]

    def failures(self) -> list[LeftOut]:
        """The videos that `run` gave up."""
        return [
            LeftOut(
                work.row["id"],
                tuple(gap for gap, part in work.parts.items() if part.missing),
                str(work.failure),
                self._states[work.row["id"]],
                isinstance(work.failure, StoreError),
            )
            for work in self.works
            if work.failure is not None
        ]

    def _plan(
        self,
        video: Mapping[str, Any],
        gaps: Sequence[int],
        writer: "FlowWriter",
        both: bool,
    ) -> None:
        name = video["id"]
        try:
            length, size = self._frames.length(name), self._frames.size(name)
            # Taken before frames are read, so that a file repaired meanwhile counts as changed.
            self._states[name] = self._frames.state(name)
        except UserError as error:
            self._left_out.append(LeftOut(name, tuple(gaps), str(error)))
            return
        fitting = [gap for gap in gaps if sources(length, gap)]
        if too_large := tuple(gap for gap in gaps if gap not in fitting):
            self._left_out.append(LeftOut(name, too_large, f"it has only {length} frames"))
        content = self._contents.get(name, "")
        parts = {gap: writer.part(name, gap, length, size, content) for gap in fitting}
        self.works.append(VideoWork(video, size, parts, both))
        self.total += sum(len(sources(length, gap)) for gap in fitting)


def usable(videos: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows of the manifest whose videos were decoded."""
    return [video for video in videos if video["status"] == "ok"]


def finalize(
    videos: Sequence[Mapping[str, Any]],
    gaps: Sequence[int],
    writer: "FlowWriter",
    left_out: Sequence[LeftOut],
    may_be_empty: bool = False,
) -> None:
    """Log what is left out, and record it in the store's provenance.

    Raises:
        UserError: none of the usable videos gave any flow; if the store `may_be_empty`, only unless
            all of them are damaged.
    """
    good = usable(videos)
    if not good:
        log.warning("%s: none of the shard's %d videos is usable", writer.path, len(videos))
    for item in left_out:
        log.warning("%s, gaps %s: left out: %s", item.video, list(item.gaps), item.reason)
    if good and not any(writer.has(video["id"], gap) for video in good for gap in gaps):
        nothing = (
            f"{writer.path}: none of {len(good)} videos gave any flow; the first, "
            f"{left_out[0].video}: {left_out[0].reason}"
        )
        damaged = {item.video for item in left_out if item.damaged}
        if not (may_be_empty and damaged.issuperset(video["id"] for video in good)):
            raise UserError(nothing)
        log.warning("%s", nothing)
    writer.provenance["left_out"] = [
        {name: value for name, value in asdict(item).items() if value and name != "damaged"}
        for item in left_out
    ]
