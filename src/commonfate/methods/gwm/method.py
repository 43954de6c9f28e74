"""Guess What Moves as a method: what its networks share, and the U-Net."""

from abc import abstractmethod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from commonfate.base.errors import UserError
from commonfate.methods.base import Prediction, TrainedMethod
from commonfate.methods.gwm import recipe, samples
from commonfate.methods.gwm.objective import objective
from commonfate.methods.gwm.prediction import predict
from commonfate.methods.gwm.settings import GuessWhatMovesSettings, GwmSettings
from commonfate.models import features
from commonfate.models.frame import nearest_multiple
from commonfate.models.unet import UNet
from commonfate.samples.example import Example


class GuessWhatMoves(TrainedMethod):
    """Segments that a network predicts from one frame and that simple motions explain.

    All but the network, which `build` makes: a module with `forward(image) -> logits` and
    `dense_and_logits(image) -> (features, logits)`.
    """

    settings: GuessWhatMovesSettings

    @property
    @abstractmethod
    def network(self) -> str:
        """The network, as a reader of a table should know it."""

    @property
    def description(self) -> dict[str, str]:
        height, width = self.settings.image_size
        return {
            "network": self.network,
            "features": self.settings.merge.features,
            "resolution": f"{height}x{width}",
        }

    def feature_file(self) -> Path | None:
        """DINO's, by which components are merged; fetched if need be."""
        merge = self.settings.merge
        return (
            None
            if merge.features == "network"
            else features.weights_file(merge.features, merge.weights)
        )

    def prepare(self, example: Example) -> dict[str, Tensor]:
        return samples.prepare(self.settings, example)

    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        return objective(self.settings, model(batch["image"]), batch)

    def optimiser(self, model: nn.Module) -> Optimizer:
        return recipe.optimiser(self.settings, model)

    def learning_rate(self, iteration: int) -> float:
        return recipe.learning_rate(self.settings, iteration)

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment one frame at the network's size, or near `size`; `flow` is not looked at."""
        settings = self.settings
        size = nearest_multiple(size or settings.image_size, settings.multiple)
        return predict(model, frame, size, settings.merge)


class UNetMethod(GuessWhatMoves):
    """Guess What Moves with a U-Net."""

    settings: GwmSettings

    @property
    def network(self) -> str:
        return f"U-Net, width {self.settings.width}, from scratch"

    def build(self, pretrained: bool = True) -> nn.Module:
        """Make the U-Net; there are no weights to start from."""
        network = UNet(self.settings.components, self.settings.width)
        # Convolutions on the CPU are a fifth faster with channels last, and no slower on a GPU.
        return network.to(memory_format=torch.channels_last)


def create(settings: GwmSettings) -> UNetMethod:
    """Make the method.

    Raises:
        UserError: `merge.weights` names a file that does not exist.
    """
    require_file("merge.weights", settings.merge.weights)
    return UNetMethod(settings)


def require_file(key: str, path: str | None) -> None:
    """Complain of a missing file now, although only a later stage reads it.

    Raises:
        UserError: there is none.
    """
    if path is not None and not Path(path).is_file():
        raise UserError(f"{key}: {path}: no such file")
