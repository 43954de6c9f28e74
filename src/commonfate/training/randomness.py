"""Random states of a process: seeded at the start, carried by the checkpoint."""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

log = logging.getLogger(__name__)


def seed(value: int) -> None:
    """Seed the global generators of Python, NumPy and torch (CPU and GPU)."""
    random.seed(value)
    np.random.seed(value % 2**32)  # noqa: NPY002 - libraries draw from the global generator
    torch.manual_seed(value)


def of_all_processes() -> list[dict[str, Any]]:
    """The states of the generators of every process, by rank; all processes must call it."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [_state()]
    states: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(states, _state())
    return states


def _state() -> dict[str, Any]:
    """Random states as types that `torch.load(weights_only=True)` can read."""
    state = np.random.get_state(legacy=False)  # noqa: NPY002
    numbers = state["state"]
    return {
        "python": random.getstate(),
        "numpy": [
            state["bit_generator"],
            numbers["key"].tolist(),
            numbers["pos"],
            state["has_gauss"],
            state["gauss"],
        ],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
    }


def restore(by_rank: list[dict[str, Any]], rank: int) -> None:
    """Put back the states of `of_all_processes`.

    A training that goes on with more processes, or on a GPU after a CPU, keeps the fresh seed where
    there is no saved state, and logs it.
    """
    if rank >= len(by_rank):
        log.warning("process %d had no part in the saved training; its seed is fresh", rank)
        return
    states = by_rank[rank]
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(tuple(states["numpy"]))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    if states["cuda"] is not None and torch.cuda.is_initialized():
        torch.cuda.set_rng_state(states["cuda"])
    elif torch.cuda.is_initialized():
        log.warning("saved on a CPU, going on on a GPU; the GPU's seed is fresh")


@contextmanager
def untouched() -> Iterator[None]:
    """Put back, at the end, the random states of this process as they are now."""
    before = _state()
    try:
        yield
    finally:
        restore([before], rank=0)


@contextmanager
def deterministic(enabled: bool) -> Iterator[None]:
    """Let torch choose algorithms that give equal bits in every run, where it has them."""
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    if enabled:
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
