"""Any other model of ptlflow."""

from typing import Any

import torch
from torch import Tensor, nn

from commonfate.base.errors import UserError
from commonfate.flow.estimators.staged.base import Features, Staged


class Plain(Staged):
    """A frame gives itself; all else is the model's forward pass."""

    @staticmethod
    def fits(model: nn.Module) -> bool:
        return True

    def prepare(self, images: Tensor) -> tuple[Tensor, Any]:
        return images, None

    def encode(self, images: Tensor) -> Features:
        return (images,)

    def decode(self, first: Features, second: Features) -> Tensor:
        images = torch.stack([first[0], second[0]], dim=1).contiguous()
        flows = self.model({"images": images})["flows"]
        if flows.ndim != 5 or flows.shape[1] != 1:
            raise UserError(
                f"{type(self.model).__name__} gives {tuple(flows.shape)}; "
                "it does not work on pairs of frames"
            )
        return flows[:, 0].float()

    def restore(self, flow: Tensor, resizer: Any) -> Tensor:
        return flow
