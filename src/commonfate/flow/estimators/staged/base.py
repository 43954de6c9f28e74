"""What networks in two stages have in common."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

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
        """Whether the model has the structure that the stages expect."""

    @abstractmethod
    def prepare(self, images: Tensor) -> tuple[Tensor, Any]:
        """Normalise and pad images as the model does; also what `restore` needs to undo it."""

    @abstractmethod
    def encode(self, images: Tensor) -> Features:
        """The stage of a frame: tensors (B, ...), one row a frame."""

    @abstractmethod
    def decode(self, first: Features, second: Features) -> Tensor:
        """The stage of a pair: flow (B, 2, h, w) float32, of the prepared images' size."""

    def compile_stages(self) -> None:
        """Compile what takes the time, with torch.compile, anew for every shape."""
        self.encode = torch.compile(self.encode, dynamic=False)
        self.decode = torch.compile(self.decode, dynamic=False)

    def restore(self, flow: Tensor, resizer: Any) -> Tensor:
        """Bring flow to the size of the images that `prepare` was given."""
        return self.model.postprocess_predictions(flow.contiguous(), resizer, is_flow=True)


def precisely(tensor: Tensor) -> torch.autocast:
    """A context without autocast on the tensor's device: for coordinates and what adds to them."""
    return torch.autocast(tensor.device.type, enabled=False)
