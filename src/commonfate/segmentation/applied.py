"""Foreground by a trained network, in videos that it was not trained on, and in photographs."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from commonfate import methods
from commonfate.base.errors import ConfigError
from commonfate.evaluation.masks import foreground
from commonfate.foreground import flows, motion, shot
from commonfate.foreground.settings import Steps
from commonfate.methods.base import Prediction, Segmenting, TrainedMethod
from commonfate.prediction import runs
from commonfate.prediction.segmenting import labels, upsampled
from commonfate.segmentation import kept, learned

RUN = "checkpoint.pt"
"""Weights of a run, in its folder."""


class AppliedRun:
    """A trained run of a method that segments frames.

    In a video the components of a method that can merge them by motion are merged so, one choice a
    part; in photographs, and elsewhere, as the run says, and of the groups that is the foreground
    which the method names, or the one with less contact with the border.

    Args:
        run: folder of the run.
        tools: flow and device.

    Raises:
        UserError: it is no run, or one of a method that predicts no groups.
    """

    def __init__(self, run: Path, tools: shot.Tools) -> None:
        settings = runs.settings_of_run(run, None, [])
        if "masks" not in settings.gives:
            gives = " and ".join(settings.gives)
            raise ConfigError(f"--checkpoint {run}: {settings.method} gives {gives}, no foreground")
        self._tools = tools
        self._still = methods.create_segmenting(settings)
        by_motion = settings.merged_by_motion()
        self._moving = None if by_motion is None else methods.create_segmenting(by_motion)
        trained = self._still
        assert isinstance(trained, TrainedMethod)
        self._network = runs.load(run, trained, tools.device).model

    def find(self, frames: np.ndarray, steps: Steps) -> shot.Foreground:
        """The foreground of frames (T, h, w, 3) uint8, RGB."""
        if self._moving is not None and len(frames) > 1:
            estimated = flows.Flows(frames, self._tools.flow, self._tools.device)
            gap = flows.suitable_gap(estimated)
            flow = estimated.of_gaps(sorted({1, -1, gap, -gap}), steps)
            (evidence,) = motion.gather(flow, gap, steps=steps)
            if evidence.moves:
                predictions = self._moving.predict_video(self._network, list(frames), evidence)
                seen = [_large(p.groups, frames[0])[1] for p in predictions]
                return shot.Foreground(np.stack(seen), "a run, merged by motion", gap)
        shown = steps(frames, "segmenting", len(frames))
        seen = [self._of_frame(self._still, self._network, frame) for frame in shown]
        return shot.Foreground(np.stack(seen), "a run, frame by frame")

    def _of_frame(
        self, method: Segmenting, network: nn.Module | None, frame: np.ndarray
    ) -> np.ndarray:
        prediction: Prediction = method.predict(network, frame, None)
        groups = _large(prediction.groups, frame)
        rule = foreground.get(method.settings.foreground)
        of_pixels = labels(torch.from_numpy(groups))
        counts = np.zeros(
            (len(groups), 2), np.int64
        )  # of ground truth, at which no rule looks here
        inside = rule.choose(of_pixels, counts)
        total = np.maximum(groups.sum(0), np.finfo(np.float32).tiny)
        return (groups[inside].sum(0) / total).astype(np.float32)


class AppliedStudent:
    """A network of an earlier `commonfate segment --quality best`, which sees single frames.

    Args:
        path: its file.
        device: torch device.
    """

    def __init__(self, path: Path, device: str) -> None:
        from commonfate.models.encoders.create import create

        self._device = device
        self._network, encoder = kept.load(path, device)
        self._encoder = create(encoder)

    def find(self, frames: np.ndarray, steps: Steps) -> shot.Foreground:
        """The foreground of frames (T, h, w, 3) uint8, RGB."""
        seen = learned.seen_by(self._network, frames, self._encoder, self._device, steps)
        return shot.Foreground(shot.finished(seen, frames), "a network, frame by frame")


def applied(checkpoint: Path, tools: shot.Tools) -> AppliedRun | AppliedStudent:
    """The network that a path names: folder of a run, or a network of `segment`, or its folder.

    Raises:
        UserError: it is neither.
    """
    weights = weights_file(checkpoint)
    if weights.name == RUN:
        return AppliedRun(weights.parent, tools)
    return AppliedStudent(weights, tools.device)


def weights_file(checkpoint: Path) -> Path:
    """File of the weights that a path names.

    Raises:
        ConfigError: there is none.
    """
    if checkpoint.is_file():
        return checkpoint
    for name in (RUN, learned.NETWORK):
        if (checkpoint / name).is_file():
            return checkpoint / name
    raise ConfigError(
        f"--checkpoint {checkpoint}: holds no {RUN} and no {learned.NETWORK}; name the folder of a "
        f"trained run, or of videos that commonfate segment --quality best has segmented"
    )


def _large(groups: torch.Tensor, frame: np.ndarray) -> np.ndarray:
    """(G, H, W) float32 of soft groups, at the size of a frame."""
    return upsampled(groups.float().cpu(), frame.shape[:2]).numpy()
