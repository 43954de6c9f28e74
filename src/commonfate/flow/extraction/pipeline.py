"""The extraction pipeline: read, encode, estimate, write.

Networks and other estimators differ only in threads and sizes:

                           networks           others
    read frames            1 thread           1 thread
    encode frames          calling thread     calling thread
    estimate, quantize     calling thread     1 thread a core
    compress, write        2 threads          the thread that estimated
    frames read ahead      16                 1 a core
    pairs in a batch       as many as fit     1

Every frame is encoded once and kept until its last pair is estimated. The stages are bounded, so
memory does not grow with the length of a video. The bytes of a store depend neither on the batch
size nor on the order in which threads finish.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np

from commonfate.base.errors import UserError
from commonfate.flow.estimators.provider import FlowProvider, Frames
from commonfate.flow.extraction.batches import Batches
from commonfate.flow.extraction.schedule import Direction, Ready, Step, VideoWork, Window, frames_of
from commonfate.flow.extraction.threads import Workers, read_ahead
from commonfate.storage.quantize import quantize

if TYPE_CHECKING:
    from commonfate.flow.extraction.tensors import Transfer

T = TypeVar("T")

FRAMES_AHEAD = 16
"""Frames that are read ahead for a network, which takes a batch of them at once."""
JOBS_PER_THREAD = 3
"""Unfinished jobs for each estimating thread: enough that none waits for a frame."""
WRITERS = 2


def run(works: Iterable[VideoWork], provider: FlowProvider, frames: Frames) -> Iterator[int]:
    """Estimate and stage the missing pairs of all videos.

    A video whose frames cannot be read, or that the estimator refuses, is given up; the others
    go on.

    Yields:
        Numbers of pairs that have been staged since the previous one.

    Raises:
        OSError: a pair could not be staged.
    """
    threads = provider.estimator.workers
    parallel = threads > 1
    depth = threads if parallel else FRAMES_AHEAD
    with (
        _one_thread_each(provider, parallel),
        Workers[int](threads if parallel else 0, JOBS_PER_THREAD * threads) as estimating,
        Workers[int](0 if parallel else WRITERS, limit=1) as writing,
        read_ahead(frames_of(works, provider, frames), depth) as ahead,
    ):
        batches = Batches(provider)
        for work, steps in groupby(ahead, key=itemgetter(0)):
            video = _Video(work, provider, batches, estimating, writing)
            for _, step, frame in steps:
                yield from video.add(step, frame)
            yield from video.finish()
        yield from estimating.finish()
        yield from writing.finish()


class _Video:
    """The stages after reading, for the pairs of one video."""

    def __init__(
        self,
        work: VideoWork,
        provider: FlowProvider,
        batches: Batches,
        estimating: Workers[int],
        writing: Workers[int],
    ) -> None:
        self._work = work
        self._estimator = provider.estimator
        self._consistency = provider.consistency
        self._batches = batches
        self._estimating = estimating
        self._writing = writing
        self._window = Window()
        self._frames: list[tuple[Step, Any]] = []
        self._units: list[Ready] = []

    def add(self, step: Step, frame: Any) -> Iterator[int]:
        """Take a frame; estimate once the pairs, or the frames, fill a batch."""
        self._frames.append((step, frame))
        batch = self._unless_refused(self._batches.__getitem__, self._work.size)
        coming = len(self._units) + sum(len(step.units) for step, _ in self._frames)
        if batch is not None and max(coming, len(self._frames)) >= batch:
            yield from self._advance(batch)

    def finish(self) -> Iterator[int]:
        """Estimate the rest, in a smaller batch."""
        yield from self._advance(1)

    def _advance(self, least: int) -> Iterator[int]:
        """Encode all waiting frames; estimate while at least this many units are ready."""
        self._unless_refused(self._encode)
        while self._work.failure is None and len(self._units) >= least:
            batch = self._batches[self._work.size]
            units, self._units = self._units[:batch], self._units[batch:]
            yield from self._estimating.submit(self._estimate, units)

    def _encode(self) -> None:
        steps, frames = zip(*self._frames, strict=True) if self._frames else ((), ())
        self._frames = []
        encoded = self._batches.apply(self._estimator.encode, frames, self._work.size)
        for step, frame in zip(steps, (frame for batch in encoded for frame in batch), strict=True):
            self._units += self._window.add(step, frame)

    def _estimate(self, units: Sequence[Ready]) -> int:
        """Estimate and quantize a batch, and submit its fields for writing.

        Returns:
            Number of pairs that have been written since the previous call, of this batch or others.
        """
        pairs = [pair for _, of_unit in units for pair in of_unit]
        flows = self._unless_refused(
            self._batches.apply, self._estimator.estimate_pairs, pairs, self._work.size
        )
        if flows is None:
            return 0
        directions = [direction for unit, _ in units for direction in unit]
        kept = [n for n, direction in enumerate(directions) if direction.stored]
        fields = self._quantized(flows, kept)
        # Two batches, so that the device works on one while the other is compressed.
        self._writing.limit = 2 * len(kept)
        return sum(
            written
            for position, n in enumerate(kept)
            for written in self._writing.submit(self._write, directions[n], fields, position)
        )

    def _quantized(
        self, flows: Sequence[Any], kept: Sequence[int]
    ) -> "list[tuple[np.ndarray, int]] | Transfer":
        """Quantize the kept fields, tensors on their device.

        With `consistency`, pixels whose two directions disagree lose their value first.

        Returns:
            By position in `kept`: (2, H, W) int16 steps, and the number of saturated pixels.
        """
        (steps_per_pixel,) = {part.info.steps_per_pixel for part in self._work.parts.values()}
        if isinstance(flows[0], np.ndarray) and not self._consistency:
            # OpenCV stores u and v of a pixel side by side.
            fields = [np.ascontiguousarray(field) for batch in flows for field in batch]
            return [quantize(fields[n], steps_per_pixel) for n in kept]
        from commonfate.flow.extraction import tensors  # imports torch, which takes seconds

        joined = tensors.join(flows)
        if self._consistency:
            joined = tensors.without_inconsistent(joined)
        return tensors.Transfer(joined[kept], steps_per_pixel)

    def _write(
        self,
        direction: Direction,
        fields: "list[tuple[np.ndarray, int]] | Transfer",
        position: int,
    ) -> int:
        self._work.parts[direction.gap].write(direction.t, *fields[position])
        return 1

    def _unless_refused(self, function: Callable[..., T], *arguments: Any) -> T | None:
        """Call the function, unless the video is given up; give it up where this is refused."""
        if self._work.failure is not None:
            return None
        try:
            return function(*arguments)
        except UserError as error:
            self._work.give_up(error)
            return None


@contextmanager
def _one_thread_each(provider: FlowProvider, parallel: bool) -> Iterator[None]:
    """Keep libraries from starting threads of their own inside parallel jobs."""
    with ExitStack() as restored:
        if parallel:
            restored.callback(cv2.setNumThreads, cv2.getNumThreads())
            cv2.setNumThreads(1)
        if parallel and provider.consistency:  # torch computes it, and nothing else here
            import torch

            restored.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield
