"""Batches of samples as a pure function of seed and iteration.

The sampler has no state. So a resumed run draws the batches of an unbroken one, with any number of
workers, and no state of the loader is stored.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from commonfate.samples.index import Sample

Order = Literal["samples", "videos", "any_video"]
"""Order in which samples are drawn: each once an epoch; of each video one at random once an epoch;
or one at random of a video at random."""
# Independent streams of random numbers: those of the samples, and those of the ones beside them.
_ORDER, _CHOICES = 0, 1
_STREAMS = 2


@dataclass(frozen=True, slots=True)
class SampleKey:
    """One use of a sample.

    Attributes:
        index: number of its row in the index.
        gap: gap of the flow, or from the frame to the other frame of the pair.
        flip: True to mirror the sample left-right.
        seed: seed of all other random changes, in [0, 2**63).
        beside: the use of a sample of a second index that is read beside it; or None.
    """

    index: int
    gap: int
    flip: bool
    seed: int
    beside: "SampleKey | None" = None


@functools.lru_cache(maxsize=4)
def _order(count: int, seed: int, stream: int, epoch: int) -> np.ndarray:
    return np.random.default_rng((seed, stream, epoch)).permutation(count)


@dataclass(frozen=True)
class Pool:
    """Samples of one index, and the order in which they are drawn."""

    samples: Sequence[Sample]
    order: Order = "samples"

    @cached_property
    def _videos(self) -> list[np.ndarray]:
        """Numbers of the samples of each video, in the order of the index."""
        numbers: dict[tuple[str, str], list[int]] = {}
        for number, sample in enumerate(self.samples):
            numbers.setdefault((sample.dataset, sample.video), []).append(number)
        return [np.array(own) for own in numbers.values()]

    def draw(
        self, seed: int, iteration: int, size: int, flip: bool, second: bool = False
    ) -> list[SampleKey]:
        """Draw the samples of one iteration, see `batch`.

        Args:
            seed: seed of the run.
            iteration: counted from 0.
            size: number of samples.
            flip: mirror each sample with probability 1/2; otherwise none.
            second: draw samples that lie beside others, independently of these.
        """
        streams = _STREAMS if second else 0
        generator = np.random.default_rng((seed, streams + _CHOICES, iteration))
        which, mirrored = generator.random(size), generator.random(size)
        # Drawn after these, in this order: another one would change all batches.
        seeds = generator.integers(2**63, size=size)
        numbers = self._numbers(seed, streams + _ORDER, iteration, size, generator)
        keys = []
        for slot, number in enumerate(numbers):
            gaps = self.samples[number].gaps
            gap = gaps[int(which[slot] * len(gaps))]
            mirror = bool(flip and mirrored[slot] < 0.5)
            keys.append(SampleKey(number, gap, mirror, int(seeds[slot])))
        return keys

    def _numbers(
        self, seed: int, stream: int, iteration: int, size: int, generator: np.random.Generator
    ) -> list[int]:
        """Numbers of the samples."""
        if self.order == "samples":
            return _once_an_epoch(len(self.samples), seed, stream, iteration, size)
        videos = self._videos
        if self.order == "videos":
            chosen = _once_an_epoch(len(videos), seed, stream, iteration, size)
        else:
            chosen = generator.integers(len(videos), size=size).tolist()
        places = generator.random(size)
        return [
            int(videos[video][int(place * len(videos[video]))])
            for video, place in zip(chosen, places, strict=True)
        ]


def _once_an_epoch(count: int, seed: int, stream: int, iteration: int, size: int) -> list[int]:
    """The part of an endless row of permutations that an iteration takes."""
    places = [divmod(iteration * size + slot, count) for slot in range(size)]
    return [int(_order(count, seed, stream, epoch)[place]) for epoch, place in places]


def batch(
    samples: Sequence[Sample] | Pool,
    seed: int,
    iteration: int,
    size: int,
    flip: bool,
    beside: Pool | None = None,
) -> list[SampleKey]:
    """Draw the batch of one iteration.

    Samples are drawn without replacement, epoch by epoch; each epoch has its own order, and a batch
    may span two epochs. Each sample gets one of its gaps, all with equal probability, and a seed.

    Args:
        samples: all samples; a pool may have another order.
        seed: seed of the run.
        iteration: counted from 0.
        size: samples in a batch.
        flip: mirror each sample with probability 1/2; otherwise none.
        beside: samples of a second index, of which each sample gets one, independently of it.
    """
    pool = samples if isinstance(samples, Pool) else Pool(samples)
    keys = pool.draw(seed, iteration, size, flip)
    if beside is None:
        return keys
    others = beside.draw(seed, iteration, size, flip, second=True)
    return [replace(key, beside=other) for key, other in zip(keys, others, strict=True)]


@dataclass(frozen=True)
class Batches:
    """Batch sampler of iterations `start` to `stop` for one of several processes.

    Process r of n takes every n-th sample of each batch, from the r-th on.
    """

    samples: Sequence[Sample] | Pool
    seed: int
    size: int
    flip: bool
    start: int
    stop: int
    rank: int = 0
    processes: int = 1
    beside: Pool | None = None

    def __iter__(self) -> Iterator[list[SampleKey]]:
        for iteration in range(self.start, self.stop):
            whole = batch(self.samples, self.seed, iteration, self.size, self.flip, self.beside)
            yield whole[self.rank :: self.processes]

    def __len__(self) -> int:
        return self.stop - self.start
