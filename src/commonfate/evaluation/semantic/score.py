"""Scores of a benchmark of semantic segmentation: IoU of each class, and their mean.

Pixels are counted over all scored frames before anything is divided, as PASCAL VOC does, so every
protocol gives the same mean: it only chooses the scored frames.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from commonfate.base.errors import ConfigError, StoreError
from commonfate.base.files import check_replaceable, exclusive, replacing_directory, write_json
from commonfate.base.progress import track
from commonfate.datasets import label_maps
from commonfate.datasets.base import CLASS_KINDS
from commonfate.evaluation import record
from commonfate.evaluation.protocols import Protocol
from commonfate.evaluation.semantic import confusion
from commonfate.prediction import benchmark, maps
from commonfate.prediction.benchmark import Benchmark, Crop, central_square
from commonfate.prediction.predictions import Predictions
from commonfate.prediction.segmenting import Segmented

CLASSES = "classes"
"""The rule."""


def evaluate(
    predictions: Predictions, manifest: str | Path, protocol: Protocol, output: str | Path
) -> dict[str, Any]:
    """Score predicted classes, which are a method's components; write them and the scores.

    The label maps of every annotated frame, scored or not, in the colours of PASCAL VOC, go into
    the folder beside `output` that has its name without `.json`; the scores are written after them.

    Scores hold the IoU of every class that occurs, and `metrics`: `mIoU`, their mean, and `Acc`,
    the share of pixels of the right class; both for each sequence too, and of each frame the mIoU.
    Frames whose pixels are all void do not count.

    Args:
        predictions: of all annotated frames; annotations are cropped like the frames.
        manifest: manifest of the dataset that was segmented; its annotations are label maps of
            classes.
        protocol: the frames that count.
        output: JSON file, replaced in one step.

    Returns:
        The content of the JSON.

    Raises:
        StoreError: a prediction or an annotation is missing or broken, or holds a class that is not
            predicted; nothing is written.
        ConfigError: the annotations or the predictions are not classes, or there is a folder for
            the label maps that this program did not make.
    """
    output = Path(output)
    folder = output.with_suffix("")
    check_replaceable(folder, output, "protocol")
    task = benchmark.read(manifest, predictions.metadata["split"])
    task = task.without(predictions.metadata.get("left_out", {}))
    record.check_annotations(task, CLASS_KINDS, f"--foreground {CLASSES}")
    if predictions.metadata.get("gives") != "classes":
        raise ConfigError(
            f"--foreground {CLASSES}: the components of {predictions.path} are no classes, as "
            f"method {predictions.metadata['method']} does not learn from labels; choose another"
        )
    scored = record.scored_frames(protocol, task)
    with exclusive(output):
        with replacing_directory(folder) as temporary:
            matrices = _count(predictions, task, temporary)
            void = {
                name: frames
                for name, each in matrices.items()
                if (frames := [t for t, matrix in each.items() if not matrix.any()])
            }
            counted = record.counted(scored, void)
        sequences = {
            name: _sequence({t: matrices[name][t] for t in ts}) for name, ts in counted.items()
        }
        matrix = np.sum([matrices[name][t] for name, ts in counted.items() for t in ts], axis=0)
        each = confusion.iou(matrix)
        scores = record.metadata(predictions, manifest, protocol, CLASSES, task, counted, void) | {
            "average": "pooled",
            "foreground_looks_at_ground_truth": False,
            "sequences": sequences,
            "metrics": _metrics(matrix),
            "classes": {str(c): float(each[c]) for c in np.flatnonzero(~np.isnan(each))},
            "n_classes": len(each),
        }
        write_json(output, scores)
    return scores


def read_truth(annotation: Path, kind: str, crop: Crop) -> np.ndarray:
    """True classes, (H, W) uint8, 255 where there is none: of the part that is segmented.

    Args:
        annotation: the file.
        kind: of the annotation, one of classes.
        crop: the part.

    Raises:
        StoreError: the annotation is missing or broken.
    """
    truth = label_maps.read(annotation, kind)
    return central_square(truth) if crop == "square" else truth


def frame_matrix(
    labels: np.ndarray, truth: np.ndarray, classes: int, annotation: Path
) -> np.ndarray:
    """Count the pixels of one frame.

    Args:
        labels, truth, classes: see `confusion.count`.
        annotation: where the truth was read from.

    Raises:
        StoreError: the truth holds a class that is not predicted.
    """
    try:
        return confusion.count(labels, truth, classes)
    except ValueError as error:
        raise StoreError(
            f"{annotation}: {error}, those that are predicted; evaluate what was trained on the "
            f"classes of this dataset"
        ) from None


def mean_iou(frames: Iterable[Segmented], crop: Crop) -> float:
    """Mean IoU of predictions that are not written.

    Args:
        frames: predictions of the scored frames.
        crop: the part of the annotations that is scored.

    Raises:
        StoreError: an annotation is broken, or holds a class that is not predicted.
    """
    total = np.zeros((), np.int64)
    for frame in frames:
        annotation = frame.video.annotations[frame.t]
        truth, classes = read_truth(annotation, frame.video.kind, crop), frame.record.components
        total = total + frame_matrix(frame.components, truth, classes, annotation)
    return confusion.mean_iou(total)


def _count(
    predictions: Predictions, task: Benchmark, folder: Path
) -> dict[str, dict[int, np.ndarray]]:
    """Pixels of every annotated frame, by sequence; writes label maps into `folder`."""
    matrices: dict[str, dict[int, np.ndarray]] = {}
    for video, t, file in track(task, "scoring", len(task)):
        truth = read_truth(file, video.kind, predictions.metadata["crop"])
        labels = predictions.read("components", video.name, t, truth.shape)
        maps.write_labels(folder / video.name / f"{t:05d}.png", labels, maps.voc_palette())
        classes = predictions.metadata["segments"]["components"]
        matrices.setdefault(video.name, {})[t] = frame_matrix(labels, truth, classes, file)
    return matrices


def _sequence(matrices: Mapping[int, np.ndarray]) -> dict[str, Any]:
    frames = {f"{t:05d}": confusion.mean_iou(matrix) for t, matrix in matrices.items()}
    return {"frames": frames, "metrics": _metrics(np.sum(list(matrices.values()), axis=0))}


def _metrics(matrix: np.ndarray) -> dict[str, float]:
    return {"mIoU": confusion.mean_iou(matrix), "Acc": confusion.accuracy(matrix)}
