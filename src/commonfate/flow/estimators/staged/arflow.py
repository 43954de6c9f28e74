"""ARFlow's PWC-Lite; see `commonfate.flow.estimators.arflow`."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from commonfate.flow.estimators.arflow import PwcLite
from commonfate.flow.estimators.staged.base import Features, Staged


class StagedArflow(Staged):
    """A frame gives its pyramid; the decoder belongs to the pair."""

    @staticmethod
    def fits(model: nn.Module) -> bool:
        return (
            isinstance(model, PwcLite)
            and type(model).forward is PwcLite.forward
            and model.n_frames == 2
        )

    def prepare(self, images: Tensor) -> tuple[Tensor, Any]:
        return self.model.prepare(images)

    def encode(self, images: Tensor) -> Features:
        return tuple(self.model.encode(images))

    def decode(self, first: Features, second: Features) -> Tensor:
        flow = self.model.decode(list(first), list(second))[0]
        if self.model.upsample:
            return flow
        return F.interpolate(4 * flow, scale_factor=4, mode="bilinear", align_corners=True)
