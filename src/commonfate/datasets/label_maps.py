"""Annotations that are label maps: of objects, or of classes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from commonfate.datasets import coco_stuff_classes, mask_values
from commonfate.datasets.base import CLASS_KINDS

KINDS = ("instances", *CLASS_KINDS)
"""Kinds of annotations, without their numbers; `annotations.labels` explains them."""


def is_labelled(kind: str) -> bool:
    """True if annotations of this kind are label maps."""
    return kind.partition(":")[0] in KINDS


def read(path: Path, kind: str) -> np.ndarray:
    """Labels (H, W) uint8 of an annotation of one of `KINDS`; 255 is void.

    Raises:
        StoreError: the file is missing, damaged, or holds colours instead of labels.
    """
    name, _, numbers = kind.partition(":")
    match name:
        case "instances":
            return mask_values.labels(path, name)
        case "coco_stuff27":
            table = np.array(coco_stuff_classes.table(), np.uint8)
            return table[mask_values.class_labels(path)]
        case "objects":
            return _classes_of_objects(path, [int(number) for number in numbers.split(".")])
    return mask_values.class_labels(path)


def _classes_of_objects(path: Path, classes: Sequence[int]) -> np.ndarray:
    """Label map of classes of a mask of objects; objects without a class are void."""
    table = np.full(256, mask_values.VOID, np.uint8)
    table[: len(classes) + 1] = [0, *classes]
    return table[mask_values.labels(path, "instances")]
