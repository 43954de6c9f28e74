"""Protocols that score whole images: boxes, and classes by neighbours."""

from pathlib import Path

import numpy as np

from commonfate.base import parquet
from commonfate.base.errors import ConfigError, StoreError
from commonfate.datasets import boxes as dataset_boxes
from commonfate.evaluation.features import knn, localization
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.features.run.lazy import held
from commonfate.evaluation.features.run.parts import Item, Part
from commonfate.evaluation.features.settings import KnnSettings

SHOWN_K = 20
"""Neighbours behind `top1`, if they are among those that are scored: DINO's default."""
Boxes = dict[Item, np.ndarray]
"""True boxes (m, 4) float64 by frame; frames without a box are missing."""


def true_boxes(test: Part, table: Path | None) -> Boxes:
    """Boxes of a table, without those of crowds; without a table, those of the masks' objects.

    Raises:
        StoreError: the table or a mask is damaged.
        ConfigError: the table has no box of any item, or masks hold classes but no objects.
    """
    if table is None:
        rows = [
            box
            for video in {name: test.videos[name] for name, _ in test.items}.values()
            for box in dataset_boxes.of_masks(
                video.name,
                [str(video.annotations.get(t, "")) for t in range(video.frames)],
                video.kind,
                test.stores.reader(video.name).size(video.name),
            )
        ]
        frame = dataset_boxes.table(rows)
    else:
        frame = parquet.read(table)
        if missing := [name for name in dataset_boxes.COLUMNS if name not in frame]:
            raise StoreError(
                f"{table}: has no column {missing[0]!r}; name a boxes.parquet, which commonfate "
                "boxes makes"
            )
    frame = frame[~frame["crowd"]]
    items = set(test.items)
    result: dict[Item, list[np.ndarray]] = {}
    ends = frame[["x0", "y0", "x1", "y1"]].to_numpy(np.float64)
    for video, t, box in zip(frame["video"], frame["t"], ends, strict=True):
        if (video, int(t)) in items:
            result.setdefault((video, int(t)), []).append(box)
    if not result:
        raise ConfigError(
            f"{table or test.listing.where}: has no box of a frame that has features; name the "
            "boxes of the same dataset, which commonfate boxes lists"
        )
    return {item: np.stack(each) for item, each in result.items()}


def localized(test: Part, truth: Boxes, released: bool) -> Result:
    """Boxes of the second eigenvectors against the true ones; see `localization.score`."""
    predicted = []
    for video, t in test.items:
        second = test.stores.read(video, t, "eigenvectors")[1]
        size = test.stores.reader(video).size(video)
        predicted.append(localization.box(second, test.patch, size))
    none = np.zeros((0, 4))
    return localization.score(
        np.stack(predicted), [truth.get(item, none) for item in test.items], released
    )


def classified(test: Part, train: Part, settings: KnnSettings) -> tuple[Result, tuple[str, ...]]:
    """Classes of images by their neighbours; `top1` is that of 20 neighbours, or of the first.

    Returns:
        See `knn.score`, and the names of the classes.

    Raises:
        ConfigError: a class that is scored has no training image.
    """
    labels = [[part.listing.labels[video] for video, _ in part.items] for part in (test, train)]
    names = tuple(sorted(set(labels[1])))
    if unseen := sorted(set(labels[0]) - set(names)):
        raise ConfigError(
            f"{test.listing.where}: class {unseen[0]!r} is in no training image of "
            f"{train.listing.where} ({len(unseen)} such classes); name data of the same classes"
        )
    if SHOWN_K in settings.k:
        settings = KnnSettings(
            k=(SHOWN_K, *(k for k in settings.k if k != SHOWN_K)),
            temperature=settings.temperature,
        )
    numbers = {name: number for number, name in enumerate(names)}
    owned, own = (np.array([numbers[name] for name in each]) for each in (labels[1], labels[0]))
    bank, queries = held(train.features("cls")), held(test.features("cls"))
    result = knn.score(bank, owned, queries, own, len(names), settings)
    k = settings.k[0]
    metrics = {"top1": result.metrics[f"top1.k{k}"], **result.metrics}
    notes = (*result.notes, f"top1 is that of k = {k}")
    return Result(**{**vars(result), "metrics": metrics, "notes": notes}), names
