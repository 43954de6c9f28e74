"""Pairs in batches: for networks, whose device is kept busy while other threads read and write.

One thread reads frames ahead, the calling one encodes new frames and estimates batches of pairs,
further ones wait for the quantized pairs on their way from the device, compress and stage them.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from commonfate.base.errors import UserError
from commonfate.flow.consistency import consistent
from commonfate.flow.estimators.provider import FlowProvider, Frames
from commonfate.flow.extraction.overlap import Workers, read_ahead
from commonfate.flow.extraction.schedule import Direction, Step
from commonfate.flow.extraction.work import Ready, VideoWork, Window, frames_of
from commonfate.storage.quantize import quantize_tensor

log = logging.getLogger(__name__)
T = TypeVar("T")

FRAMES_AHEAD = 16
WRITERS = 2


def run(works: Iterable[VideoWork], provider: FlowProvider, frames: Frames) -> Iterator[int]:
    """Estimate and stage.

    Yields:
        Numbers of pairs that have been staged since the last one.

    Raises:
        OSError: a pair could not be staged.
    """
    sizes = BatchSizes(provider)
    with (
        Workers(WRITERS, limit=1) as writers,
        read_ahead(frames_of(works, provider, frames), FRAMES_AHEAD) as ahead,
    ):
        batches: _Batches | None = None
        for work, step, frame in ahead:
            if batches is None or batches.work is not work:
                if batches is not None:
                    yield from batches.finish()
                batches = _Batches(work, provider, sizes, writers)
            yield from batches.add(step, frame)
        if batches is not None:
            yield from batches.finish()
        yield from writers.finish()


class BatchSizes:
    """How many pairs at a time, for each size of frames; less after memory did not suffice."""

    def __init__(self, provider: FlowProvider) -> None:
        self._provider = provider
        self._of_size: dict[tuple[int, int], int] = {}

    def __getitem__(self, size: tuple[int, int]) -> int:
        if size not in self._of_size:
            given = self._provider.batch_size
            self._of_size[size] = given or self._provider.estimator.suitable_batch(*size)
        return self._of_size[size]

    def halve(self, size: tuple[int, int], failed: int) -> None:
        """Remember that so many pairs were too many.

        Raises:
            UserError: it was only one.
        """
        if failed == 1:
            raise UserError(
                f"{self._provider.description}: the GPU's memory does not suffice for one pair of "
                f"frames of {size[0]}x{size[1]}; use --device cpu or a smaller network"
            )
        self._of_size[size] = (failed + 1) // 2
        log.warning(
            "the GPU's memory does not suffice for %d pairs; now %d", failed, self._of_size[size]
        )


class _Batches:
    """The pairs of one video, in batches."""

    def __init__(
        self, work: VideoWork, provider: FlowProvider, sizes: BatchSizes, writers: Workers[int]
    ) -> None:
        self.work = work
        self._estimator = provider.estimator
        self._sizes = sizes
        self._writers = writers
        self._window = Window()
        self._frames: list[tuple[Step, Any]] = []
        self._units: list[Ready] = []

    def add(self, step: Step, frame: Any) -> Iterator[int]:
        """Take a frame; estimate once there is a batch of pairs, or of frames."""
        self._frames.append((step, frame))
        batch = self._unless_refused(self._sizes.__getitem__, self.work.size)
        coming = len(self._units) + sum(len(step.units) for step, _ in self._frames)
        if batch is not None and max(coming, len(self._frames)) >= batch:
            yield from self._advance(batch)

    def finish(self) -> Iterator[int]:
        """Estimate the rest."""
        yield from self._advance(1)

    def _advance(self, least: int) -> Iterator[int]:
        """Encode the frames that have come, and estimate while there are so many units."""
        self._unless_refused(self._encode)
        while self.work.failure is None and len(self._units) >= least:
            batch = self._sizes[self.work.size]
            units, self._units = self._units[:batch], self._units[batch:]
            flows = self._unless_refused(self._estimate, units)
            if flows is not None:
                yield from self._write(units, flows)

    def _unless_refused(self, function: Callable[..., T], *arguments: Any) -> T | None:
        """Call it; where the estimator refuses, the video is given up."""
        if self.work.failure is not None:
            return None
        try:
            return function(*arguments)
        except UserError as error:
            self.work.give_up(error)
            return None

    def _encode(self) -> None:
        steps, frames = zip(*self._frames, strict=True) if self._frames else ((), ())
        self._frames = []
        encoded = self._within_memory(self._estimator.encode, frames)
        for step, one in zip(steps, (one for several in encoded for one in several), strict=True):
            self._units += self._window.add(step, one)

    def _estimate(self, units: Sequence[Ready]) -> Tensor:
        """Flow of all directions of the units, (N, 2, H, W) float32, on the device."""
        pairs = [pair for _, of_unit in units for pair in of_unit]
        flows = self._within_memory(self._estimator.estimate_pairs, pairs)
        return torch.cat([torch.as_tensor(flow) for flow in flows])

    def _within_memory(self, function: Callable[[list[Any]], T], items: Sequence[Any]) -> list[T]:
        """What the function gives for batches of the items, smaller ones where memory is short."""
        results: list[T] = []
        done = 0
        while done < len(items):
            batch = list(items[done : done + self._sizes[self.work.size]])
            try:
                results.append(function(batch))
            except torch.OutOfMemoryError:
                failed = True
            else:
                failed = False
                done += len(batch)
            if failed:  # outside of the handler, whose traceback keeps the batch's tensors alive
                torch.cuda.empty_cache()
                self._sizes.halve(self.work.size, len(batch))
        return results

    def _write(self, units: Sequence[Ready], flows: Tensor) -> Iterator[int]:
        """Quantize on the device, and let the writers take it from there."""
        directions = [direction for unit, _ in units for direction in unit]
        if len(directions) > len(units):
            flows = _agreed(flows)
        kept = [n for n, direction in enumerate(directions) if direction.wanted]
        (steps_per_pixel,) = {part.info.steps_per_pixel for part in self.work.parts.values()}
        steps, saturated = quantize_tensor(flows[kept], steps_per_pixel)
        arrival = _Arrival(steps, saturated)
        # Two batches, so that the device works on one while the other is compressed.
        self._writers.limit = 2 * len(kept)
        for position, n in enumerate(kept):
            yield from self._writers.submit(_stage, self.work, directions[n], arrival, position)


class _Arrival:
    """Quantized pairs on their way to the CPU."""

    def __init__(self, steps: Tensor, saturated: Tensor) -> None:
        # From a GPU this goes to pinned memory, and does not wait.
        self._steps = steps.to("cpu", non_blocking=True)
        self._saturated = saturated.to("cpu", non_blocking=True)
        self._event = None
        if steps.is_cuda:
            self._event = torch.cuda.Event()
            self._event.record()

    def __getitem__(self, position: int) -> tuple[Any, int]:
        """Wait for a pair; (2, H, W) int16, and its saturated pixels."""
        if self._event is not None:
            self._event.synchronize()
        return self._steps[position].numpy(), int(self._saturated[position])


def _stage(work: VideoWork, direction: Direction, arrival: _Arrival, position: int) -> int:
    work.parts[direction.gap].write(direction.t, *arrival[position])
    return 1


def _agreed(flows: Tensor) -> Tensor:
    """Flow there and back, in turn, without what they disagree about."""
    forward, backward = flows[0::2], flows[1::2]
    known = torch.stack([consistent(forward, backward), consistent(backward, forward)], 1)
    return flows.where(known.flatten(0, 1)[:, None], torch.nan)
