"""Evaluation of semantic segmentation: every class against its true pixels."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from commonfate.datasets.base import CLASS_KINDS
from commonfate.evaluation.kinds.base import Metric, Pictures, PredictionKind, Scoring
from commonfate.evaluation.kinds.masks import MIOU

if TYPE_CHECKING:
    import numpy as np

    from commonfate.evaluation.protocols import Protocol
    from commonfate.prediction.benchmark import AnnotatedVideo, Crop
    from commonfate.prediction.predictions import Predictions
    from commonfate.prediction.segmenting import Segmented


class Classes(PredictionKind):
    """Scores of classes that have names; nothing is chosen."""

    name = "classes"
    rules = ("classes",)
    scorings: ClassVar[Mapping[str, Scoring]] = {"classes": Scoring("classes")}
    metrics = (MIOU, Metric("Acc"))
    main_metric = "mIoU"
    is_average = False
    truth = "labels"
    annotations = CLASS_KINDS
    tables = ("comparison", "classes")

    def evaluate(
        self,
        predictions: "Predictions",
        manifest: Path,
        protocol: "Protocol",
        rule: str,
        output: Path,
    ) -> dict[str, Any]:
        """See `semantic.score.evaluate`."""
        from commonfate.evaluation.semantic import score

        return score.evaluate(predictions, manifest, protocol, output)

    def snapshot_score(
        self, frames: "Iterable[Segmented]", protocol: "Protocol", rule: str, crop: "Crop"
    ) -> float:
        """Mean IoU of all classes."""
        from commonfate.evaluation.semantic import score

        return score.mean_iou(frames, crop)

    def pictures(
        self,
        predictions: "Predictions",
        video: "AnnotatedVideo",
        t: int,
        frame: "np.ndarray",
        folder: Path,
    ) -> Pictures:
        """Predicted and true classes."""
        from commonfate.evaluation.sheets import pictures

        return pictures.classes(predictions, video, t, frame, folder)

    def words(self, rules: str) -> str:
        """No rule has a choice here."""
        return "every class by itself"
