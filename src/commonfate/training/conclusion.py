"""What a method settles beside its weights: `conclude`, on samples of the training."""

import logging
import time
from collections.abc import Iterator, Sequence

import torch
from lightning.fabric import Fabric
from torch import nn

from commonfate.methods.base import TrainedMethod
from commonfate.samples.index import Sample, SampleIndex
from commonfate.samples.reader import SampleDataset
from commonfate.samples.sampler import SampleKey
from commonfate.training import randomness
from commonfate.training.loader import Batch, batches

log = logging.getLogger(__name__)
SAY_EVERY_S = 15.0


def conclude(
    method: TrainedMethod, network: nn.Module, index: SampleIndex, count: int, fabric: Fabric
) -> None:
    """Let a method settle its buffers, in evaluation mode and without gradients.

    Training goes on afterwards as if this had not been, dropout included.

    Args:
        method: what is trained.
        network: as the method built it, on its device, without DDP.
        index: samples of the training; not read unless the method asks.
        count: samples at most.
        fabric: knows the device, and among how many processes a batch is shared.

    Raises:
        UserError: a sample cannot be read.
    """
    with randomness.untouched(), torch.no_grad():
        network.eval()
        method.conclude(network, _batches(method, index, count, fabric))
        network.train()


def spread(samples: Sequence[Sample], count: int) -> list[SampleKey]:
    """At most `count` samples, evenly spread, in order, none mirrored, each with its first gap."""
    count = min(count, len(samples))
    places = [i * len(samples) // count for i in range(count)]
    return [SampleKey(place, samples[place].gaps[0], flip=False, seed=place) for place in places]


def _batches(
    method: TrainedMethod, index: SampleIndex, count: int, fabric: Fabric
) -> Iterator[Batch]:
    """The samples in batches as large as one process has them in training."""
    keys = spread(index.samples, count)
    size = method.settings.batch_size // fabric.world_size
    plan = [keys[start : start + size] for start in range(0, len(keys), size)]
    said = time.monotonic()
    # Read in this process: others would take as long to start.
    loaded = batches(SampleDataset(index.samples, method), plan, fabric, workers=0)
    for done, batch in enumerate(loaded):
        if time.monotonic() - said >= SAY_EVERY_S:
            log.info("settling what is no weight: batch %d of %d", done + 1, len(plan))
            said = time.monotonic()
        yield batch
