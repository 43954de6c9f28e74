"""Sizes of batches, and what to do when the GPU's memory runs out."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from commonfate.base.errors import UserError
from commonfate.flow.estimators.provider import FlowProvider

log = logging.getLogger(__name__)
T = TypeVar("T")


class Batches:
    """Pairs at a time by frame size: as configured, or what suits; halved when memory runs out."""

    def __init__(self, provider: FlowProvider) -> None:
        self._provider = provider
        self._of_size: dict[tuple[int, int], int] = {}

    def __getitem__(self, size: tuple[int, int]) -> int:
        if size not in self._of_size:
            configured = self._provider.batch_size
            self._of_size[size] = configured or self._provider.estimator.suitable_batch(*size)
        return self._of_size[size]

    def apply(
        self, function: Callable[[list[Any]], T], items: Sequence[Any], size: tuple[int, int]
    ) -> list[T]:
        """Apply a function to batches of the items.

        Args:
            function: takes a list of items; may raise `torch.OutOfMemoryError`.
            items: frames or pairs.
            size: height and width of the frames.

        Returns:
            A result for each batch, in order.

        Raises:
            UserError: a single item is too much for the GPU's memory.
        """
        results: list[T] = []
        done = 0
        while done < len(items):
            batch = list(items[done : done + self[size]])
            try:
                results.append(function(batch))
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                failed = True
            else:
                failed = False
                done += len(batch)
            if failed:  # outside the handler, whose traceback keeps the batch's tensors alive
                self._halve(size, len(batch))
        return results

    def _halve(self, size: tuple[int, int], failed: int) -> None:
        import torch

        torch.cuda.empty_cache()
        if failed == 1:
            raise UserError(
                f"{self._provider.description}: the GPU's memory does not suffice for one pair of "
                f"frames of {size[0]}x{size[1]}; use --device cpu or a smaller network"
            )
        self._of_size[size] = (failed + 1) // 2
        log.warning(
            "the GPU's memory does not suffice for %d pairs; now %d", failed, self._of_size[size]
        )


def _is_out_of_memory(error: RuntimeError) -> bool:
    import torch  # only now: estimators on the CPU do without torch, whose import takes seconds

    return isinstance(error, torch.OutOfMemoryError)
