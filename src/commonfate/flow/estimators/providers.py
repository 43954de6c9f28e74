"""Flow providers by the flow source that names them."""

import cv2

from commonfate.flow.estimators import registry
from commonfate.flow.estimators.provider import FlowProvider
from commonfate.flow.settings import FlowSource


def runs_on_gpu(source: FlowSource) -> bool:
    """True if the source is a network."""
    return source.estimator not in (*registry.CLASSICAL, "truth")


def limit_threads(threads: int, source: FlowSource) -> None:
    """Let OpenCV, and torch where the source needs it, use so many CPU threads."""
    cv2.setNumThreads(threads)
    if runs_on_gpu(source) or source.consistency:
        import torch

        torch.set_num_threads(threads)


def create(source: FlowSource, device: str, batch_size: int | None = None) -> FlowProvider:
    """Make the provider that a flow source names; arguments and errors as `registry.create`."""
    if source.estimator == "truth":
        from commonfate.flow.estimators.truth import Truth

        return Truth(source)
    return FlowProvider(registry.create(source, device), batch_size, source.consistency)
