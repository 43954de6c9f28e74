"""Teacher of TimeT's released code: a moving average of the network that gives the assignments.

The paper has none. The released code has one by default, with the shares of the two sides
exchanged: momentum goes from 0.995 to 1, and it is the share of the *student*.
"""

import torch
from torch import nn

from commonfate.methods.timet.prototypes import Prototypes


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, momentum: float, inverted: bool = False) -> None:
    """Move a teacher's weights towards the student's; prototypes get unit length again.

    Buffers are copied.

    Args:
        teacher: of the same modules as the student; changed in place.
        student: the network that learns.
        momentum: share of the teacher's own weights, in [0, 1].
        inverted: `momentum` is the student's share instead, as in the released code.
    """
    of_student = momentum if inverted else 1 - momentum
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.lerp_(fast, of_student)
    for kept, new in zip(teacher.buffers(), student.buffers(), strict=True):
        kept.copy_(new)
    for module in teacher.modules():
        if isinstance(module, Prototypes):
            module.renormalise()
