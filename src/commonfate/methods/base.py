"""The four parts that every method has, as the training loop and the predictor see them."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from commonfate.base.settings import MethodSettings, TrainedSettings
from commonfate.samples.example import Example

CONCLUDE_SAMPLES = 1000


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


class TrainedMethod(Method):
    """A method with a network, a loss and a recipe.

    Test-time adaptation to a video needs `prepare`, `loss`, `optimiser` and `adaptation_rate`, and
    of `settings` the `batch_size`, `clip_norm`, `flip` and `precision`. No method keeps anything
    between the calls, so the trained weights are all that has to be put back for the next video.
    """

    settings: TrainedSettings

    def start_file(self) -> Path | None:
        """File of weights that training starts from, published or another run's; or none.

        Raises:
            UserError: it is a published one that cannot be fetched.
        """
        return None

    @abstractmethod
    def build(self, pretrained: bool = True) -> nn.Module:
        """Make the network, freshly initialised from torch's global generator.

        Args:
            pretrained: start from the published weights that the settings name, if they do, which
                may fetch them; False where weights of a checkpoint are put in anyway.

        Raises:
            UserError: the weights cannot be fetched, or do not fit.
        """

    @abstractmethod
    def prepare(self, example: Example) -> dict[str, Tensor]:
        """Turn one sample into tensors; runs in the loader's worker processes.

        Raises:
            UserError: the sample cannot be learnt from; it has to say which one only by its sizes,
                the reader adds its name.
        """

    @abstractmethod
    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scalars to log of one batch; the one under `loss` is minimised."""

    @abstractmethod
    def optimiser(self, model: nn.Module) -> Optimizer:
        """Make the optimiser.

        The learning rate of its groups is set before every step, times their `factor` if they have
        one.
        """

    @abstractmethod
    def learning_rate(self, iteration: int) -> float:
        """Learning rate of optimiser step `iteration`, counted from 0."""

    @property
    def adaptation_rate(self) -> float:
        """Learning rate of all steps of a test-time adaptation; unless overridden, the training's.

        That is the one which the schedule rises to.
        """
        return self.settings.learning_rate

    def trouble(self, terms: Mapping[str, float]) -> str | None:
        """Say what has gone wrong for good, so that training stops instead of learning nothing.

        Args:
            terms: what `loss` returned for a batch, as numbers; all are finite.

        Returns:
            The trouble and what to do about it; None if there is none.
        """
        return None

    def conclude(self, model: nn.Module, batches: Iterable[dict[str, Tensor]]) -> None:
        """Settle buffers of the model that are no weights, for each snapshot and at the end.

        Args:
            model: trained, on its device.
            batches: of the training samples, each once, in order, none mirrored; at most
                `CONCLUDE_SAMPLES` samples, fewer for snapshots before the last, evenly spread. They
                are read when they are asked for.
        """
