"""Flow networks: those of ptlflow, and `arflow` of this package."""

import contextlib
import functools
import inspect
import io
import logging
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from commonfate.base.errors import UserError
from commonfate.flow.estimators import weights
from commonfate.flow.settings import FlowSource
from commonfate.weights import Asset

if TYPE_CHECKING:
    from commonfate.flow.estimators.staged.network import Network

ITERATIONS = ("iters", "decoder_depth")
"""Names that models give to their number of updates."""


def names() -> list[str]:
    """Names of ptlflow's models."""
    return _ptlflow().get_model_names()


def model_class(name: str) -> type[nn.Module]:
    """The class of a network that `names` lists."""
    return _ptlflow().get_model_reference(name)


def downloads() -> dict[str, Asset]:
    """Every file of weights that can be fetched, by name.

    Imports ptlflow, which takes seconds.
    """
    assets: dict[str, Asset] = {}
    for name in names():
        published = getattr(model_class(name), "pretrained_checkpoints", {})
        assets |= {asset.name: asset for asset in weights.downloads(name, published).values()}
    return assets | weights.listed()


def updates_argument(reference: type[nn.Module]) -> str | None:
    """Name of a model's argument for the number of updates; None without such an argument."""
    parameters = inspect.signature(reference).parameters
    for name in ITERATIONS:
        if name in parameters and isinstance(parameters[name].default, int):
            return name
    return None


def create(source: FlowSource, device: str) -> "Network":
    """Build a network with its weights.

    Args:
        source: names a network that `names` lists.
        device: torch device.

    Raises:
        UserError: weights are missing or do not fit, the network has no setting `iterations`, or
            ptlflow cannot build it.
    """
    reference = model_class(source.estimator)
    published = getattr(reference, "pretrained_checkpoints", {})
    if source.weights is None:
        listed = ", ".join(weights.names(source.estimator, published))
        raise UserError(
            f"flow estimator {source.estimator}: weights are not set; known: {listed}, or a file"
        )
    options = _options(source, reference)
    if source.weights == weights.RANDOM:
        model, digest = _build(source, reference, options), None
    else:
        path = weights.locate(source.estimator, source.weights, published)
        model = _build(source, reference, options)
        digest = weights.load(model, path)
    from commonfate.flow.estimators.staged.network import (
        Network,  # imports ptlflow, which is quiet by now
    )

    return Network(source, model, digest, device)


def _options(source: FlowSource, reference: type[nn.Module]) -> dict[str, int]:
    """Arguments of the model's class that follow from the source."""
    if source.iterations is None:
        return {}
    if (name := updates_argument(reference)) is None:
        raise UserError(
            f"flow estimator {source.estimator}: it has no iterations to set; leave it out"
        )
    return {name: source.iterations}


def _build(source: FlowSource, reference: type[nn.Module], options: dict[str, Any]) -> nn.Module:
    """Build the model with random weights; torch's generator keeps its state."""
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
    """Import ptlflow and register the networks of this package."""
    with _quietly():
        import ptlflow

        import commonfate.flow.estimators.arflow  # noqa: F401 - registers itself
    return ptlflow


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Hide the output, warnings and logs of ptlflow while it is imported and builds models."""
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
