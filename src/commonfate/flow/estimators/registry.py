"""Flow estimators and providers by the flow source that names them."""

import cv2

from commonfate.base.errors import UserError, did_you_mean
from commonfate.flow.estimators.base import OF_NETWORKS, FlowEstimator, refuse
from commonfate.flow.estimators.provider import FlowProvider, Truth
from commonfate.flow.settings import FlowSource

CLASSICAL = ("dis", "farneback")
TRUTH = "truth"


def runs_on_gpu(source: FlowSource) -> bool:
    """True if the source is a network."""
    return source.estimator not in (*CLASSICAL, TRUTH)


def limit_threads(threads: int, source: FlowSource) -> None:
    """Set the CPU threads of OpenCV, and of torch where the source needs it."""
    cv2.setNumThreads(threads)
    if runs_on_gpu(source) or source.consistency:
        import torch

        torch.set_num_threads(threads)


def create_provider(source: FlowSource, device: str, batch_size: int | None = None) -> FlowProvider:
    """Make the provider that a flow source names.

    Args:
        source: any.
        device: torch device for networks.
        batch_size: pairs at a time, for networks; the others work on single pairs.

    Raises:
        UserError: see `create`.
    """
    if source.estimator == TRUTH:
        return Truth(source)
    batch_size = batch_size if runs_on_gpu(source) else None
    return FlowProvider(create(source, device), batch_size, source.consistency)


def create(source: FlowSource, device: str = "cpu") -> FlowEstimator:
    """Make the estimator that a flow source names, with its weights.

    Args:
        source: any estimator of images, i.e. not `truth`.
        device: torch device for networks; classical estimators always run on the CPU.

    Raises:
        UserError: the estimator or its weights are unknown, cannot be loaded, or a setting does
            not fit the estimator.
        ValueError: the source is `truth`.
    """
    if source.estimator in CLASSICAL:
        from commonfate.flow.estimators import classical

        refuse(source, OF_NETWORKS)
        return classical.create(source)
    if source.estimator == TRUTH:
        raise ValueError("truth is no estimator of images; see create_provider")
    from commonfate.flow.estimators import networks

    network_names = networks.names()
    if source.estimator not in network_names:
        names = [*CLASSICAL, TRUTH, *network_names]
        hint = did_you_mean(source.estimator, names) or f"; known: {', '.join(names)}"
        raise UserError(f"flow estimator {source.estimator!r} is unknown{hint}")
    return networks.create(source, device)
