"""Student, teacher and, on demand, a head for the tokens that meet flow."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from commonfate.methods.distillation.network import CLASS, Branch, Features, Outputs, Pair
from commonfate.methods.flowdino.loss import saliency
from commonfate.models.encoders import Feature
from commonfate.models.heads import FlowHead

DENSE: tuple[Feature, ...] = ("tokens", "attention")


class Maps(NamedTuple):
    """Features of N crops of one size, as the flow loss takes them; crop by crop, then frames.

    Attributes:
        tokens: (N, h, w, C), with gradient.
        salience: (N, h, w) float32, without.
    """

    tokens: Tensor
    salience: Tensor


class FlowPair(Pair):
    """FlowDINO's student and teacher.

    Args:
        student: newly made; the teacher starts as its copy.
        outputs: K of its head.
        centre_momentum: momentum of the centre.
        flow_head: head for tokens; None compares the tokens themselves.
    """

    def __init__(
        self,
        student: Branch,
        outputs: int,
        centre_momentum: float,
        flow_head: FlowHead | None = None,
    ) -> None:
        super().__init__(student, outputs, centre_momentum)
        self.flow_head = flow_head

    def forward(
        self,
        distilled: Sequence[Tensor],
        moving: Sequence[Tensor] = (),
        moving_last: int = 0,
    ) -> tuple[Outputs, list[Maps]]:
        """Logits for DINO's loss, and the student's maps of features for the flow loss.

        The teacher sees the global crops of `distilled` alone. Crops that both losses see pass
        through the student once.

        Args:
            distilled: crops of B pictures, (B, T, 3, G, G) and (B, V, 3, L, L), float, RGB in
                [0, 1]; V may be 0.
            moving: crops of frames that only the flow loss sees, in the same form.
            moving_last: number of the last pictures of `distilled` that are frames with flow.

        Returns:
            The logits, and the maps of `moving`, or else of these last pictures: one item a size of
            crops; none without either.
        """
        targets, centre = self.targets(distilled[0])
        names = CLASS + DENSE if moving_last else CLASS
        features = self.student.features(distilled, names)
        logits = self.student.logits(features)
        dense = self.student.features(moving, DENSE) if moving else features if moving_last else []
        return Outputs(logits, targets, centre), [self._maps(of, moving_last) for of in dense]

    def _maps(self, features: Features, last: int) -> Maps:
        """Maps of all crops of the last pictures; of all pictures if `last` is 0."""
        tokens, attention = (features[name][:, -last:].flatten(0, 1) for name in DENSE)
        head = self.flow_head
        return Maps(tokens if head is None else head(tokens), saliency(attention))
