"""Base class of networks in two stages, and the one without a stage for frames."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from commonfate.base.errors import UserError

Features = tuple[Tensor, ...]


class Staged(ABC, nn.Module):
    """A ptlflow model, cut into a stage for each frame and one for each pair of frames.

    The stages call the model's own submodules; together they compute what its `forward` does in
    evaluation. Images are in ptlflow's form, (B, 3, H, W) float32 BGR in [0, 1].
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    @staticmethod
    @abstractmethod
    def fits(model: nn.Module) -> bool:
        """True if the model has the structure that the stages expect."""

    @abstractmethod
    def prepare(self, images: Tensor) -> tuple[Tensor, Any]:
        """Normalise and pad images as the model does.

        Returns:
            The prepared images, and the resizer with which `restore` undoes the padding.
        """

    @abstractmethod
    def encode(self, images: Tensor) -> Features:
        """The stage of a frame: tensors (B, ...), one row a frame."""

    @abstractmethod
    def decode(self, first: Features, second: Features) -> Tensor:
        """The stage of a pair: flow (B, 2, h, w) float32, of the prepared images' size."""

    def compile_stages(self) -> None:
        """Compile the stages with torch.compile, once for every shape."""
        self.encode = torch.compile(self.encode, dynamic=False)
        self.decode = torch.compile(self.decode, dynamic=False)

    def restore(self, flow: Tensor, resizer: Any) -> Tensor:
        """Resize or crop flow to the size of the images given to `prepare`."""
        return self.model.postprocess_predictions(flow.contiguous(), resizer, is_flow=True)


def precisely(tensor: Tensor) -> torch.autocast:
    """Context without autocast on the tensor's device, for coordinates and their updates."""
    return torch.autocast(tensor.device.type, enabled=False)


class Plain(Staged):
    """Any other model of ptlflow. Per frame: the image. Per pair: the model's forward pass."""

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
