"""Flow networks of ptlflow."""

import contextlib
import functools
import inspect
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from commonfate.config import FlowSource
from commonfate.errors import UserError
from commonfate.flow import weights
from commonfate.flow.estimators import FlowEstimator

# What models call the number of their updates.
ITERATIONS = ("iters", "decoder_depth")


class Network(FlowEstimator):
    """A ptlflow model; it pads or resizes to its own stride and back."""

    def __init__(
        self, source: FlowSource, model: nn.Module, digest: str | None, device: str, version: str
    ) -> None:
        self.name = source.estimator
        self.weights_sha256 = digest
        learned = (
            f"random weights, seed {source.seed}" if digest is None else Path(source.weights).name
        )
        updates = f", {source.iterations} iterations" if source.iterations else ""
        self.description = f"{source.estimator} (ptlflow {version}, {learned}{updates})"
        self._model = model.eval().to(device)
        self._device = device

    @property
    def batch_size(self) -> int:
        return 1 if self._device == "cpu" else 8

    @torch.inference_mode()
    def estimate(self, images: Tensor) -> Tensor:
        size = tuple(images.shape[-2:])
        where = f"flow estimator {self.name}: frames of {size[0]}x{size[1]}"
        scale = 1 if images.is_floating_point() else 255
        # ptlflow's models take OpenCV's order of channels, BGR.
        prepared = (images.to(self._device).flip(2).float() / scale).contiguous()
        try:
            flows = self._model({"images": prepared})["flows"]
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).split("\n", 1)[0]
            raise UserError(f"{where} are too small, or it fails otherwise: {reason}") from error
        if flows.shape != (len(images), 1, 2, *size):
            raise UserError(
                f"{where} give {tuple(flows.shape)}; it does not work on pairs of frames"
            )
        flow = flows[:, 0].float().cpu()
        if not flow.isfinite().any():
            raise UserError(f"{where} give no finite flow; RAFT and its kin need 128 pixels a side")
        return flow


def names() -> list[str]:
    """Names of ptlflow's models."""
    return _ptlflow().get_model_names()


def create(source: FlowSource, device: str) -> Network:
    """Make a network of ptlflow with its weights.

    Raises:
        UserError: weights are missing or do not fit, the network has no setting `iterations`, or
            ptlflow cannot build it.
    """
    ptlflow = _ptlflow()
    reference = ptlflow.get_model_reference(source.estimator)
    published = getattr(reference, "pretrained_checkpoints", {})
    if source.weights is None:
        raise UserError(
            f"flow estimator {source.estimator}: weights are not set; "
            f"known: {', '.join([*published, 'random'])}, or a file"
        )
    options = _options(source, reference)
    if source.weights == "random":
        return Network(
            source, _build(source, reference, options), None, device, ptlflow.__version__
        )
    path = weights.locate(source.estimator, source.weights, published)
    model = _build(source, reference, options)
    return Network(source, model, weights.load(model, path), device, ptlflow.__version__)


def _options(source: FlowSource, reference: type[nn.Module]) -> dict[str, int]:
    """Arguments of the model's class that the source sets."""
    if source.iterations is None:
        return {}
    parameters = inspect.signature(reference).parameters
    for name in ITERATIONS:
        if name in parameters and isinstance(parameters[name].default, int):
            return {name: source.iterations}
    raise UserError(f"flow estimator {source.estimator}: it has no iterations to set; leave it out")


def _build(source: FlowSource, reference: type[nn.Module], options: dict[str, Any]) -> nn.Module:
    """Build the model with weights of the source's seed; torch's generator is left as it was."""
    with _quietly(), torch.random.fork_rng():
        torch.manual_seed(source.seed)
        try:
            return reference(**options)
        except (OSError, ImportError, AssertionError) as error:
            raise UserError(
                f"flow estimator {source.estimator}: ptlflow cannot build it ({error})"
            ) from error


@functools.cache
def _ptlflow() -> ModuleType:
    with _quietly():
        import ptlflow
    return ptlflow


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Hide what ptlflow and its models print, warn and log while imported and built."""
    from loguru import logger

    logger.disable("ptlflow")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        logger.enable("ptlflow")
