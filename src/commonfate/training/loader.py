"""From samples to batches on the device."""

import signal
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from commonfate.base.errors import UserError
from commonfate.base.processes import shielded

if TYPE_CHECKING:  # workers import this module, and would wait seconds for Lightning
    from lightning.fabric import Fabric

Batch = dict[str, Tensor]


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
