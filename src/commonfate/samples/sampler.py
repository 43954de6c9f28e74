"""Which samples make which batch: a pure function of seed and iteration.

Nothing is remembered between iterations, so a resumed run draws the batches of an unbroken one
without any state of the loader being stored, whatever the number of workers.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from commonfate.samples.index import Sample

# Streams of random numbers that must not meet.
_ORDER, _CHOICES = 0, 1


@dataclass(frozen=True, slots=True)
class SampleKey:
    """One use of a sample.

    Attributes:
        index: its place in the index.
        gap: of the flow, or from the frame to the other one of the pair.
        flip: mirrored or not.
        seed: of all else that the method draws, in [0, 2**63).
    """

    index: int
    gap: int
    flip: bool
    seed: int


@functools.lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng((seed, _ORDER, epoch)).permutation(count)


def batch(
    samples: Sequence[Sample], seed: int, iteration: int, size: int, flip: bool
) -> list[SampleKey]:
    """Draw the batch of one iteration.

    Samples are taken without replacement, epoch by epoch, in an order that is drawn anew for each;
    a batch may span two epochs. Each sample comes with one of its gaps, drawn evenly, and with a
    seed of its own.

    Args:
        samples: all samples.
        seed: seed of the run.
        iteration: counted from 0.
        size: samples a batch.
        flip: mirror each with probability 1/2; otherwise none.
    """
    generator = np.random.default_rng((seed, _CHOICES, iteration))
    which, mirrored = generator.random(size), generator.random(size)
    # Drawn last, so that the batches of earlier versions, which had no seeds, stay as they were.
    seeds = generator.integers(2**63, size=size)
    keys = []
    for slot in range(size):
        epoch, place = divmod(iteration * size + slot, len(samples))
        index = int(_order(len(samples), seed, epoch)[place])
        gaps = samples[index].gaps
        gap = gaps[int(which[slot] * len(gaps))]
        keys.append(SampleKey(index, gap, bool(flip and mirrored[slot] < 0.5), int(seeds[slot])))
    return keys


@dataclass(frozen=True)
class Batches:
    """Batches of iterations `start` to `stop` for one of several processes (a batch sampler).

    Process r of n takes every n-th sample of the batch, from the r-th.
    """

    samples: Sequence[Sample]
    seed: int
    size: int
    flip: bool
    start: int
    stop: int
    rank: int = 0
    processes: int = 1

    def __iter__(self) -> Iterator[list[SampleKey]]:
        for iteration in range(self.start, self.stop):
            whole = batch(self.samples, self.seed, iteration, self.size, self.flip)
            yield whole[self.rank :: self.processes]

    def __len__(self) -> int:
        return self.stop - self.start
