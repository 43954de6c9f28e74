"""How Guess What Moves is optimised: supplement A, and the released code where it is silent."""

from typing import Any

from torch import nn
from torch.optim import AdamW

from commonfate.methods.gwm.settings import GuessWhatMovesSettings

NORMS = (nn.BatchNorm2d, nn.SyncBatchNorm, nn.GroupNorm, nn.LayerNorm)
EMBEDDINGS = ("pos_embed", "cls_token", "absolute_pos_embed", "relative_position_bias_table")
"""Names of parameters that are embeddings without being an `nn.Embedding`."""


def learning_rate(settings: GuessWhatMovesSettings, iteration: int) -> float:
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


def optimiser(settings: GuessWhatMovesSettings, model: nn.Module) -> AdamW:
    """AdamW, which steps at the rate of the first iteration until it is told another one."""
    return AdamW(parameter_groups(settings, model), lr=learning_rate(settings, 0))


def parameter_groups(settings: GuessWhatMovesSettings, model: nn.Module) -> list[dict[str, Any]]:
    """What is trained: with weight decay, and without it norms and embeddings (released code).

    Frozen parameters are in neither group.
    """
    decayed, others = [], []
    for module in model.modules():
        exempt = isinstance(module, (*NORMS, nn.Embedding))
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                (others if exempt or name in EMBEDDINGS else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
