"""Reading training samples, in the loader's worker processes."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from torch import Tensor
from torch.utils.data import Dataset

from commonfate.base.errors import ConfigError, UserError
from commonfate.samples.example import Example
from commonfate.samples.index import Sample
from commonfate.samples.kinds import KINDS
from commonfate.samples.sampler import SampleKey
from commonfate.storage.flow import open_reader
from commonfate.storage.flow_reader import FlowReader
from commonfate.storage.frames import FrameReader

OPEN_STORES = 64


class Preparer(Protocol):
    """The part of a method that reading samples needs."""

    settings: Any
    """`settings.learns_from` is the name of the kind of its samples."""

    def prepare(self, example: Example) -> dict[str, Tensor]:
        """Turn one sample into tensors."""


class _OpenStores:
    """Keeps the stores used last open.

    Each process opens its own: a Zarr store that was opened before a fork would hang.
    """

    def __init__(self) -> None:
        self._frames = functools.lru_cache(OPEN_STORES)(FrameReader)
        self._flow = functools.lru_cache(OPEN_STORES)(open_reader)

    def frames(self, path: str) -> FrameReader:
        return self._frames(path)

    def flow(self, path: str) -> FlowReader:
        return self._flow(path)


class SampleDataset(Dataset):
    """Map-style dataset from a `SampleKey` to the tensors that a method prepares."""

    def __init__(
        self, samples: Sequence[Sample], method: Preparer, beside: Sequence[Sample] = ()
    ) -> None:
        """Check that samples and method fit.

        Args:
            samples: samples of one index, and so of one kind.
            method: prepares the samples.
            beside: samples of a second index, to which keys may refer.

        Raises:
            ConfigError: the method learns from another kind of sample.
        """
        kind = method.settings.learns_from
        if samples and samples[0].learns_from != kind:
            raise ConfigError(
                f"{samples[0]} is a sample with {samples[0].learns_from}, but the method learns "
                f"from {kind}; index its samples with `commonfate samples --learns-from {kind}`"
            )
        self.samples = samples
        self.beside = beside
        self.method = method
        self._stores = _OpenStores()

    def __getstate__(self) -> dict[str, Any]:
        return {"samples": self.samples, "beside": self.beside, "method": self.method}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _stores=_OpenStores())

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: SampleKey) -> dict[str, Tensor]:
        """Read a sample.

        Returns:
            The tensors that `method.prepare` returns.

        Raises:
            StoreError: a store or another file is missing or damaged; the message names it.
            UserError: the method cannot learn from the sample; the message names it.
        """
        sample = self.samples[key.index]
        example = self._read(sample, key)
        if key.beside is not None:
            other = self._read(self.beside[key.beside.index], key.beside)
            example = replace(example, beside=other)
        try:
            return self.method.prepare(example)
        except UserError as error:
            raise UserError(f"{sample}: {error}") from error

    def _read(self, sample: Sample, key: SampleKey) -> Example:
        kind = KINDS[sample.learns_from].of_method(self.method.settings)
        frame = kind.frame(sample, key, self._stores)
        return kind.read(sample, key, frame, self._stores)
