"""A network, its optimiser, and one step of them."""

import math
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from commonfate.methods.task import TrainingTask
from commonfate.models.together import mean_over_processes
from commonfate.training.data import Batch

# Above every finite norm. Not infinity: torch would make NaN of all gradients whose norm overflows.
NO_CLIPPING = torch.finfo(torch.float32).max
# Not their subclasses: what those do beside normalising would be lost.
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Learner:
    """A task's network in training: its optimiser on its loss, the gradient's 2-norm clipped.

    A step has two halves, so that the caller sees the loss before the weights change.

    Where processes share a batch on GPUs, batch norm counts the whole of it. On CPUs, for which
    torch has no such layer, each process counts its own share, and the first one's statistics are
    kept.
    """

    def __init__(self, task: TrainingTask, fabric: Fabric, pretrained: bool = True) -> None:
        network = task.build(pretrained)
        shared = fabric.world_size > 1 and fabric.device.type == "cuda"
        self.network = synchronised(network) if shared else network
        self._model, self._optimiser = fabric.setup(self.network, task.optimiser(self.network))
        self._model.train()
        self._task = task
        self._fabric = fabric
        self._precision = fabric.strategy.precision
        self._iteration = 0

    def gradient(self, batch: Batch, iteration: int) -> dict[str, float]:
        """First half of a step: loss, gradient, clipping if the task's settings ask for it.

        Returns:
            The terms of the loss, means over the processes, and `gradient_norm` before clipping.
        """
        self._iteration = iteration
        self._optimiser.zero_grad()
        terms = self._task.loss(self._model, batch, iteration)
        self._fabric.backward(terms["loss"])
        norm = self._clip(self._task.settings.clip_norm)
        scalars = torch.stack([value.detach().float() for value in terms.values()])
        # One transfer from the device, not one a term.
        values = torch.cat([mean_over_processes(scalars), norm.float().reshape(1)]).tolist()
        return dict(zip((*terms, "gradient_norm"), values, strict=True))

    def _clip(self, clip_norm: float | None) -> Tensor:
        """Clip the gradient; returns the 2-norm of the whole, before."""
        bound = NO_CLIPPING if clip_norm is None or self._task.clips_each_tensor else clip_norm
        norm = self._fabric.clip_gradients(  # takes the scale of 16-bit gradients off first
            self._model, self._optimiser, max_norm=bound, error_if_nonfinite=False
        )
        if clip_norm is not None and self._task.clips_each_tensor:
            for parameter in self._model.parameters():
                if parameter.grad is not None:
                    nn.utils.clip_grad_norm_(parameter, clip_norm)
        assert norm is not None  # it is where `max_norm` is given
        return norm

    def is_finite(self, values: dict[str, float]) -> bool:
        """True if a step may follow; a scaler of 16-bit gradients handles their overflow itself."""
        scaled = self._scaler is not None
        return all(
            math.isfinite(value)
            for name, value in values.items()
            if not (scaled and name == "gradient_norm")
        )

    def update(self, learning_rate: float, weight_decay: float | None = None) -> None:
        """Second half of a step: change the weights, and what follows them."""
        for group in self._optimiser.param_groups:
            if self._iteration < group.get("starts_at", 0):
                for parameter in group["params"]:
                    parameter.grad = None  # so the optimiser neither moves it nor remembers
            group["lr"] = learning_rate * group.get("factor", 1)
            if weight_decay is not None and group.get("decay", True):
                group["weight_decay"] = weight_decay
        scale = self._scaler.get_scale() if self._scaler is not None else 0.0
        self._optimiser.step()
        # A scaler lowers its scale exactly where it has skipped the step.
        if self._scaler is None or self._scaler.get_scale() >= scale:
            with torch.no_grad():
                self._task.after_step(self.network, self._iteration)

    @property
    def _scaler(self) -> Any:
        return getattr(self._precision, "scaler", None)

    def state(self) -> dict[str, Any]:
        """Weights, optimiser, and the scale of 16-bit gradients."""
        return {
            "model": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "precision": self._precision.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back the result of `state`."""
        self.network.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._precision.load_state_dict(state["precision"])


def synchronised(network: nn.Module) -> nn.Module:
    """Make the batch norms that are trained count the batch of all processes (SyncBatchNorm).

    Parameters, statistics and their names stay, so checkpoints fit either network. Norms that are
    frozen stay as they are: their networks hold them in evaluation mode.

    Args:
        network: still without DDP; changed in place.

    Returns:
        The network; another one if it is nothing but a batch norm.
    """
    if type(network) in _BATCH_NORMS:
        trained = all(parameter.requires_grad for parameter in network.parameters())
        return nn.SyncBatchNorm.convert_sync_batchnorm(network) if trained else network
    for name, child in network.named_children():
        network.add_module(name, synchronised(child))
    return network
