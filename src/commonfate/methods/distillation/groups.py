"""Groups of parameters: with and without weight decay, and a layer that begins to learn later."""

from collections.abc import Collection, Iterator
from typing import Any

from torch import nn


def is_decayed(name: str, parameter: nn.Parameter) -> bool:
    """True unless a parameter is a bias or has one dimension, as the scales of norms have.

    So DINO's released code decides: class token and position embedding are decayed.
    """
    return parameter.ndim > 1 and not name.endswith(".bias")


def groups(
    module: nn.Module, late: Collection[nn.Parameter] = (), starts_at: int = 0
) -> list[dict[str, Any]]:
    """Groups of an optimiser for the parameters that are trained.

    Args:
        module: holds the parameters.
        late: those that do not change before iteration `starts_at`.
        starts_at: first iteration of these.

    Returns:
        Groups that are not empty, in a fixed order. Those without weight decay have `decay`
        False, late ones their `starts_at`.
    """
    later = {id(parameter) for parameter in late}
    return [
        {
            "params": chosen,
            **({} if decayed else {"weight_decay": 0.0, "decay": False}),
            **({"starts_at": starts_at} if is_late else {}),
        }
        for is_late in (False, True)
        for decayed in (True, False)
        if (chosen := list(_chosen(module, later, is_late, decayed)))
    ]


def _chosen(
    module: nn.Module, later: Collection[int], is_late: bool, decayed: bool
) -> Iterator[nn.Parameter]:
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            continue
        if (id(parameter) in later, is_decayed(name, parameter)) == (is_late, decayed):
            yield parameter
