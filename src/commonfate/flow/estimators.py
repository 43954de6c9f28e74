"""Flow estimators: what they have in common, and making one of its name."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from commonfate.config import FlowSource
from commonfate.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

CLASSICAL = ("dis", "farneback")


class FlowEstimator(ABC):
    """Estimates flow from pairs of images."""

    name: str
    """As in the configuration: `dis`, `raft`."""
    weights_sha256: str | None = None
    """Hash of the file that the weights were read from; None for classical and random."""
    description: str
    """A line for tables: which estimator, weights, settings."""

    @property
    @abstractmethod
    def batch_size(self) -> int:
        """How many pairs at a time suit the estimator and its device."""

    @abstractmethod
    def estimate(self, images: "Tensor") -> "Tensor":
        """Estimate where each pixel of the first image of a pair is in the second.

        Pairs do not influence each other: a pair gives the same flow in any batch (to rounding).

        Args:
            images: (B, 2, 3, H, W), RGB, float in [0, 1] or uint8, on any device.

        Returns:
            (B, 2, H, W) float32 on the CPU, u then v, pixels of the input.

        Raises:
            UserError: the estimator cannot work on images of this size.
        """


def create(source: FlowSource, device: str = "cpu") -> FlowEstimator:
    """Make the estimator that a flow source names, with its weights.

    Args:
        source: any estimator but `truth`, which does not look at images (`flow.providers`).
        device: torch device for networks; classical estimators always run on the CPU.

    Raises:
        UserError: the estimator or its weights are unknown, cannot be loaded, or a setting does
            not fit it.
    """
    if source.estimator in CLASSICAL:
        from commonfate.flow import classical

        for setting in ("weights", "iterations"):
            if getattr(source, setting) is not None:
                raise UserError(
                    f"flow estimator {source.estimator}: it has no {setting}; leave it out"
                )
        return classical.create(source)
    if source.estimator == "truth":
        raise ValueError("truth is no estimator of images; see commonfate.flow.providers")
    from commonfate.flow import networks

    networks_known = networks.names()
    if source.estimator not in networks_known:
        known = [*CLASSICAL, "truth", *networks_known]
        hint = did_you_mean(source.estimator, known) or f"; known: {', '.join(known)}"
        raise UserError(f"flow estimator {source.estimator!r} is unknown{hint}")
    return networks.create(source, device)
