"""Maps of features and maps of classes: sizes, checks, counts and scores."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from commonfate.datasets.mask_values import VOID
from commonfate.evaluation.features.neighbours import finite
from commonfate.evaluation.features.result import Result
from commonfate.evaluation.semantic import confusion

ALL_VOID = "every pixel is void"


def pair(features: np.ndarray, truth: np.ndarray, name: str) -> tuple[Tensor, Tensor]:
    """Features and truth as tensors.

    Args:
        features: (b, h, w, C) float; images of a call have one size, calls may differ.
        truth: (b, H, W) uint8, 255 void.
        name: the images, for messages.

    Returns:
        (b, C, h, w) float32 and (b, H, W) int64.

    Raises:
        ValueError: shapes do not go together, or a feature is not finite.
    """
    if features.ndim != 4 or truth.ndim != 3 or len(features) != len(truth):
        raise ValueError(
            f"{name}: expected features (n, h, w, C) and truth (n, H, W), not "
            f"{features.shape} and {truth.shape}"
        )
    classes = torch.from_numpy(np.ascontiguousarray(truth, np.int64))
    return finite(features, name).permute(0, 3, 1, 2), classes


def enlarged(maps: Tensor, size: Sequence[int]) -> Tensor:
    """(b, C, h, w) maps at another size, bilinearly between pixel centres."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return functional.interpolate(maps, size=list(size), mode="bilinear", align_corners=False)


def nearest_labels(labels: Tensor, size: Sequence[int]) -> Tensor:
    """(b, H, W) int64 labels at another size, those of the nearest pixel (torch's `nearest`)."""
    if tuple(labels.shape[-2:]) == tuple(size):
        return labels
    return functional.interpolate(labels[:, None].float(), size=list(size))[:, 0].long()


class Counts:
    """Pixels of classes by true and predicted class, image by image.

    Args:
        classes: their number C, at most 255.
        outputs: number of predicted classes, at least C; those above are always wrong.
    """

    def __init__(self, classes: int, outputs: int | None = None) -> None:
        self.classes, self.outputs = classes, outputs or classes
        self._images: list[np.ndarray] = []
        self._predictions: list[np.ndarray] = []

    def add(self, predicted: Tensor, truth: Tensor) -> None:
        """Count a batch: (b, H, W) integers each.

        Raises:
            ValueError: the truth holds a class that is not in [0, C).
        """
        for labels, true in zip(predicted, truth, strict=True):
            ours, theirs = (each.cpu().numpy().astype(np.uint8) for each in (labels, true))
            if ((theirs >= self.classes) & (theirs != VOID)).any():
                beyond = theirs[theirs != VOID].max()
                raise ValueError(f"class {beyond} is not one of 0 to {self.classes - 1}")
            self._images.append(confusion.count(ours, theirs, self.outputs))
            self._predictions.append(ours)

    def iou(self) -> np.ndarray:
        """IoU of each class over all images: (C,) float64, NaN of those that do not occur."""
        total = sum(self._images, np.zeros((self.outputs, self.outputs), np.int64))
        return confusion.iou(total)[: self.classes]

    def result(self, absent_as_zero: bool = False, notes: tuple[str, ...] = ()) -> Result:
        """`mIoU` and `Acc`, from the pixels of all images; NaN if every pixel is void.

        Args:
            absent_as_zero: count classes that do not occur as 0, as released code does, instead of
                leaving them out of the mean.
            notes: sentences for the result.

        Returns:
            Items are the mean IoU of each image, NaN of those that are all void; predictions are
            (n, H, W) uint8 if all have one size, else (n,) of arrays.
        """
        total = sum(self._images, np.zeros((self.outputs, self.outputs), np.int64))
        counted = bool(total.any())
        iou, nan = self.iou(), float("nan")
        mean = float(np.nan_to_num(iou).mean() if absent_as_zero else _mean(iou))
        items = [_mean(confusion.iou(m)[: self.classes]) if m.any() else nan for m in self._images]
        return Result(
            {
                "mIoU": mean if counted else nan,
                "Acc": confusion.accuracy(total) if counted else nan,
            },
            np.array(items, np.float64),
            stacked(self._predictions),
            classes=iou,
            left_out={i: ALL_VOID for i, m in enumerate(self._images) if not m.any()},
            notes=notes,
        )


def _mean(iou: np.ndarray) -> float:
    occurring = iou[~np.isnan(iou)]
    return float(occurring.mean()) if len(occurring) else float("nan")


def stacked(maps: Sequence[np.ndarray]) -> np.ndarray:
    """(n, H, W) where maps have one size, else (n,) of arrays."""
    if len({each.shape for each in maps}) == 1:
        return np.stack(maps)
    result = np.empty(len(maps), object)
    result[:] = list(maps)
    return result
