"""A network, its optimiser, and one step of them."""

import math
from typing import Any

import torch
from lightning.fabric import Fabric
from torch.optim import AdamW

from commonfate.methods.base import TrainedMethod
from commonfate.training.loader import Batch


class Learner:
    """What is learned, and how: AdamW on the method's loss, the gradient's 2-norm clipped.

    A step has two halves, so that the caller sees the loss before the weights change.
    """

    def __init__(self, method: TrainedMethod, fabric: Fabric, pretrained: bool = True) -> None:
        self.network = method.build(pretrained)
        optimiser = AdamW(list(method.parameter_groups(self.network)), lr=method.learning_rate(0))
        self._model, self._optimiser = fabric.setup(self.network, optimiser)
        self._model.train()
        self._method = method
        self._fabric = fabric
        self._precision = fabric.strategy.precision

    def gradient(self, batch: Batch) -> dict[str, float]:
        """First half of a step: loss, gradient, clipping.

        Returns:
            The terms of the loss, means over the processes, and `gradient_norm` before clipping.
        """
        self._optimiser.zero_grad()
        terms = self._method.loss(self._model, batch)
        self._fabric.backward(terms["loss"])
        norm = self._fabric.clip_gradients(
            self._model,
            self._optimiser,
            max_norm=self._method.settings.clip_norm,
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
            group["lr"] = learning_rate
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
