"""Predictions of a benchmark: label maps of its annotated frames, with the time they took."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from commonfate.evaluation import annotations, label_maps, replaceable
from commonfate.evaluation.benchmark import AnnotatedVideo, Benchmark
from commonfate.evaluation.stores import Flow, Frames
from commonfate.files import replacing_directory, write_json
from commonfate.methods.base import Method
from commonfate.progress import track


@dataclass(frozen=True)
class Task:
    """What is segmented, and what the method may look at."""

    benchmark: Benchmark
    frames: Frames
    flow: Flow | None
    """None for methods that read no flow."""


@dataclass(frozen=True)
class Facts:
    """What is noted of one prediction.

    Attributes:
        components: their number K.
        groups: their number G.
        seconds: time of network, merging and upsampling; reading and writing not counted.
        opposite_gap: whether the method saw flow of the gap opposite to the one it asks for.
    """

    components: int
    groups: int
    seconds: float
    opposite_gap: bool


@dataclass(frozen=True)
class Segmented:
    """Prediction of one annotated frame.

    Attributes:
        video: the video.
        t: frame, counted from 0.
        components: (H, W) uint8 in [0, K), at the annotation's size.
        groups: (H, W) uint8 in [0, G), likewise.
        facts: K, G and more.
    """

    video: AnnotatedVideo
    t: int
    components: np.ndarray
    groups: np.ndarray
    facts: Facts


def label_map(masks: Tensor, size: tuple[int, int]) -> np.ndarray:
    """Upsample soft masks bilinearly (align_corners false) and take the largest at each pixel.

    Args:
        masks: (S, h, w) float, S <= 256.
        size: height and width of the result.

    Returns:
        (H, W) uint8 in [0, S).
    """
    large = functional.interpolate(masks[None], size=size, mode="bilinear", align_corners=False)
    return large[0].argmax(0).to(torch.uint8).cpu().numpy()


def segment(
    method: Method, model: nn.Module | None, task: Task, description: str
) -> Iterator[Segmented]:
    """Segment every annotated frame of a benchmark, in order.

    Args:
        method: the method.
        model: its network, on its device; None where nothing is trained.
        task: what to segment.
        description: shown beside the progress.
    """
    if model is not None:
        model.eval()
    for video, t, annotation in track(task.benchmark, description, len(task.benchmark)):
        size = annotations.size(annotation)
        frame = task.frames.read(video.name, t)
        flow, gap = task.flow.read(video.name, t) if task.flow else (None, None)
        began = time.perf_counter()
        with torch.inference_mode():
            prediction = method.predict(model, frame, flow)
            # Copying the labels to the CPU waits for the GPU, so the time is that of the work.
            components = label_map(prediction.components, size)
            groups = label_map(prediction.groups, size)
        seconds = time.perf_counter() - began
        counts = len(prediction.components), len(prediction.groups)
        opposite = task.flow is not None and gap != task.flow.gap
        yield Segmented(video, t, components, groups, Facts(*counts, seconds, opposite))


def device_name(device: str) -> str:
    """What a reader of a runtime must know, e.g. `NVIDIA H200` or `CPU, 2 threads`."""
    if device == "cpu":
        return f"CPU, {torch.get_num_threads()} threads"
    return torch.cuda.get_device_name(device)


def check_output(output: str | Path) -> None:
    """Refuse to replace a folder that is not one of predictions.

    Raises:
        ConfigError: `output` is a folder that this program did not make.
    """
    replaceable.check(Path(output), Path(output, "predictions.json"), "segments")


def write(
    output: str | Path,
    method: Method,
    model: nn.Module | None,
    task: Task,
    facts: dict[str, Any],
) -> None:
    """Segment a benchmark and write its label maps and `predictions.json` into a new folder.

    Args:
        output: folder that is made, or replaced, in one step.
        method: the method.
        model: as for `segment`.
        task: what to segment.
        facts: what else `predictions.json` should hold: run, checkpoint, split, device,
            provenance.

    Raises:
        ConfigError: `output` is a folder that this program did not make.
        StoreError: a frame, flow or annotation is missing or broken; nothing is written.
    """
    check_output(output)
    done: list[Facts] = []
    with replacing_directory(output) as folder:
        for one in segment(method, model, task, "segmenting"):
            name = f"{one.video.name}/{one.t:05d}.png"
            label_maps.write(folder / "components" / name, one.components)
            label_maps.write(folder / "groups" / name, one.groups)
            done.append(one.facts)
        found = _summary(method, task, done, facts["device"])
        write_json(folder / "predictions.json", {**found, **facts})


def _summary(method: Method, task: Task, done: list[Facts], device: str) -> dict[str, Any]:
    seconds = [one.seconds for one in done]
    return {
        "method": method.settings.method,
        "description": method.description,
        "segments": {
            "components": max(one.components for one in done),
            "groups": max(one.groups for one in done),
        },
        "frames": {video.name: len(video.annotations) for video in task.benchmark.videos},
        "n_frames": len(done),
        "left_out": task.benchmark.left_out,
        "seconds_per_frame": {
            "median": statistics.median(seconds),
            "mean": statistics.fmean(seconds),
            "device": device,
        },
        "frames_with_flow_of_opposite_gap": sum(one.opposite_gap for one in done),
    }
