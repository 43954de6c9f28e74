"""Segmentation of a benchmark's frames by a method, at the annotations' size."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.progress import track
from commonfate.datasets import annotations
from commonfate.methods.base import Prediction, Segmenting
from commonfate.models.frame import resize_frame
from commonfate.prediction import evidence
from commonfate.prediction.benchmark import AnnotatedVideo, Benchmark, Crop, central_square
from commonfate.prediction.crf import CrfSettings
from commonfate.prediction.stores import Flow, Frames

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrameOptions:
    """Options of prediction that do not depend on the method.

    Attributes:
        resolution: size at which the method sees a frame: its own, or the frame's (`native`).
        crop: part of frame, flow and annotation that is used.
        crf: refines the groups; None leaves them as they are.
        frames_of: all frames of a video, or those that have an annotation.
    """

    resolution: Literal["network", "native"] = "network"
    crop: Crop = "none"
    crf: CrfSettings | None = None
    frames_of: Literal["annotated", "all"] = "annotated"


@dataclass(frozen=True)
class Task:
    """A benchmark, the stores of its frames and flow, and options."""

    benchmark: Benchmark
    frames: Frames
    flow: Flow | None
    """None for methods that read no flow."""
    options: FrameOptions = FrameOptions()

    def times(self, video: AnnotatedVideo) -> list[int]:
        """The frames of a video that are segmented, in order."""
        return list(range(video.frames) if self.options.frames_of == "all" else video.annotations)


@dataclass(frozen=True)
class FrameRecord:
    """Numbers to keep of the prediction of one frame.

    Attributes:
        components: number K of components.
        groups: number G of groups.
        seconds: time of network, merging, upsampling and CRF; reading and writing not counted.
        opposite_gap: True if the method saw flow of the gap opposite to the one it asks for.
    """

    components: int
    groups: int
    seconds: float
    opposite_gap: bool


@dataclass(frozen=True)
class Segmented:
    """Prediction of one frame, at the size of its annotation (of the frame where it has none).

    Attributes:
        video: the video.
        t: frame, counted from 0.
        components: (H, W) uint8 in [0, K); of the crop only, where the task crops.
        groups: (H, W) uint8 in [0, G), likewise.
        soft: (H, W) float32 in [0, 1], the probability of group 1 where G is 2, otherwise None.
            It may be below one half where group 1 is the likelier one, see `Prediction`.
        record: K, G and more.
    """

    video: AnnotatedVideo
    t: int
    components: np.ndarray
    groups: np.ndarray
    soft: np.ndarray | None
    record: FrameRecord


def segment(
    method: Segmenting, model: nn.Module | None, task: Task, description: str
) -> Iterator[Segmented]:
    """Segment the frames of a benchmark that the task names, in order.

    A video ends at the first frame that cannot be read; the next one follows.

    Args:
        method: the method.
        model: its network, on its device; None where nothing is trained.
        task: videos, stores and options.
        description: shown beside the progress.
    """
    videos = task.benchmark.videos
    frames = (frame for video in videos for frame in _unless_broken(method, model, task, video))
    yield from track(frames, description, sum(len(task.times(video)) for video in videos))


def _unless_broken(
    method: Segmenting, model: nn.Module | None, task: Task, video: AnnotatedVideo
) -> Iterator[Segmented]:
    """As `segment_video`, up to a frame that cannot be read."""
    try:
        yield from segment_video(method, model, task, video)
    except StoreError as error:
        log.warning("%s: left out: %s", video.name, error)


def segment_video(
    method: Segmenting, model: nn.Module | None, task: Task, video: AnnotatedVideo
) -> Iterator[Segmented]:
    """Segment the frames of a video, in order; arguments as for `segment`.

    Raises:
        ConfigError: a CRF is asked for where there are not two groups.
        StoreError: a frame, flow or annotation is missing or broken.
    """
    if model is not None:
        model.eval()
    if method.settings.by_video:
        yield from _segment_together(method, model, task, video)
        return
    for t in task.times(video):
        yield _segment_frame(method, model, task, video, t)


@dataclass(frozen=True)
class _Input:
    """A frame with its flow, and the size of the label maps to make."""

    frame: np.ndarray
    flow: np.ndarray | None
    size: tuple[int, int]
    opposite_gap: bool


def _read(task: Task, video: AnnotatedVideo, t: int, with_flow: bool) -> _Input:
    frame = task.frames.read(video.name, t)
    stores = task.flow if with_flow else None
    flow, gap = stores.read(video.name, t) if stores else (None, None)
    annotation = video.annotations.get(t)
    size = frame.shape[:2] if annotation is None else annotations.size(annotation)
    if task.options.crop == "square":
        frame, size = central_square(frame), central_square(size)
        flow = None if flow is None else central_square(flow, axes=(1, 2))
    return _Input(frame, flow, size, stores is not None and gap != stores.gap)


def _segment_frame(
    method: Segmenting, model: nn.Module | None, task: Task, video: AnnotatedVideo, t: int
) -> Segmented:
    inputs = _read(task, video, t, with_flow=True)
    size = inputs.frame.shape[:2] if task.options.resolution == "native" else None
    began = time.perf_counter()
    # Not inference mode: tensors that a network keeps could not be trained with in an adaptation.
    with torch.no_grad():
        prediction = method.predict(model, inputs.frame, inputs.flow, size=size)
    seconds = time.perf_counter() - began
    return _enlarged(method, task, video, t, inputs, prediction, seconds)


def _segment_together(
    method: Segmenting, model: nn.Module | None, task: Task, video: AnnotatedVideo
) -> Iterator[Segmented]:
    times, frames = task.times(video), _Frames(task, video)
    assert task.flow is not None
    motion, spent = evidence.of_video(task.flow, video.name, video.frames, task.options.crop)
    size = frames[0].shape[:2] if task.options.resolution == "native" else None
    began, read = time.perf_counter(), frames.seconds
    with torch.no_grad():
        predictions = list(method.predict_video(model, frames, motion.of(times), size=size))
    each = (spent + time.perf_counter() - began - (frames.seconds - read)) / len(times)
    for t, prediction in zip(times, predictions, strict=True):
        inputs = _read(task, video, t, with_flow=False)
        yield _enlarged(method, task, video, t, inputs, prediction, each)


class _Frames(Sequence[np.ndarray]):
    """The frames of a video that are segmented, each read whenever it is asked for.

    Attributes:
        seconds: time spent on reading.
    """

    def __init__(self, task: Task, video: AnnotatedVideo) -> None:
        self._task, self._video, self._times = task, video, task.times(video)
        self.seconds = 0.0

    def __len__(self) -> int:
        return len(self._times)

    def __getitem__(self, index: Any) -> Any:
        began = time.perf_counter()
        frame = _read(self._task, self._video, self._times[index], with_flow=False).frame
        self.seconds += time.perf_counter() - began
        return frame


def _enlarged(
    method: Segmenting,
    task: Task,
    video: AnnotatedVideo,
    t: int,
    inputs: _Input,
    prediction: Prediction,
    seconds: float,
) -> Segmented:
    """A prediction that took some seconds, at the size of the annotation, refined."""
    began = time.perf_counter()
    with torch.no_grad():
        # Copying the labels to the CPU waits for the GPU, so the time is that of the work.
        large = upsampled(prediction.components, inputs.size)
        components = labels(large)
        if prediction.groups is not prediction.components:
            large = upsampled(prediction.groups, inputs.size)
        groups, soft = _groups(large, inputs, task.options.crf, method.settings.method)
    seconds += time.perf_counter() - began
    counts = len(prediction.components), len(prediction.groups)
    record = FrameRecord(*counts, seconds, inputs.opposite_gap)
    return Segmented(video, t, components, groups, soft, record)


def upsampled(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize soft masks bilinearly (align_corners false).

    Args:
        masks: (S, h, w) float in [0, 1].
        size: height and width of the result.

    Returns:
        (S, H, W) float in [0, 1].
    """
    large = functional.interpolate(masks[None], size=size, mode="bilinear", align_corners=False)
    return large[0].clamp(0, 1)


def labels(masks: Tensor) -> np.ndarray:
    """Take the largest of soft masks at each pixel; of equals the first.

    Args:
        masks: (S, H, W) float, S <= 256.

    Returns:
        (H, W) uint8 in [0, S).
    """
    # As argmax, which on a CPU takes ten times as long over the first axis.
    return masks.max(0).indices.to(torch.uint8).cpu().numpy()


def _groups(
    masks: Tensor, inputs: _Input, crf_settings: CrfSettings | None, method: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Label map of groups, (G, H, W), and the probability of the second where there are two."""
    soft = masks[1].float().cpu().numpy() if len(masks) == 2 else None
    if crf_settings is None:
        return labels(masks), soft
    if soft is None:
        raise ConfigError(
            f"--crf: method {method} makes {len(masks)} groups here, but the CRF refines two, "
            f"foreground and background; leave --crf out"
        )
    from commonfate.prediction import crf

    frame = resize_frame(inputs.frame, inputs.size)
    soft = crf.refine(frame, _share_of_second(masks), crf_settings)
    return (soft > 0.5).astype(np.uint8), soft


def _share_of_second(masks: Tensor) -> np.ndarray:
    """The second of two groups as a share of both, (H, W) float32 in [0, 1].

    The CRF takes two labels whose probabilities sum to 1. The share is above one half exactly where
    the second group is the larger.
    """
    total = masks.float().sum(0)
    share = torch.where(total > 0, masks[1].float() / total, 0.5)
    return share.cpu().numpy()
