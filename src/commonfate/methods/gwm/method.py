"""Guess What Moves as a method: the base of all its networks, and the U-Net."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from commonfate.base.errors import UserError
from commonfate.foreground.motion import Evidence
from commonfate.methods.base import Prediction, Segmenting, TrainedMethod
from commonfate.methods.by_motion import merged
from commonfate.methods.gwm import samples
from commonfate.methods.gwm.merge import merge
from commonfate.methods.gwm.objective import objective
from commonfate.methods.gwm.settings import GuessWhatMovesSettings, GwmSettings
from commonfate.models import features
from commonfate.models.frame import nearest_multiple, resize_frame, to_image
from commonfate.models.unet import UNet
from commonfate.samples.example import Example

NORMS = (nn.BatchNorm2d, nn.SyncBatchNorm, nn.GroupNorm, nn.LayerNorm)
EMBEDDINGS = ("pos_embed", "cls_token", "absolute_pos_embed", "relative_position_bias_table")
"""Names of parameters that are embeddings without being an `nn.Embedding`."""


@runtime_checkable
class SegmentationNetwork(Protocol):
    """A network of Guess What Moves; calling it returns the logits alone."""

    def dense_and_logits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Dense features (B, C, h, w) and logits (B, K, H, W) of images (B, 3, H, W) in [0, 1]."""


class GuessWhatMoves(TrainedMethod, Segmenting):
    """Segments that a network predicts from one frame and that simple motions explain.

    Subclasses add the network: `build` makes a `SegmentationNetwork`.
    """

    settings: GuessWhatMovesSettings

    @property
    @abstractmethod
    def network(self) -> str:
        """Name of the network, for tables."""

    @property
    def description(self) -> dict[str, str]:
        height, width = self.settings.image_size
        return {
            "network": self.network,
            "features": "none" if self.settings.by_video else self.settings.merge.features,
            "resolution": f"{height}x{width}",
        }

    def feature_file(self) -> Path | None:
        """Weights of DINO, whose features merge the components, fetched if need be; or None."""
        settings = self.settings.merge
        if settings.by == "motion" or settings.features == "network":
            return None
        return features.weights_file(settings.features, settings.weights)

    def prepare(self, example: Example) -> dict[str, Tensor]:
        return samples.prepare(self.settings, example)

    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        return objective(self.settings, model(batch["image"]), batch)

    def optimiser(self, model: nn.Module) -> Optimizer:
        """AdamW, with the learning rate of the first iteration."""
        return AdamW(parameter_groups(self.settings, model), lr=self.learning_rate(0))

    def learning_rate(self, iteration: int) -> float:
        """Linear warm-up times a polynomial decay, both planned from the first iteration on.

        Supplement A. The product is that of detectron2's WarmupPolyLR, which the released code
        uses.
        """
        settings = self.settings
        planned = settings.decay_iterations or settings.iterations
        decay = max(0.0, 1 - iteration / planned) ** settings.decay_power
        if iteration >= settings.warmup_iterations:
            return settings.learning_rate * decay
        warm = iteration / settings.warmup_iterations
        return (settings.warmup_from * (1 - warm) + settings.learning_rate * warm) * decay

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment one frame at the network's size, or near `size`; flow is not read.

        Returns:
            K components and two groups, on the CPU.
        """
        settings = self.settings.merge
        resized, dense, components = self._components(model, frame, size)
        if settings.features == "network":
            # Not centred: the mean feature of the background, most of the image, would be near 0.
            compared = dense
        else:
            device = next(_network(model).parameters()).device
            compared = features.create(settings.features, settings.weights, device)(resized)
        return Prediction(components, merge(compared, components, settings.epsilon))

    def predict_video(
        self,
        model: nn.Module | None,
        frames: Sequence[np.ndarray],
        evidence: Evidence,
        *,
        size: tuple[int, int] | None = None,
    ) -> Iterator[Prediction]:
        """Segment frames as `predict`, but merge components by the motion of the whole video."""
        every = [self._components(model, frame, size)[2] for frame in frames]
        return merged(every, evidence)

    def _components(
        self, model: nn.Module | None, frame: np.ndarray, size: tuple[int, int] | None
    ) -> tuple[np.ndarray, Tensor, Tensor]:
        """The resized frame, dense features (C, h, w) and components (K, h, w), on the CPU."""
        network, settings = _network(model), self.settings
        size = nearest_multiple(size or settings.image_size, settings.multiple)
        resized = resize_frame(frame, size)
        image = to_image(resized)[None].to(next(network.parameters()).device)
        with torch.no_grad():
            dense, logits = network.dense_and_logits(image)
        return resized, dense[0].float().cpu(), logits.float().softmax(1)[0].cpu()


def _network(model: nn.Module | None) -> Any:
    assert isinstance(model, nn.Module) and isinstance(model, SegmentationNetwork)
    return model


def parameter_groups(settings: GuessWhatMovesSettings, model: nn.Module) -> list[dict[str, Any]]:
    """Trained parameters: those with weight decay, then norms and embeddings without (released).

    Frozen parameters are in neither group.
    """
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for module in model.modules():
        exempt = isinstance(module, (*NORMS, nn.Embedding))
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                (others if exempt or name in EMBEDDINGS else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]


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
    """Check now that a file exists that only a later stage reads.

    Raises:
        UserError: the file does not exist.
    """
    if path is not None and not Path(path).is_file():
        raise UserError(f"{key}: {path}: no such file")
