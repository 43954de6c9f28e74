"""A network, its optimiser, and one step of them."""

import math
from typing import Any

import torch
from lightning.fabric import Fabric

from commonfate.methods.base import TrainedMethod
from commonfate.training.batch_norm import synchronised
from commonfate.training.loader import Batch

# Above every finite norm. Not infinity: torch would make NaN of all gradients whose norm overflows.
NO_CLIPPING = torch.finfo(torch.float32).max


class Learner:
    """What is learned, and how: the method's optimiser on its loss, the gradient's 2-norm clipped.

    A step has two halves, so that the caller sees the loss before the weights change.

    Where processes share a batch on GPUs, batch norm counts the whole of it. On CPUs, for which
    torch has no such layer, each process counts its own share, and the first one's statistics are
    kept.
    """

    def __init__(self, method: TrainedMethod, fabric: Fabric, pretrained: bool = True) -> None:
        network = method.build(pretrained)
        shared = fabric.world_size > 1 and fabric.device.type == "cuda"
        self.network = synchronised(network) if shared else network
        self._model, self._optimiser = fabric.setup(self.network, method.optimiser(self.network))
        self._model.train()
        self._method = method
        self._fabric = fabric
        self._precision = fabric.strategy.precision

    def gradient(self, batch: Batch) -> dict[str, float]:
        """First half of a step: loss, gradient, clipping if the method's settings ask for it.

        Returns:
            The terms of the loss, means over the processes, and `gradient_norm` before clipping.
        """
        self._optimiser.zero_grad()
        terms = self._method.loss(self._model, batch)
        self._fabric.backward(terms["loss"])
        clip_norm = self._method.settings.clip_norm
        norm = self._fabric.clip_gradients(
            self._model,
            self._optimiser,
            max_norm=NO_CLIPPING if clip_norm is None else clip_norm,
            error_if_nonfinite=False,
        )
        scalars = torch.stack([value.detach().float() for value in terms.values()])
        scalars = self._fabric.all_reduce(scalars, reduce_op="mean")
        # One transfer from the device, not one a term.
        values = torch.cat([scalars, norm.float().reshape(1)]).tolist()
        return dict(zip((*terms, "gradient_norm"), values, strict=True))

    def is_finite(self, values: dict[str, float]) -> bool:
        """Whether a step may follow; a scaler of 16-bit gradients sees to their overflow itself."""
        scaled = getattr(self._precision, "scaler", None) is not None
        return all(
            math.isfinite(value)
            for name, value in values.items()
            if not (scaled and name == "gradient_norm")
        )

    def update(self, learning_rate: float) -> None:
        """Second half of a step: change the weights."""
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate * group.get("factor", 1)
        self._optimiser.step()

    def state(self) -> dict[str, Any]:
        """Weights, optimiser, and the scale of 16-bit gradients."""
        return {
            "model": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "precision": self._precision.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what `state` returned."""
        self.network.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._precision.load_state_dict(state["precision"])
