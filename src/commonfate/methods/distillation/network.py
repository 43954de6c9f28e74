"""Student, teacher and centre in one network, so that checkpoints and processes share them all."""

import copy
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from commonfate.methods.distillation.loss import next_centre
from commonfate.models.encoders import Encoder


class Outputs(NamedTuple):
    """Logits of all crops, and the centre that belongs to them.

    Attributes:
        student: (T + V, B, K), global crops first.
        teacher: (T, B, K), without gradient.
        centre: (1, K) float32, of before this step.
    """

    student: Tensor
    teacher: Tensor
    centre: Tensor


class Branch(nn.Module):
    """An encoder and a head on its class output; names are those of published checkpoints."""

    def __init__(self, backbone: Encoder, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, crops: Iterable[Tensor]) -> Tensor:
        """(V, B, K) logits of crops (B, n, 3, h, w), of a size each, of which V = sum of n."""
        features = []
        for views in crops:
            number = views.shape[1]
            if number:
                images = views.transpose(0, 1).flatten(0, 1)
                features.append(self.backbone(images, ("cls",))["cls"].unflatten(0, (number, -1)))
        return self.head(torch.cat(features))


class Distilled(nn.Module):
    """A student that learns, a teacher that follows as its moving average, and the centre.

    The teacher is always in evaluation mode: without drop path in its targets.

    Args:
        student: newly made; the teacher starts as its copy.
        outputs: K of its head.
        centre_momentum: momentum of the centre.
    """

    centre: Tensor

    def __init__(self, student: Branch, outputs: int, centre_momentum: float) -> None:
        super().__init__()
        self.student = student
        self.teacher = copy.deepcopy(student).requires_grad_(False)
        self.centre_momentum = centre_momentum
        self.register_buffer("centre", torch.zeros(1, outputs))
        self.train()

    def train(self, mode: bool = True) -> "Distilled":
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, global_crops: Tensor, local_crops: Tensor) -> Outputs:
        """Logits of both; the teacher's of the global crops alone.

        In training mode the centre moves afterwards, as statistics of a batch norm do.

        Args:
            global_crops: (B, T, 3, G, G) float, RGB in [0, 1].
            local_crops: (B, V, 3, L, L) float, RGB in [0, 1]; V may be 0.
        """
        with torch.no_grad():
            targets = self.teacher([global_crops])
            centre = self.centre.clone()
            if self.training:
                self.centre.copy_(next_centre(centre, targets, self.centre_momentum))
        return Outputs(self.student([global_crops, local_crops]), targets, centre)

    @torch.no_grad()
    def follow(self, momentum: float) -> None:
        """Move the teacher's weights towards the student's, and copy its buffers.

        Args:
            momentum: share of the teacher's own weights.
        """
        weights = zip(self.teacher.parameters(), self.student.parameters(), strict=True)
        for slow, fast in weights:
            slow.lerp_(fast, 1 - momentum)
        for kept, new in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
            kept.copy_(new)
