"""A ptlflow model as a flow estimator."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ptlflow
import torch
from torch import Tensor, nn
from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

from commonfate.base.errors import UserError
from commonfate.flow.estimators.base import FlowEstimator, check_frames
from commonfate.flow.estimators.staged import Features, running, stage
from commonfate.flow.settings import FlowSource

ON_GPU = 8
"""Frames or pairs in a call on a GPU, for an unknown frame size."""
MOST = 32
"""Largest number of pairs in a call, however large the memory."""
SHARE = 0.7
"""Share of the free memory for pairs; encoded frames and fragmentation need the rest."""


@dataclass(frozen=True)
class Encoded:
    """A frame on the device."""

    size: tuple[int, int]
    features: Features
    resizer: Any


class Network(FlowEstimator):
    """Encodes frames and estimates pairs in batches, on one device.

    Attributes:
        model: the ptlflow model with its weights, on the device, in evaluation mode.
    """

    def __init__(
        self, source: FlowSource, model: nn.Module, digest: str | None, device: str
    ) -> None:
        """`model` has its weights; `digest` is the hash of their file, None if they are random."""
        self.name = source.estimator
        self.weights_sha256 = digest
        self.description = _description(source, digest, device)
        self.device = device
        self.model = model
        self._runner = running.Runner(stage(model), source, device)
        self._batches: dict[tuple[int, int], int] = {}
        self._sizes_that_work: set[tuple[int, int]] = set()

    @property
    def batch_size(self) -> int:
        # On the CPU a batch of two takes twice as long as a single pair.
        return ON_GPU if self._on_gpu else 1

    @property
    def _on_gpu(self) -> bool:
        return self._runner.device.type == "cuda"

    def encode(self, frames: Sequence[np.ndarray]) -> list[Encoded]:
        size = check_frames(frames)
        encoded = []
        for start in range(0, len(frames), self.batch_size):
            batch = frames[start : start + self.batch_size]
            images = self._upload(self._filled(batch))
            with self._explained(size):
                features, resizer = self._runner.encode(images)
            rows = zip(*(feature[: len(batch)] for feature in features), strict=True)
            encoded += [Encoded(size, row, resizer) for row in rows]
        return encoded

    def estimate_pairs(self, pairs: Sequence[tuple[Encoded, Encoded]]) -> Tensor:
        size = _common_size(pairs)
        with self._explained(size):
            batch = _stacked(self._filled(pairs))
            flow = self._runner.decode(*batch, pairs[0][0].resizer)[: len(pairs)]
        # Only once for each size, since reading the flow waits for the device.
        if size not in self._sizes_that_work:
            if not flow.isfinite().any():
                raise UserError(
                    f"{self._subject(size)} give no finite flow; "
                    "RAFT and its kin need 128 pixels a side"
                )
            self._sizes_that_work.add(size)
        return flow

    def suitable_batch(self, height: int, width: int) -> int:
        """Number of pairs that fit into the memory that is free at the first call for a size."""
        if not self._on_gpu:
            return self.batch_size
        size = (height, width)
        if size not in self._batches:
            try:
                # Compiling for a single pair would not pay.
                with torch.compiler.set_stance("force_eager"):
                    needed = self._memory_of_a_pair(size)
            except torch.OutOfMemoryError:
                return 1
            free, _ = torch.cuda.mem_get_info(self._runner.device)
            free += torch.cuda.memory_reserved(self.device)
            free -= torch.cuda.memory_allocated(self.device)
            most = int(np.clip(SHARE * free / needed, 1, MOST))
            # The runner pads batches: take the padded size if it fits, else half of it.
            fitting = self._runner.rows(most)
            self._batches[size] = fitting if fitting <= most else fitting // 2
        return self._batches[size]

    def _memory_of_a_pair(self, size: tuple[int, int]) -> int:
        """Peak bytes of estimating a pair, measured with two black frames."""
        black = np.zeros((*size, 3), np.uint8)
        pair = tuple(self.encode([black, black]))
        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        with self._explained(size):
            self._runner.decode(*_stacked([pair]), pair[0].resizer)
        return max(torch.cuda.max_memory_allocated(self.device) - before, 1)

    def _filled(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Pad a batch to the runner's size by repeating the last row."""
        return [*rows, *[rows[-1]] * (self._runner.rows(len(rows)) - len(rows))]

    def _upload(self, frames: Sequence[np.ndarray]) -> Tensor:
        """Convert frames to ptlflow's input: (B, 3, H, W) float32, BGR in [0, 1], on the device."""
        stacked = torch.from_numpy(np.stack(frames))
        if self._on_gpu:
            stacked = stacked.pin_memory().to(self.device, non_blocking=True)
        return stacked.flip(3).permute(0, 3, 1, 2).contiguous().float() / 255

    def _subject(self, size: tuple[int, int]) -> str:
        return f"flow estimator {self.name}: frames of {size[0]}x{size[1]}"

    @contextmanager
    def _explained(self, size: tuple[int, int]) -> Iterator[None]:
        """Run without gradients; turn the network's exceptions into a UserError of one line."""
        try:
            with torch.inference_mode():
                yield
        except (TorchDynamoException, FailOnRecompileLimitHit) as error:
            raise UserError(
                f"{self._subject(size)}: compile: torch.compile fails ({_first_line(error)}); "
                "set compile to false"
            ) from error
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, ArithmeticError) as error:
            raise UserError(
                f"{self._subject(size)} are too small, or it fails otherwise: {_first_line(error)}"
            ) from error


def _description(source: FlowSource, digest: str | None, device: str) -> str:
    learned = f"random weights, seed {source.seed}" if digest is None else Path(source.weights).name
    updates = [f"{source.iterations} iterations"] if source.iterations else []
    parts = [f"ptlflow {ptlflow.__version__}", learned, *updates, *running.describe(source, device)]
    return f"{source.estimator} ({', '.join(parts)})"


def _common_size(pairs: Sequence[tuple[Encoded, Encoded]]) -> tuple[int, int]:
    sizes = {frame.size for pair in pairs for frame in pair}
    if len(sizes) != 1:
        listed = ", ".join(f"{height}x{width}" for height, width in sorted(sizes)) or "no pairs"
        raise ValueError(f"pairs must be of frames of one size, found {listed}")
    return sizes.pop()


def _stacked(pairs: Sequence[tuple[Encoded, Encoded]]) -> Iterator[Features]:
    """Features of all first frames, then of all second frames, each tensor (B, ...)."""
    for frames in zip(*pairs, strict=True):
        columns = zip(*(frame.features for frame in frames), strict=True)
        yield tuple(torch.stack(column) for column in columns)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
