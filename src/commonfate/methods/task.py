"""The contract between what is learned and the loop that trains it.

`training.session` drives the methods' trainings and those of flow networks alike, each through a
`TrainingTask` and a `training.data.TrainingData`. A teacher that follows by a moving average,
prototypes, or a centre are frozen parameters and buffers of the network: checkpoints, resumed
trainings and several processes then need nothing of their own for them.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer

FINALIZE_SAMPLES = 1000


class Recipe(Protocol):
    """The settings that the loop itself reads."""

    @property
    def iterations(self) -> int:
        """Number of optimiser steps."""

    @property
    def batch_size(self) -> int:
        """Samples a step, over all processes."""

    @property
    def clip_norm(self) -> float | None:
        """Largest 2-norm of the gradient; None does not clip it."""

    @property
    def snapshots(self) -> int:
        """Number of evenly spaced sets of weights that are kept."""


class TrainingTask(ABC):
    """A network, its loss, its optimiser and their schedules; keeps no state between the calls.

    All state is the network's and the optimiser's, so a training goes on from a checkpoint to the
    bit. Iterations are optimiser steps, counted from 0.
    """

    settings: Recipe
    clips_each_tensor: ClassVar[bool] = False
    """True if `clip_norm` bounds the gradient of each parameter by itself (DINO), not the whole."""

    @abstractmethod
    def build(self, pretrained: bool = True) -> nn.Module:
        """Make the network, freshly initialised from torch's global generator.

        Args:
            pretrained: start from the weights that the settings name, if any, which may fetch
                them; False where weights of a checkpoint are put in anyway.

        Raises:
            UserError: the weights cannot be fetched, or do not fit.
        """

    @abstractmethod
    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        """Scalars to log of one batch; the one under `loss` is minimised.

        Args:
            model: what `build` made, in training mode, perhaps wrapped for DDP.
            batch: stacked samples, on the model's device.
            iteration: for losses with a schedule.
        """

    @abstractmethod
    def optimiser(self, model: nn.Module) -> Optimizer:
        """Make the optimiser.

        Before every step its groups get the `learning_rate`, times their `factor` if they have one,
        and the `weight_decay`, unless they say `decay: False`.
        """

    @abstractmethod
    def learning_rate(self, iteration: int) -> float:
        """Learning rate of a step."""

    def weight_decay(self, iteration: int) -> float | None:
        """Weight decay of a step; None leaves the optimiser's own."""
        return None

    def after_step(self, model: nn.Module, iteration: int) -> None:  # noqa: B027 - a hook
        """Update what follows the weights without a gradient, e.g. a teacher.

        Not called where the optimiser skipped the step, because 16-bit gradients overflowed.

        Args:
            model: the network without DDP.
            iteration: the step that was taken.
        """

    def check_losses(self, terms: Mapping[str, float]) -> str | None:
        """Describe a failure that training cannot recover from, so that it stops.

        Args:
            terms: the scalars of `loss`, all finite.

        Returns:
            The failure and what to do about it; None if there is none.
        """
        return None

    def measure(self, model: nn.Module, iteration: int) -> dict[str, dict[str, float]]:
        """Measurements for the log beside the loss, by name; usually none.

        Called before the first step, with iteration 0, and after each step, with the number of
        steps taken. Random states are put back afterwards.
        """
        return {}

    def finalize(  # noqa: B027 - a hook
        self, model: nn.Module, batches: Iterable[dict[str, Tensor]]
    ) -> None:
        """Set the buffers that are not trained, for each snapshot and at the end.

        Args:
            model: in evaluation mode, on its device; gradients are off.
            batches: of the training samples, each once, in order, none mirrored; at most
                `FINALIZE_SAMPLES` samples, fewer for snapshots before the last, evenly spread.
                They are read when they are asked for.
        """

    def kept(self, model: nn.Module) -> dict[str, Tensor]:
        """Weights that a snapshot keeps; all by default."""
        return model.state_dict()
