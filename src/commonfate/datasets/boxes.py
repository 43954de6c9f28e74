"""Boxes around objects: those that a dataset ships, or those of its masks."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from commonfate.base.errors import ConfigError
from commonfate.datasets import annotations, mask_values
from commonfate.datasets.base import Adapter, Box, Boxed

COLUMNS = ("video", "t", "x0", "y0", "x1", "y1", "class", "difficult", "truncated", "crowd")
"""Columns of the table of boxes, see `Box`."""
_TYPES = {"t": "int64"} | dict.fromkeys(("x0", "y0", "x1", "y1"), "float64")
_FLAGS = dict.fromkeys(("difficult", "truncated", "crowd"), "bool")


def table(boxes: Iterable[Box]) -> pd.DataFrame:
    """Table of boxes, a row each, in the given order, with the columns `COLUMNS`."""
    frame = pd.DataFrame(list(boxes), columns=list(COLUMNS))
    return frame.astype({"video": "object", "class": "object"} | _TYPES | _FLAGS)


def of_dataset(adapter: Adapter, manifest: pd.DataFrame) -> pd.DataFrame:
    """Boxes of the usable videos of a dataset: the adapter's, else those of the masks.

    Args:
        adapter: of the dataset.
        manifest: its videos, see `videos.manifest`.

    Raises:
        ConfigError: as the adapter's `videos` (so does StoreError), or the masks hold classes but
            no objects.
        StoreError: a mask or the file of boxes is missing or damaged.
    """
    usable = manifest[manifest["status"] == "ok"]
    if isinstance(adapter, Boxed):
        names = set(usable["id"])
        return table(box for box in adapter.boxes() if box.video in names)
    rows = usable.sort_values("id").to_dict("records")
    return table(box for row in rows for box in _of_video(row))


def _of_video(row: dict[Any, Any]) -> Iterator[Box]:
    files = row["annotation_files"]
    if files is not None:
        size = int(row["height"]), int(row["width"])
        yield from of_masks(row["id"], list(files), row["annotation_kind"], size)


def of_masks(
    video: str, files: Sequence[str], kind: str, size: tuple[int, int] | None = None
) -> Iterator[Box]:
    """Boxes around the visible part of each object of each annotated frame.

    Of masks without objects (`binary` and the like) the foreground is one object.

    Args:
        video: its id.
        files: annotation of each frame, "" without one.
        kind: of the annotations.
        size: height and width of the frames, in whose pixels the boxes are; None: the masks'.

    Raises:
        StoreError: a mask is missing or damaged.
        ConfigError: the masks hold classes but no objects, so that boxes are not known.
    """
    name, _, numbers = kind.partition(":")
    if name in ("classes", "coco_stuff27"):
        raise ConfigError(
            f"{video}: its masks hold {kind}, not objects, so that there are no boxes; set the "
            f"dataset's labels to instances if it has them"
        )
    classes = numbers.split(".") if name == "objects" else []
    for t, file in enumerate(files):
        if file:
            labels = annotations.labels(file, "instances" if classes else kind)
            rows, columns = np.divide(size or labels.shape, labels.shape).tolist()
            for number, (x0, y0, x1, y1) in of_labels(labels).items():
                category = classes[number - 1] if number <= len(classes) else ""
                if category == str(mask_values.VOID):
                    category = ""
                ends = x0 * columns, y0 * rows, x1 * columns, y1 * rows
                yield Box(video, t, *ends, category=category)


def of_labels(labels: np.ndarray) -> dict[int, tuple[float, float, float, float]]:
    """Box of each object of a label map.

    Args:
        labels: (H, W) uint8; 0 is background, 255 void.

    Returns:
        x0, y0, x1, y1 by label: first column and row, and one past the last; empty without objects.
    """
    objects = np.where(labels == mask_values.VOID, 0, labels)
    boxes = {}
    for number in np.unique(objects[objects > 0]):
        rows, columns = (np.flatnonzero((objects == number).any(axis)) for axis in (1, 0))
        boxes[int(number)] = (
            float(columns[0]),
            float(rows[0]),
            float(columns[-1] + 1),
            float(rows[-1] + 1),
        )
    return boxes
