"""Test-time adaptation: some steps of the training loss on each video before it is segmented.

Guess What Moves, supplement C.1, takes 20 steps a sequence, on frames with flow; AMD, Section 4.3,
100 on pairs of frames of the video. Each video begins again from the trained weights, with the
optimiser, clipping, batch size and precision of the training. The learning rate is the method's
`adaptation_rate` throughout, the peak of the training's unless settings say otherwise: Guess What
Moves names that rate and no schedule, AMD nothing, and its training has no schedule.
Ground truth is not read. Networks are in training mode during the steps, so batch norm uses and
keeps up its statistics, and dropout drops; then they predict in evaluation mode.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning.fabric import Fabric
from torch import nn

from commonfate.base.errors import ConfigError
from commonfate.methods.base import TrainedMethod
from commonfate.samples import index
from commonfate.training import checkpoint, randomness
from commonfate.training.data import SampleData
from commonfate.training.learner import Learner

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AdaptationOptions:
    """Samples, number of steps, seed.

    Attributes:
        samples: index of training samples; a video is adapted to with its own.
        steps: optimiser steps a video, at least 1.
        seed: of the batches and of all else that is random; each video has its own seed, made of
            this one and its name.
    """

    samples: index.SampleIndex
    steps: int
    seed: int


@dataclass(frozen=True)
class Adaptation:
    """Outcome of the adaptation to one video.

    Attributes:
        steps: optimiser steps taken; 0 where the video is segmented with the trained weights.
        first_loss: the training loss of the first batch, before any step; None without a batch.
        last_loss: that of the last batch, before its step.
        problem: reason why there was no adaptation; None where there was.
        seconds: of the adaptation, reading included.
    """

    steps: int
    first_loss: float | None
    last_loss: float | None
    problem: str | None
    seconds: float


class Adapter:
    """A trained network that is adapted to one video after the other.

    On the CPU the result for a video depends on the trained weights, its samples, the options and
    the number of threads alone, to the bit: not on the videos before it.
    """

    def __init__(
        self, method: TrainedMethod, weights: Path, options: AdaptationOptions, fabric: Fabric
    ) -> None:
        """Make the network and read its weights; no file of them is read again.

        Args:
            method: the method.
            weights: checkpoint or snapshot.
            options: samples, steps and seed.
            fabric: launched; knows device and precision.

        Raises:
            StoreError: the weights are missing or damaged.
        """
        self._method, self._options, self._fabric = method, options, fabric
        self._learner = Learner(method, fabric, pretrained=False)
        checkpoint.load_weights(weights, self.network)
        fresh = self._learner.state()
        copies = {name: value.detach().clone() for name, value in fresh["model"].items()}
        self._trained = fresh | {"model": copies}

    @property
    def network(self) -> nn.Module:
        """The network, on its device."""
        return self._learner.network

    def adapt(self, video: str) -> Adaptation:
        """Go back to the trained weights and adapt them to a video.

        Where that fails, for want of samples or by a loss that is not finite, the network is left
        with the trained weights. Either way it is in evaluation mode then.

        Raises:
            UserError: a sample cannot be read, or is not what the method can learn from.
        """
        began = time.perf_counter()
        self._learner.restore(self._trained)
        losses, problem = self._steps(video, self._options.samples.of_video(video))
        if problem is not None:
            self._learner.restore(self._trained)
        self.network.eval()
        first, last = (losses[0], losses[-1]) if losses else (None, None)
        steps = 0 if problem is not None else len(losses)
        return Adaptation(steps, first, last, problem, round(time.perf_counter() - began, 3))

    def _steps(self, video: str, samples: Sequence[index.Sample]) -> tuple[list[float], str | None]:
        """Take the steps; returns the finite losses and, where it had to stop, the reason."""
        if not samples:
            return [], f"{self._options.samples.path} has no samples of it"
        losses: list[float] = []
        seed = video_seed(self._options.seed, video)
        randomness.seed(seed)
        self.network.train()
        data = SampleData(self._method, samples)
        batches = data.batches(seed, 0, self._options.steps, self._fabric, workers=0)
        with randomness.deterministic(self._fabric.device.type == "cpu"):
            for step, batch in enumerate(batches):
                values = self._learner.gradient(batch, step)
                if not self._learner.is_finite(values):
                    terms = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
                    return losses, f"step {step + 1} is not finite ({terms})"
                if failure := self._method.check_losses(values):
                    return losses, f"step {step + 1}: {failure}"
                losses.append(values["loss"])
                self._learner.update(self._method.adaptation_rate)
        return losses, None


def video_seed(seed: int, video: str) -> int:
    """A seed of 32 bits that depends on seed and video alone."""
    return int.from_bytes(hashlib.sha256(f"{seed} {video}".encode()).digest()[:4])


def read_samples(
    path: Path, videos: Iterable[str], frames: Iterable[str | Path]
) -> index.SampleIndex:
    """Read the samples to adapt to, and check that they are of the videos that are segmented.

    Args:
        path: index that `commonfate samples` made.
        videos: names of the videos that are segmented.
        frames: the stores that their frames are read from.

    Raises:
        ConfigError: none of the videos has a sample, or samples come from other frames.
        StoreError: the index is damaged.
    """
    samples, names = index.read(path), set(videos)
    own = [sample for sample in samples.samples if sample.video in names]
    if not own:
        raise ConfigError(
            f"--index {path}: has no sample of any of the {len(names)} videos that are segmented; "
            f"name the index of their dataset and split"
        )
    given = {Path(store).resolve() for store in frames}
    for sample in own:
        if Path(sample.frame_store).resolve() not in given:
            raise ConfigError(
                f"--index {path}: {sample} is of {sample.frame_store}, which is not given by "
                f"--frames; name the index of the dataset that is segmented"
            )
    return samples
