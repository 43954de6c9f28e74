"""Interface between a method and prediction, extraction of features, training and adaptation.

A method has one or more roles: `Segmenting`, `Encoding`, `TrainedMethod`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings, TrainedSettings
from commonfate.foreground.motion import Evidence
from commonfate.methods.task import TrainingTask
from commonfate.models.encoders import Encoder
from commonfate.samples.example import Example


@dataclass(frozen=True)
class Prediction:
    """Soft segments of one frame, at the method's own size or near the requested one.

    Attributes:
        components: (K, h, w) float32 in [0, 1], summing to 1 over K: the method's own segments.
        groups: (G, h, w) float32 in [0, 1]: segments after merging; a pixel belongs to the largest.
            With G = 2, a foreground and a background, the second is the probability of one of them.
    """

    components: Tensor
    groups: Tensor


class Method:
    """A method with its settings; holds no state that training changes.

    The settings' `trained`, `reads_frame`, `reads_flow` and `by_video` say what the method needs.
    """

    def __init__(self, settings: MethodSettings) -> None:
        self.settings = settings

    @property
    def description(self) -> dict[str, str]:
        """Description for tables, e.g. `{"features": "pixels", "resolution": "128x224"}`."""
        return {}


class Segmenting(Method, ABC):
    """A method that segments frames."""

    def feature_file(self) -> Path | None:
        """Weights of a published network that prediction uses beside the method's own; or None.

        Raises:
            UserError: the weights cannot be fetched.
        """
        return None

    @abstractmethod
    def predict(
        self,
        model: nn.Module | None,
        frame: np.ndarray,
        flow: np.ndarray | None,
        *,
        size: tuple[int, int] | None = None,
    ) -> Prediction:
        """Segment one frame.

        Args:
            model: the network that `build` made, trained and in eval mode; None if the method is
                not trained.
            frame: (H, W, 3) uint8, RGB.
            flow: (2, H, W) float32 in pixels, NaN where unknown; None unless
                `settings.reads_flow`.
            size: height and width to which the frame is resized, rounded to a size that the method
                accepts; None: the method's own. A method that reads flow alone segments at the
                flow's size.
        """

    def predict_video(
        self,
        model: nn.Module | None,
        frames: Sequence[np.ndarray],
        evidence: Evidence,
        *,
        size: tuple[int, int] | None = None,
    ) -> Iterator[Prediction]:
        """Segment frames of a video together; only of methods whose settings say `by_video`.

        Args:
            model: see `predict`.
            frames: (H, W, 3) uint8, RGB, each read anew whenever it is asked for.
            evidence: of motion, of the same frames.
            size: see `predict`.

        Yields:
            A prediction for each frame.
        """
        raise NotImplementedError(f"{self.settings.method} segments frame by frame")


class Encoding(Method, ABC):
    """A method that has an encoder of images."""

    @abstractmethod
    def encoder(self, model: nn.Module | None) -> Encoder:
        """The encoder, in eval mode and without gradients.

        Args:
            model: the trained network, as `build` makes it; None if the method is not trained.

        Raises:
            UserError: published weights are missing, cannot be fetched, or do not fit.
        """


def encoder_with(encoder: Encoder, weights: Mapping[str, Tensor], prefix: str) -> Encoder:
    """Fill an encoder with those of a run's weights whose names begin with `prefix`.

    In evaluation mode and without gradients.

    Raises:
        ConfigError: they are of another network.
    """
    own = {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }
    try:
        encoder.load_state_dict(own)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ConfigError(
            f"the weights do not fit the encoder of the settings ({reason}); use the settings "
            f"that they were trained with"
        ) from error
    return encoder.eval().requires_grad_(False)


class TrainedMethod(Method, TrainingTask):
    """A method with a network, a loss and a recipe.

    Test-time adaptation to a video needs a `Segmenting` method with `prepare`, `loss`, `optimiser`
    and `adaptation_rate`, and of the settings `batch_size`, `clip_norm`, `flip` and `precision`. A
    method keeps no state between calls, so restoring the trained weights is enough before the next
    video.
    """

    settings: TrainedSettings

    def start_file(self) -> Path | None:
        """File of the weights that training starts from, published or another run's; or None.

        Raises:
            UserError: published weights cannot be fetched.
        """
        return None

    @abstractmethod
    def prepare(self, example: Example) -> dict[str, Tensor]:
        """Turn one sample into tensors; runs in the loader's worker processes.

        Raises:
            UserError: the sample cannot be learnt from; the message gives the reason, and the
                reader adds the sample's name.
        """

    @property
    def adaptation_rate(self) -> float:
        """Learning rate of all steps of test-time adaptation; by default the schedule's peak."""
        return self.settings.learning_rate


def required(part: np.ndarray | None, name: str) -> np.ndarray:
    """A part of a sample, such as its flow, that the method cannot do without.

    Args:
        part: the array, or None.
        name: name of the part, for the message.

    Raises:
        ValueError: the part is None: the sample is of a kind that the method does not learn from.
    """
    if part is None:
        raise ValueError(f"expected {name}, found none")
    return part
