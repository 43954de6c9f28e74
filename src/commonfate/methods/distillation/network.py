"""Student, teacher and centre in one network, so that checkpoints and processes share them all."""

import copy
from collections.abc import Collection, Iterable
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from commonfate.methods.distillation.loss import next_centre
from commonfate.models.encoders import Encoder, Feature

Features = dict[str, Tensor]
CLASS: tuple[Feature, ...] = ("cls",)


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
        return self.logits(self.features(crops, CLASS))

    def features(self, crops: Iterable[Tensor], names: Collection[Feature]) -> list[Features]:
        """Features of the encoder for crops (B, n, 3, h, w), of a size each, where n is not 0.

        Returns:
            By name, one dict a size, of (n, B, ...) each, see `Encoder.forward`.
        """
        return [
            {
                name: values.unflatten(0, (views.shape[1], -1))
                for name, values in self.backbone(
                    views.transpose(0, 1).flatten(0, 1), names
                ).items()
            }
            for views in crops
            if views.shape[1]
        ]

    def logits(self, features: Iterable[Features]) -> Tensor:
        """(V, B, K) logits of the class outputs."""
        return self.head(torch.cat([values["cls"] for values in features]))


class Pair(nn.Module):
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

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.teacher.eval()
        return self

    @torch.no_grad()
    def targets(self, global_crops: Tensor) -> tuple[Tensor, Tensor]:
        """The teacher's logits (T, B, K) of the global crops, and the centre (1, K) before them.

        In training mode the centre moves afterwards, as statistics of a batch norm do.

        Args:
            global_crops: (B, T, 3, G, G) float, RGB in [0, 1].
        """
        targets = self.teacher([global_crops])
        centre = self.centre.clone()
        if self.training:
            self.centre.copy_(next_centre(centre, targets, self.centre_momentum))
        return targets, centre

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


class Distilled(Pair):
    """DINO's student and teacher."""

    def forward(self, global_crops: Tensor, local_crops: Tensor) -> Outputs:
        """Logits of both; the teacher's of the global crops alone.

        Args:
            global_crops: (B, T, 3, G, G) float, RGB in [0, 1].
            local_crops: (B, V, 3, L, L) float, RGB in [0, 1]; V may be 0.
        """
        targets, centre = self.targets(global_crops)
        return Outputs(self.student([global_crops, local_crops]), targets, centre)
