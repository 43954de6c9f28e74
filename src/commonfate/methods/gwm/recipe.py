"""How Guess What Moves is optimised: supplement A, and the released code where it is silent."""

from typing import Any

from torch import nn

from commonfate.methods.gwm.settings import GwmSettings


def learning_rate(settings: GwmSettings, iteration: int) -> float:
    """Linear warm-up, times a polynomial decay that is planned from the first iteration on.

    The product is what detectron2's WarmupPolyLR computes, which the released code uses.

    Args:
        settings: of the run.
        iteration: optimiser step, counted from 0.
    """
    planned = settings.decay_iterations or settings.iterations
    decay = max(0.0, 1 - iteration / planned) ** settings.decay_power
    if iteration >= settings.warmup_iterations:
        return settings.learning_rate * decay
    warm = iteration / settings.warmup_iterations
    return (settings.warmup_from * (1 - warm) + settings.learning_rate * warm) * decay


def parameter_groups(settings: GwmSettings, model: nn.Module) -> list[dict[str, Any]]:
    """Convolution weights, with weight decay; biases and batch norm, without."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {
            "params": [parameter for parameter in trained if parameter.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {
            "params": [parameter for parameter in trained if parameter.ndim <= 1],
            "weight_decay": 0.0,
        },
    ]
