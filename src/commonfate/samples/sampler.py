"""Batches of samples as a pure function of seed and iteration.

The sampler has no state. So a resumed run draws the batches of an unbroken one, with any number of
workers, and no state of the loader is stored.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from commonfate.samples.index import Sample

# Independent streams of random numbers.
_ORDER, _CHOICES = 0, 1


@dataclass(frozen=True, slots=True)
class SampleKey:
    """One use of a sample.

    Attributes:
        index: number of its row in the index.
        gap: gap of the flow, or from the frame to the other frame of the pair.
        flip: True to mirror the sample left-right.
        seed: seed of all other random changes, in [0, 2**63).
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

    Samples are drawn without replacement, epoch by epoch; each epoch has its own order, and a batch
    may span two epochs. Each sample gets one of its gaps, all with equal probability, and a seed.

    Args:
        samples: all samples.
        seed: seed of the run.
        iteration: counted from 0.
        size: samples in a batch.
        flip: mirror each sample with probability 1/2; otherwise none.
    """
    generator = np.random.default_rng((seed, _CHOICES, iteration))
    which, mirrored = generator.random(size), generator.random(size)
    # Drawn last: another order would change all batches.
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
    """Batch sampler of iterations `start` to `stop` for one of several processes.

    Process r of n takes every n-th sample of each batch, from the r-th on.
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
