"""How AMD is optimised (Section 4.1), and the released code where the paper is silent."""

from torch import nn
from torch.optim import Adam

from commonfate.methods.amd.settings import AmdSettings

POWER, LOWEST = 0.9, 1e-6
"""Of the released polynomial decay."""


def learning_rate(settings: AmdSettings, iteration: int) -> float:
    """Constant, or polynomial decay from `learning_rate` to 1e-6; either after a linear warm-up.

    Args:
        settings: of the run.
        iteration: counted from 0.
    """
    warm = min(1.0, (iteration + 1) / max(1, settings.warmup_iterations))
    if settings.schedule == "constant":
        return warm * settings.learning_rate
    left = max(0.0, 1 - iteration / settings.iterations) ** POWER
    return warm * (LOWEST + (settings.learning_rate - LOWEST) * left)


def optimiser(settings: AmdSettings, model: nn.Module) -> Adam:
    """Adam, whose weight decay is a part of the gradient, on both pathways."""
    groups = [
        {"params": list(model.motion.parameters())},
        {"params": list(model.appearance.parameters()), "factor": settings.appearance_rate},
    ]
    return Adam(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)
