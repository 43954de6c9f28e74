"""Interface between a training and the loop that runs it.

`training.session` trains methods and flow networks alike, each through a `TrainingTask` and a
`training.data.TrainingData`. A teacher that follows by a moving average, prototypes and a centre
are frozen parameters and buffers of the network, so checkpoints, resumed trainings and several
processes handle them like weights.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer

FINALIZE_SAMPLES = 1000
"""Largest number of samples for `TrainingTask.finalize`."""


class Recipe(Protocol):
    """Settings that the loop itself reads."""

    @property
    def iterations(self) -> int:
        """Number of optimiser steps."""

    @property
    def batch_size(self) -> int:
        """Samples per step, over all processes."""

    @property
    def clip_norm(self) -> float | None:
        """Largest 2-norm of the gradient; None does not clip it."""

    @property
    def snapshots(self) -> int:
        """Number of evenly spaced snapshots."""


class TrainingTask(ABC):
    """A network, its loss, its optimiser and their schedules; keeps no state between calls.

    All state is in the network and the optimiser, so a resumed training is the same to the bit.
    Iterations are optimiser steps, counted from 0.
    """

    settings: Recipe
    clips_each_tensor: ClassVar[bool] = False
    """True if `clip_norm` limits the gradient of each parameter by itself (DINO), not the whole."""

    @abstractmethod
    def build(self, pretrained: bool = True) -> nn.Module:
        """Make the network, freshly initialised from torch's global generator.

        Args:
            pretrained: True to start from the weights that the settings name, if any, fetched if
                need be; False if the weights of a checkpoint are loaded anyway.

        Raises:
            UserError: the weights cannot be fetched, or do not fit.
        """

    @abstractmethod
    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        """Scalars of one batch, for the log; that named `loss` is minimised.

        Args:
            model: the network that `build` made, in training mode, perhaps wrapped for DDP.
            batch: stacked samples, on the model's device.
            iteration: optimiser step, for losses with a schedule.
        """

    @abstractmethod
    def optimiser(self, model: nn.Module) -> Optimizer:
        """Make the optimiser.

        Before every step its groups get the `learning_rate`, times their `factor` if any, and the
        `weight_decay`, unless they have `decay: False`. Groups with `starts_at` do not change
        before that iteration.
        """

    @abstractmethod
    def learning_rate(self, iteration: int) -> float:
        """Learning rate of a step."""

    def weight_decay(self, iteration: int) -> float | None:
        """Weight decay of a step; None: that of the optimiser's groups."""
        return None

    def after_step(self, model: nn.Module, iteration: int) -> None:  # noqa: B027 - a hook
        """Update parameters and buffers that follow the weights without a gradient, e.g. a teacher.

        Not called if the optimiser skipped the step because 16-bit gradients overflowed.

        Args:
            model: the network without DDP.
            iteration: the step before the call.
        """

    def check_losses(self, terms: Mapping[str, float]) -> str | None:
        """Describe a failure from which training cannot recover, so that it stops.

        Args:
            terms: the scalars of `loss`, all finite.

        Returns:
            The failure and a remedy; None without a failure.
        """
        return None

    def is_measured(self, iteration: int) -> bool:
        """True if `measure` is due before the first step (0), or after this number of steps."""
        return False

    def measure(self, model: nn.Module, iteration: int) -> dict[str, dict[str, float]]:
        """Measurements for the log beside the loss, by name, where `is_measured`.

        Random states are put back afterwards.
        """
        return {}

    def finalize(  # noqa: B027 - a hook
        self, model: nn.Module, batches: Iterable[dict[str, Tensor]]
    ) -> None:
        """Set the buffers that are not trained, for each snapshot and at the end.

        Args:
            model: in evaluation mode, on its device; gradients are off.
            batches: training samples, each once, in order, none mirrored; at most
                `FINALIZE_SAMPLES` samples, fewer for snapshots before the last, evenly spread.
                A batch is read when it is requested.
        """

    def kept(self, model: nn.Module) -> dict[str, Tensor]:
        """Weights that a snapshot contains; all by default."""
        return model.state_dict()
