"""Reading training samples, in the loader's worker processes."""

import functools
from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.utils.data import Dataset

from commonfate.methods.base import TrainedMethod
from commonfate.samples.index import Sample
from commonfate.samples.sampler import SampleKey
from commonfate.storage.flow import open_reader
from commonfate.storage.frames import FrameReader

OPEN_STORES = 64


class SampleDataset(Dataset):
    """Map-style dataset from `SampleKey` to the tensors that a method makes of a sample.

    Stores are opened when first read, in the process that reads, and the `OPEN_STORES` used last
    stay open: a Zarr store that was opened before a fork would hang.
    """

    def __init__(self, samples: Sequence[Sample], method: TrainedMethod) -> None:
        self.samples = samples
        self.method = method
        self._open_lazily()

    def _open_lazily(self) -> None:
        self._frames = functools.lru_cache(OPEN_STORES)(FrameReader)
        self._flow = functools.lru_cache(OPEN_STORES)(open_reader)

    def __getstate__(self) -> dict[str, Any]:
        return {"samples": self.samples, "method": self.method}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open_lazily()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: SampleKey) -> dict[str, Tensor]:
        """Read a frame and the flow of one gap.

        Returns:
            What `method.prepare` makes of them.

        Raises:
            StoreError: a store is missing or damaged; the message names it.
        """
        sample = self.samples[key.index]
        frame = self._frames(sample.frame_store).read(sample.video, sample.t)
        flow = self._flow(sample.flow_store).read(sample.video, key.gap, sample.t)
        return self.method.prepare(frame, flow, key.flip)
