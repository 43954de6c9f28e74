"""Several optimisers as one, since a training has one optimiser."""

from collections.abc import Callable, Sequence
from typing import Any

from torch.optim import Optimizer


class Combined(Optimizer):
    """Optimisers that each change their own parameters, in one step and with one state.

    Learning rates, weight decay, gradients and checkpoints are those of any optimiser: the groups
    of all lie in `param_groups`, in the order of the optimisers.
    """

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        """Take over the groups of optimisers that have not made a step yet."""
        super().__init__([group for part in parts for group in part.param_groups], {})
        self._parts = [(part, len(part.param_groups)) for part in parts]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step of each.

        Args:
            closure: called once before, e.g. to compute gradients; its result is returned.
        """
        result = closure() if closure is not None else None
        start = 0
        for part, count in self._parts:
            # Not once in the constructor: a loaded state has other groups and another dict.
            part.param_groups = self.param_groups[start : start + count]
            part.state = self.state
            part.step()
            start += count
        return result
