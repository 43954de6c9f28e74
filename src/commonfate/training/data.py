"""Batches of a training: a pure function of seed and iteration."""

import logging
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from commonfate.base.errors import ConfigError, UserError
from commonfate.base.processes import shielded
from commonfate.methods.base import TrainedMethod
from commonfate.samples import sampler
from commonfate.samples.index import Sample
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import Pool, SampleKey

if TYPE_CHECKING:  # workers import this module, and would wait seconds for Lightning
    from lightning.fabric import Fabric

log = logging.getLogger(__name__)
Batch = dict[str, Tensor]
SECONDS_BETWEEN_LINES = 15.0


class TrainingData(Protocol):
    """Data that a session reads: nothing is remembered between iterations.

    So a resumed training reads the batches of an unbroken one.
    """

    def batches(
        self, seed: int, start: int, stop: int, fabric: "Fabric", workers: int
    ) -> Iterator[Batch]:
        """This process's share of the batches of iterations `start` to `stop`, on its device.

        Args:
            seed: of the training.
            start: first iteration, counted from 0.
            stop: the iteration after the last.
            fabric: knows the device, the rank, and the number of processes.
            workers: processes that read ahead; 0 reads between the steps.

        Raises:
            UserError: a sample cannot be read.
        """

    def spread(self, count: int, fabric: "Fabric") -> Iterator[Batch]:
        """Batches of at most `count` samples, evenly spread, in order, none mirrored."""

    def describe(self, seed: int, iteration: int) -> str:
        """Contents of a batch whose loss is not finite, and what to try: a sentence or two."""


class SampleData:
    """Samples of an index, as a method prepares them (see `TrainingData`)."""

    def __init__(
        self, method: TrainedMethod, samples: Sequence[Sample], beside: Sequence[Sample] = ()
    ) -> None:
        """Check that samples and method fit.

        Args:
            method: prepares the samples.
            samples: samples of one index.
            beside: samples of a second index, if the method learns from one beside each.

        Raises:
            ConfigError: the method learns from other kinds of samples, or lacks the second index.
        """
        self._settings = settings = method.settings
        _check_beside(settings.method, settings.learns_beside, beside)
        self._samples = Pool(samples, settings.order)
        self._beside = Pool(beside) if beside else None
        self._dataset = SampleDataset(samples, method, beside)

    def batches(
        self, seed: int, start: int, stop: int, fabric: "Fabric", workers: int
    ) -> Iterator[Batch]:
        plan = sampler.Batches(
            self._samples,
            seed,
            self._settings.batch_size,
            self._settings.flip,
            start,
            stop,
            fabric.global_rank,
            fabric.world_size,
            self._beside,
        )
        return load(self._dataset, plan, fabric, workers)

    def spread(self, count: int, fabric: "Fabric") -> Iterator[Batch]:
        """Batches as large as one process has them in training."""
        keys = evenly_spread(self._samples.samples, count)
        if self._beside is not None:
            others = evenly_spread(self._beside.samples, len(keys))
            keys = [
                replace(key, beside=others[place % len(others)]) for place, key in enumerate(keys)
            ]
        size = self._settings.batch_size // fabric.world_size
        plan = [keys[start : start + size] for start in range(0, len(keys), size)]
        last_line = time.monotonic()
        # Read in this process: others would take as long to start.
        for done, batch in enumerate(load(self._dataset, plan, fabric, workers=0)):
            if time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
                log.info("finalizing: batch %d of %d", done + 1, len(plan))
                last_line = time.monotonic()
            yield batch

    def describe(self, seed: int, iteration: int) -> str:
        size, flip = self._settings.batch_size, self._settings.flip
        keys = sampler.batch(self._samples, seed, iteration, size, flip, self._beside)
        names = ", ".join(self._name(key) for key in keys)
        return f"Its batch: {names}. Look at these samples, or lower learning_rate"

    def _name(self, key: SampleKey) -> str:
        name = str(self._samples.samples[key.index]) + (f" gap {key.gap}" if key.gap else "")
        if key.beside is None or self._beside is None:
            return name
        return f"{name} beside {self._beside.samples[key.beside.index]}"


def _check_beside(method: str, kind: str | None, beside: Sequence[Sample]) -> None:
    if kind is None and beside:
        raise ConfigError(
            f"--beside: {method} with these settings learns from one index alone; leave it out"
        )
    if kind is not None and not beside:
        raise ConfigError(
            f"method {method} learns from two samples at a time; name the index of the second with "
            f"--beside; make it with `commonfate samples --learns-from {kind}`"
        )
    if beside and beside[0].learns_from != kind:
        raise ConfigError(
            f"--beside: {beside[0]} is a sample with {beside[0].learns_from}, but beside its "
            f"samples {method} learns from {kind}; make the index with `commonfate samples "
            f"--learns-from {kind}`"
        )


def evenly_spread(samples: Sequence[Sample], count: int) -> list[SampleKey]:
    """At most `count` samples, evenly spread, in order, none mirrored, each with its first gap."""
    count = min(count, len(samples))
    places = [i * len(samples) // count for i in range(count)]
    return [SampleKey(place, samples[place].gaps[0], flip=False, seed=place) for place in places]


def load(
    dataset: Dataset, plan: Iterable[list[Any]], fabric: "Fabric", workers: int
) -> Iterator[Batch]:
    """Yield the planned batches, on the device, in order.

    Args:
        dataset: reads and prepares samples; its `UserError`s are raised here.
        plan: keys of the dataset, a list for each batch.
        fabric: knows the device.
        workers: processes that read ahead, two batches each; 0 reads in this process.

    Raises:
        UserError: a sample cannot be read.
    """
    loader = DataLoader(
        _Guarded(dataset),
        batch_sampler=plan,
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=fabric.device.type == "cuda",
        worker_init_fn=_one_thread,
        # Zarr's event loop does not survive a fork; forkserver would get Slurm's SIGTERM, too.
        multiprocessing_context="spawn" if workers else None,
        # Otherwise the loader draws from the global generator, and a resumed run would differ.
        generator=torch.Generator(),
    )
    # They are interrupted or cancelled along with this process, which decides when to end.
    with shielded(signal.SIGINT, signal.SIGTERM):
        batches = iter(loader)
    for batch in batches:
        if isinstance(batch, UserError):
            raise batch
        yield fabric.to_device(batch)


class _Guarded(Dataset):
    """A dataset that returns a user's mistake: the loader would wrap it into a traceback."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def __getitem__(self, key: Any) -> Batch | UserError:
        try:
            return self._dataset[key]
        except UserError as error:
            return error


def _collate(items: list[Any]) -> Batch | UserError:
    failed = [item for item in items if isinstance(item, UserError)]
    return failed[0] if failed else default_collate(items)


def _one_thread(_worker: int) -> None:
    """A worker is one thread of work; torch sees to its own."""
    cv2.setNumThreads(1)
