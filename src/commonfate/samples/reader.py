"""Reading training samples, in the loader's worker processes."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from commonfate.datasets import class_labels
from commonfate.errors import ConfigError, StoreError, UserError
from commonfate.methods.base import Example, TrainedMethod
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
        """Note what to read.

        Args:
            samples: of one index, and so of one kind.
            method: prepares them.

        Raises:
            ConfigError: the samples are not what the method learns from.
        """
        wanted = method.settings.learns_from
        if samples and samples[0].learns_from != wanted:
            raise ConfigError(
                f"{samples[0]} is a sample with {samples[0].learns_from}, but the method learns "
                f"from {wanted}; index its samples with `commonfate samples --learns-from {wanted}`"
            )
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
        """Read a frame, and the flow of one gap, the frame a gap later, or its classes.

        Returns:
            What `method.prepare` makes of them.

        Raises:
            StoreError: a store or a label file is missing or damaged; the message names it.
            UserError: the method cannot learn from the sample; the message names it.
        """
        sample = self.samples[key.index]
        frame = self._frames(sample.frame_store).read(sample.video, sample.t)
        beside = self._beside(sample, key.gap, frame)
        try:
            return self.method.prepare(Example(frame, flip=key.flip, seed=key.seed, **beside))
        except UserError as error:
            raise UserError(f"{sample}: {error}") from error

    def _beside(self, sample: Sample, gap: int, frame: np.ndarray) -> dict[str, np.ndarray]:
        """What an example has beside its frame."""
        if sample.learns_from == "flow":
            return {"flow": self._flow(sample.flow_store).read(sample.video, gap, sample.t)}
        if sample.learns_from == "pairs":
            frames = self._frames(sample.frame_store)
            return {"other": frames.read(sample.video, sample.t + gap)}
        labels = class_labels.read(sample.labels)
        if labels.shape != frame.shape[:2]:
            raise StoreError(
                f"{sample.labels}: is {labels.shape[1]}x{labels.shape[0]}, but {sample} of "
                f"{sample.frame_store} is {frame.shape[1]}x{frame.shape[0]}; copy both again"
            )
        return {"labels": labels}
