"""Methods as the predictor and the training loop see them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from commonfate.base.settings import MethodSettings, TrainedSettings
from commonfate.methods.task import TrainingTask
from commonfate.samples.example import Example


@dataclass(frozen=True)
class Prediction:
    """Soft segments of one frame, at the method's own size or near the one that was asked for.

    Attributes:
        components: (K, h, w) float32 in [0, 1], summing to 1 over K: what the method predicts.
        groups: (G, h, w) float32 in [0, 1]: after merging; a pixel belongs to the largest. G is 2
            where foreground and background are what is sought: then the second is the probability
            of the one or the other.
    """

    components: Tensor
    groups: Tensor


class Method(ABC):
    """A method with its settings; holds no state that training changes.

    `settings.trained`, `settings.reads_frame` and `settings.reads_flow` say what it needs.
    """

    def __init__(self, settings: MethodSettings) -> None:
        self.settings = settings

    @property
    def description(self) -> dict[str, str]:
        """What a table should say of it, e.g. `{"features": "pixels", "resolution": "128x224"}`."""
        return {}

    def feature_file(self) -> Path | None:
        """File of a published network that prediction uses beside its own; or none.

        Raises:
            UserError: it is a published one that cannot be fetched.
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
            model: what `build` made, trained and in eval mode; None where nothing is trained.
            frame: (H, W, 3) uint8, RGB.
            flow: (2, H, W) float32 in pixels, NaN where unknown; None if not `settings.reads_flow`.
            size: height and width to look at the frame at, rounded to what the method can take;
                None is the method's own. One that looks at flow alone segments at the flow's size.
        """


class TrainedMethod(Method, TrainingTask):
    """A method with a network, a loss and a recipe.

    Test-time adaptation to a video needs `prepare`, `loss`, `optimiser` and `adaptation_rate`, and
    of `settings` the `batch_size`, `clip_norm`, `flip` and `precision`. No method keeps anything
    between the calls, so the trained weights are all that has to be put back for the next video.
    """

    settings: TrainedSettings

    def start_file(self) -> Path | None:
        """File of the weights that training starts from, published or another run's; or None.

        Raises:
            UserError: a published one cannot be fetched.
        """
        return None

    @abstractmethod
    def prepare(self, example: Example) -> dict[str, Tensor]:
        """Turn one sample into tensors; runs in the loader's worker processes.

        Raises:
            UserError: the sample cannot be learnt from; the message says why, by its sizes, and the
                reader adds the sample's name.
        """

    @property
    def adaptation_rate(self) -> float:
        """Learning rate of all steps of a test-time adaptation: by default the schedule's peak."""
        return self.settings.learning_rate
