"""Semantic segmentation as a method: AMD's appearance pathway, fine-tuned on labelled images."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from commonfate.methods.base import Prediction, Segmenting, TrainedMethod
from commonfate.methods.semantic.network import SegmentationNetwork, objective, upsampled
from commonfate.methods.semantic.samples import prepare, resize_image, resized_size
from commonfate.methods.semantic.settings import SemanticSettings
from commonfate.models.dilated_resnet import STRIDE
from commonfate.models.frame import nearest_multiple, to_image
from commonfate.samples.example import Example


class SemanticSegmentation(TrainedMethod, Segmenting):
    """A class for each pixel of an image (AMD, Section 4.4)."""

    settings: SemanticSettings

    @property
    def description(self) -> dict[str, str]:
        settings = self.settings
        network = "small ResNet" if settings.size == "small" else "ResNet-50"
        start = "from scratch" if settings.start is None else "AMD"
        return {
            "network": f"FCN on {network}, {start}",
            "resolution": f"short side {settings.short_side}",
        }

    def start_file(self) -> Path | None:
        """The checkpoint of an AMD run that `start` names; or None."""
        return None if self.settings.start is None else Path(self.settings.start)

    def build(self, pretrained: bool = True) -> nn.Module:
        """Make the network; its backbone starts from the checkpoint `start`, if any.

        Raises:
            StoreError: the checkpoint is missing or damaged.
            UserError: the checkpoint is of another method, or of another size.
        """
        settings = self.settings
        network = SegmentationNetwork(settings.classes, settings.size, settings.dropout)
        if pretrained and (start := self.start_file()) is not None:
            network.start_from(start)
        return network

    def prepare(self, example: Example) -> dict[str, Tensor]:
        return prepare(self.settings, example)

    def loss(self, model: nn.Module, batch: dict[str, Tensor], iteration: int) -> dict[str, Tensor]:
        return objective(model(batch["image"]), batch["labels"])

    def optimiser(self, model: nn.Module) -> Optimizer:
        """SGD with momentum, and with weight decay of all parameters, as in MMSegmentation."""
        settings = self.settings
        return SGD(
            model.parameters(),
            lr=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )

    def learning_rate(self, iteration: int) -> float:
        """Polynomial decay from `learning_rate` to `min_learning_rate`, without a warm-up."""
        settings = self.settings
        left = max(0.0, 1 - iteration / settings.iterations) ** settings.decay_power
        lowest = settings.min_learning_rate
        return lowest + (settings.learning_rate - lowest) * left

    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment a whole image at once; flow is not read.

        The image is resized to a short side of `short_side`, or to `size`, rounded to multiples of
        8.

        Returns:
            The probability of each class as both components and groups, on the CPU, at the
            image's own size.
        """
        assert model is not None
        own = (frame.shape[0], frame.shape[1])
        input_size = nearest_multiple(size or resized_size(own, self.settings.short_side), STRIDE)
        image = to_image(resize_image(frame, input_size))[None]
        with torch.no_grad():
            logits = model(image.to(next(model.parameters()).device))
        classes = upsampled(logits, own).softmax(1)[0].cpu()
        return Prediction(components=classes, groups=classes)


def create(settings: SemanticSettings) -> SemanticSegmentation:
    """Make the method."""
    return SemanticSegmentation(settings)
