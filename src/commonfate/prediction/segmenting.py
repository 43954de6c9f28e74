"""Segmentation of a benchmark's frames: what a method predicts, at the annotations' size."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.progress import track
from commonfate.datasets import annotations
from commonfate.methods.base import Method
from commonfate.models.frame import resize_frame
from commonfate.prediction.benchmark import AnnotatedVideo, Benchmark
from commonfate.prediction.crf_settings import CrfSettings
from commonfate.prediction.crop import Crop, central_square
from commonfate.prediction.stores import Flow, Frames

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class How:
    """How a frame is looked at, whatever the method.

    Attributes:
        resolution: size at which the method sees a frame: its own, or the frame's (`native`).
        crop: what part of frame, flow and annotation is used.
        crf: refines the groups; None leaves them as they are.
        frames_of: which frames of a video: those that have an annotation, or all.
    """

    resolution: Literal["network", "native"] = "network"
    crop: Crop = "none"
    crf: CrfSettings | None = None
    frames_of: Literal["annotated", "all"] = "annotated"


@dataclass(frozen=True)
class Task:
    """What is segmented, and what the method may look at."""

    benchmark: Benchmark
    frames: Frames
    flow: Flow | None
    """None for methods that read no flow."""
    how: How = How()

    def times(self, video: AnnotatedVideo) -> list[int]:
        """The frames of a video that are segmented, in order."""
        return list(range(video.frames) if self.how.frames_of == "all" else video.annotations)


@dataclass(frozen=True)
class Facts:
    """What is noted of one prediction.

    Attributes:
        components: their number K.
        groups: their number G.
        seconds: time of network, merging, upsampling and CRF; reading and writing not counted.
        opposite_gap: whether the method saw flow of the gap opposite to the one it asks for.
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
        facts: K, G and more.
    """

    video: AnnotatedVideo
    t: int
    components: np.ndarray
    groups: np.ndarray
    soft: np.ndarray | None
    facts: Facts


def segment(
    method: Method, model: nn.Module | None, task: Task, description: str
) -> Iterator[Segmented]:
    """Segment the frames of a benchmark that the task names, in order.

    A video is passed over from the first frame on that cannot be read.

    Args:
        method: the method.
        model: its network, on its device; None where nothing is trained.
        task: what to segment.
        description: shown beside the progress.
    """
    videos = task.benchmark.videos
    frames = (one for video in videos for one in _unless_broken(method, model, task, video))
    yield from track(frames, description, sum(len(task.times(video)) for video in videos))


def _unless_broken(
    method: Method, model: nn.Module | None, task: Task, video: AnnotatedVideo
) -> Iterator[Segmented]:
    """As `segment_video`, up to a frame that cannot be read."""
    try:
        yield from segment_video(method, model, task, video)
    except StoreError as error:
        log.warning("%s: left out: %s", video.name, error)


def segment_video(
    method: Method, model: nn.Module | None, task: Task, video: AnnotatedVideo
) -> Iterator[Segmented]:
    """Segment the frames of a video, in order; arguments as for `segment`.

    Raises:
        ConfigError: a CRF is asked for where there are not two groups.
        StoreError: a frame, flow or annotation is missing or broken.
    """
    if model is not None:
        model.eval()
    for t in task.times(video):
        yield _segment_frame(method, model, task, video, t)


@dataclass(frozen=True)
class _Seen:
    """What is looked at: a frame and its flow, and the size that the label maps shall have."""

    frame: np.ndarray
    flow: np.ndarray | None
    size: tuple[int, int]
    opposite_gap: bool


def _read(task: Task, video: AnnotatedVideo, t: int) -> _Seen:
    frame = task.frames.read(video.name, t)
    flow, gap = task.flow.read(video.name, t) if task.flow else (None, None)
    annotation = video.annotations.get(t)
    size = frame.shape[:2] if annotation is None else annotations.size(annotation)
    if task.how.crop == "square":
        frame, size = central_square(frame), central_square(size)
        flow = None if flow is None else central_square(flow, axes=(1, 2))
    return _Seen(frame, flow, size, task.flow is not None and gap != task.flow.gap)


def _segment_frame(
    method: Method, model: nn.Module | None, task: Task, video: AnnotatedVideo, t: int
) -> Segmented:
    seen, how = _read(task, video, t), task.how
    size = seen.frame.shape[:2] if how.resolution == "native" else None
    began = time.perf_counter()
    # Not inference mode: what a network keeps of it could not be trained with in an adaptation.
    with torch.no_grad():
        prediction = method.predict(model, seen.frame, seen.flow, size=size)
        # Copying the labels to the CPU waits for the GPU, so the time is that of the work.
        large = upsampled(prediction.components, seen.size)
        components = labels(large)
        if prediction.groups is not prediction.components:
            large = upsampled(prediction.groups, seen.size)
        groups, soft = _groups(large, seen, how.crf, method.settings.method)
    seconds = time.perf_counter() - began
    counts = len(prediction.components), len(prediction.groups)
    facts = Facts(*counts, seconds, seen.opposite_gap)
    return Segmented(video, t, components, groups, soft, facts)


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
    masks: Tensor, seen: _Seen, crf_settings: CrfSettings | None, method: str
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

    frame = resize_frame(seen.frame, seen.size)
    soft = crf.refine(frame, _share_of_second(masks), crf_settings)
    return (soft > 0.5).astype(np.uint8), soft


def _share_of_second(masks: Tensor) -> np.ndarray:
    """The second of two groups as a share of both, (H, W) float32 in [0, 1].

    The CRF weighs two labels whose probabilities sum to 1: with this it begins from the segments
    that it shall refine, above one half where the second group is the larger.
    """
    total = masks.float().sum(0)
    share = torch.where(total > 0, masks[1].float() / total, 0.5)
    return share.cpu().numpy()
