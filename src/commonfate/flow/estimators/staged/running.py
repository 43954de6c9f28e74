"""Running the two stages: precision, memory layout, compilation.

At every precision, images are prepared, flow is summed and points are sampled in float32. For
float32, torch's defaults hold: on recent GPUs convolutions multiply in TF32 (10 bits of mantissa);
matrix products, such as RAFT's correlation, do not.
"""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from commonfate.base import arithmetic
from commonfate.flow.estimators.staged.base import Features, Staged
from commonfate.flow.settings import FlowSource

log = logging.getLogger(__name__)

VARIANTS = 256
"""Largest number of compiled shapes: frame sizes times batch sizes in a process.

The last batch of a video is smaller. Above its default limit torch would silently not compile.
"""


class Runner:
    """The stages on a device, with the settings of a flow source."""

    def __init__(self, staged: Staged, source: FlowSource, device: str) -> None:
        # Parameters keep requires_grad, without which autocast would not cache their 16-bit copies.
        self.staged = staged.eval().to(device)
        self.device = torch.device(device)
        self._channels_last = source.channels_last
        if source.channels_last:
            self.staged.to(memory_format=torch.channels_last)
        self._type = getattr(torch, source.precision)
        if self._type == torch.float16 and self.device.type == "cpu":
            log.warning("precision float16: CPUs are up to a hundred times slower; use bfloat16")
        if self._type == torch.bfloat16:
            arithmetic.warn_if_imitated("precision bfloat16", device, "float32")
        self._compiled = source.compile
        plain = (self.staged.encode, self.staged.decode)
        self._encode, self._decode = self.staged.compiled() if source.compile else plain

    def rows(self, count: int) -> int:
        """Batch size to run for this number of rows: a power of two if compiled."""
        return 1 << (count - 1).bit_length() if self._compiled else count

    def encode(self, images: Tensor) -> tuple[Features, Any]:
        """Run the stage of frames, (B, 3, H, W) float32 BGR in [0, 1].

        Returns:
            The features, and the resizer with which `decode` undoes the padding.
        """
        # Outside autocast: images are normalised and padded in float32.
        images, resizer = self.staged.prepare(images)
        return self._run(self._encode, self._laid_out(images)), resizer

    def decode(self, first: Features, second: Features, resizer: Any) -> Tensor:
        """Run the stage of pairs: flow (B, 2, H, W) float32, pixels."""
        first, second = (tuple(map(self._laid_out, frame)) for frame in (first, second))
        flow = self._run(self._decode, first, second)
        return self.staged.restore(flow.float(), resizer)

    def _laid_out(self, tensor: Tensor) -> Tensor:
        layout = torch.channels_last if self._channels_last else torch.contiguous_format
        return tensor.contiguous(memory_format=layout)

    def _run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        narrow = self._type != torch.float32
        limits: dict[str, Any] = {"recompile_limit": VARIANTS, "fail_on_recompile_limit_hit": True}
        with (
            torch.autocast(self.device.type, self._type) if narrow else nullcontext(),
            torch._dynamo.config.patch(limits) if self._compiled else nullcontext(),
        ):
            return work(*arguments)


def describe(source: FlowSource, device: str) -> list[str]:
    """Words for precision, layout and compilation that differ from plain float32."""
    words: list[str] = []
    if source.precision != "float32":
        words.append(source.precision)
    elif torch.device(device).type == "cuda" and torch.backends.cudnn.allow_tf32:
        words.append("float32 with TF32 convolutions")
    words += ["channels-last"] if source.channels_last else []
    return [*words, "compiled"] if source.compile else words
