"""Protocols of the benchmark of features on real images, and their settings."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from commonfate.evaluation.features import (
    clustering,
    linear,
    localization,
    probe,
    propagated,
    propagation,
    retrieval,
)
from commonfate.evaluation.features.settings import FRAMES_APART, TIMET_VOC, ClusteringSettings
from commonfate.flow.estimators import registry
from commonfate.flow.resize import resize
from commonfate.flow.settings import FlowSource
from commonfate.methods.residual_flow.method import ResidualFlow
from commonfate.methods.residual_flow.settings import ResidualFlowSettings
from commonfate.models.grouping.boxes import box_of, largest_component
from commonfate.models.grouping.spectral import spectrum

CLIP = 16
"""Frames of a clip of CamVid, about a second."""
MEMORY = 100_000
"""Patches of the retrieval's memory."""
PROBE_BATCH = 16
"""Images a step of the linear probe: CamVid is a quarter of VOC, and would else have 350 steps."""


@dataclass(frozen=True)
class Size:
    """Amount of work."""

    repeats: int = 3
    epochs: int = 50
    starts: int = 5


Score = tuple[float, float]
"""Share of 1 and its deviation over the repeats."""


def camvid_scores(
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    classes: int,
    size: Size,
) -> dict[str, Score]:
    """Linear probe, retrieval and clusterings of tokens (n, h, w, C) and truth (n, H, W)."""
    clips = np.arange(len(validation[0])) // CLIP
    result = {
        "linear": _over([_linear(training, validation, classes, s, size) for s in _seeds(size)]),
        "retrieval": _over([_retrieval(training, validation, classes, s) for s in _seeds(size)]),
    }
    common = {"repeats": size.repeats, "starts": size.starts}
    named = {
        "F": ClusteringSettings(level="frame", **common),
        "C": ClusteringSettings(level="clip", **common),
        "D, K = 11": ClusteringSettings(level="dataset", clusters=classes, **common),
        "D, K = 100": ClusteringSettings(
            level="dataset", clusters=100, matched="many_to_one", **common
        ),
    }
    for name, settings in named.items():
        scored = clustering.score(*validation, settings, clips)
        result[name] = (scored.metrics["mIoU"], scored.spread.get("mIoU", 0.0))
    return result


def _seeds(size: Size) -> range:
    return range(size.repeats)


def _over(values: Sequence[float]) -> Score:
    return float(np.mean(values)), float(np.std(values))


def _linear(
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    classes: int,
    seed: int,
    size: Size,
) -> float:
    changes = {"classes": classes, "seed": seed, "epochs": size.epochs, "batch_size": PROBE_BATCH}
    changes["drop_every"] = max(2 * size.epochs // 5, 1)
    settings = TIMET_VOC.model_copy(update=changes)
    scored = probe.run(
        lambda channels: linear.LinearHead(channels, settings),
        probe.cached(*training, PROBE_BATCH, seed),
        lambda: probe.cached(*validation, PROBE_BATCH)(0),
        settings,
    )
    return scored.metrics["mIoU"]


def _retrieval(
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    classes: int,
    seed: int,
) -> float:
    settings = retrieval.RetrievalSettings(classes=classes, memory=MEMORY, seed=seed)
    memory = retrieval.remember(*training, settings)
    batches = [
        (validation[0][i : i + 4], validation[1][i : i + 4])
        for i in range(0, len(validation[0]), 4)
    ]
    return retrieval.score(memory, batches, settings, len(batches)).metrics["mIoU"]


def spectral_box(keys: np.ndarray, patch: int, shown: tuple[int, int], scale: float) -> np.ndarray:
    """The box (4,) of the Fiedler vector of keys (h, w, C), in pixels of the original image.

    Args:
        keys: features of the resized image.
        patch: pixels of it to a patch.
        shown: its height and width.
        scale: by which it was resized.
    """
    vector = spectrum(keys.reshape(-1, keys.shape[-1]).astype(np.float32), 2).vectors[1]
    return localization.box(vector.reshape(keys.shape[:2]), patch, shown) / scale


def flow_box(flow: np.ndarray) -> np.ndarray:
    """The box (4,) of the largest part that moves of its own; the whole image if there is none."""
    method = ResidualFlow(ResidualFlowSettings())
    frame = np.zeros((*flow.shape[1:], 3), np.uint8)
    moving = method.predict(None, frame, flow).components[1].numpy() > 0
    if not moving.any():
        return np.array([0, 0, flow.shape[2], flow.shape[1]])
    return box_of(largest_component(moving))


def flows(
    source: FlowSource, frames: Sequence[np.ndarray], pairs: Sequence[tuple[int, int]]
) -> list[np.ndarray]:
    """Flow (2, H, W) float32 from the first frame of each pair to the second."""
    estimator = registry.create(source)
    encoded = estimator.encode(frames)
    return [np.asarray(estimator.estimate_pairs([(encoded[a], encoded[b])])[0]) for a, b in pairs]


def still(truth: np.ndarray) -> list[propagated.Clip]:
    """Propagate the first mask by holding it; the clips, by step, as `FRAMES_APART`."""
    return [(propagation.held_still(t[0], len(t)), t) for t in _clips(truth)]


def moved(
    source: FlowSource, frames: Sequence[np.ndarray], truth: np.ndarray, chained: bool
) -> list[propagated.Clip]:
    """Propagate by flow, from frame to frame of the clip directly or through those between.

    Args:
        source: of the flow.
        frames: (h, w, 3) each, of the truth's size or smaller; their flow is enlarged.
        truth: (T, H, W) masks.
        chained: go through the frames between.
    """
    size = truth.shape[1:]

    def backward(pairs: Sequence[tuple[int, int]]) -> np.ndarray:
        fields = [resize(flow, size) for flow in flows(source, frames, pairs)]
        return np.stack(fields) if fields else np.empty((0, 2, *size), np.float32)

    between = backward([(t, t - 1) for t in range(1, len(frames))]) if chained else None
    clips: list[propagated.Clip] = []
    for step, true in zip(FRAMES_APART, _clips(truth), strict=True):
        ends = range(step, step * len(true), step)
        if between is None:
            fields = backward([(end, end - step) for end in ends])
        else:
            steps = [propagation.chained(between[end - step : end][::-1]) for end in ends]
            fields = np.stack(steps) if steps else between[:0]
        clips.append((propagation.by_flow(true[0], fields)[0], true))
    return clips


def forwarded(tokens: np.ndarray, truth: np.ndarray) -> list[propagated.Clip]:
    """Propagate by the Feature-Forwarder on tokens (T, h, w, C) of all frames."""
    steps = FRAMES_APART
    return [
        (propagation.by_forwarder(true[0], tokens[::step][: len(true)]), true)
        for step, true in zip(steps, _clips(truth), strict=True)
    ]


def _clips(truth: np.ndarray) -> list[np.ndarray]:
    return [truth[::step] for step in FRAMES_APART]


def propagation_scores(clips: Sequence[propagated.Clip]) -> dict[str, float]:
    """J and F of aligned frames, and the released score, of the clips of one step."""
    aligned = propagated.score(clips).metrics
    released = propagated.score_released(clips).metrics["IoU"]
    return {"J": aligned["J"], "F": aligned["F"], "released": released}


def threads(count: int) -> None:
    """Use so many threads, so that a busy machine stays usable."""
    torch.set_num_threads(count)
    cv2.setNumThreads(count)
