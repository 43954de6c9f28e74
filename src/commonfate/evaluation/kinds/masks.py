"""Evaluation of a foreground, chosen among the segments of a method, against the true mask."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings
from commonfate.evaluation.kinds.base import Metric, Pictures, PredictionKind, Scoring

if TYPE_CHECKING:
    import numpy as np

    from commonfate.evaluation.protocols import Protocol
    from commonfate.prediction.benchmark import AnnotatedVideo, Crop
    from commonfate.prediction.predictions import Predictions
    from commonfate.prediction.segmenting import Segmented

MIOU = Metric(
    "mIoU",
    "mIoU: mean of the IoU of all classes that are in the ground truth or predicted; the pixels of "
    "all scored frames are counted together.",
)
MAE = Metric(
    "MAE",
    "MAE: mean absolute difference of the soft foreground and the ground truth, a fraction; lower "
    "is better.",
    is_fraction=True,
    lower_is_better=True,
)


class Masks(PredictionKind):
    """Scores of segments; a rule of `masks.foreground` chooses the foreground among them."""

    name = "masks"
    rules = ("unsupervised", "unsupervised_released", "object", "oracle", "oracle_components")
    # The two `released` are those of the released code of Guess What Moves, on videos and on
    # images, where its published numbers come from.
    scorings: ClassVar[Mapping[str, Scoring]] = {
        "leak_free": Scoring(None),
        "oracle": Scoring("oracle"),
        "oracle_components": Scoring("oracle_components"),
        "released": Scoring("oracle", "best", released_frames=True),
        "released_images": Scoring("unsupervised_released", "best", released_frames=True),
    }
    metrics = (Metric("J"), Metric("Acc"), Metric("F_beta"), Metric("maxF_beta"), MAE, MIOU)
    main_metric = "J"
    tables = ("comparison", "sequences")

    def rule_of(self, settings: MethodSettings) -> str:
        """The rule that the method names, or the oracle if it names none of its own."""
        return "oracle" if settings.foreground == "unsupervised" else settings.foreground

    def check_rule(self, rule: str, settings: MethodSettings) -> None:
        """Refuse also `object` for methods that do not name the object themselves."""
        super().check_rule(rule, settings)
        if rule == "object" and settings.foreground != rule:
            raise ConfigError(
                f"--foreground {rule}: method {settings.method} does not say which of its segments "
                f"is the object; leave the option out, or choose unsupervised"
            )

    def evaluate(
        self,
        predictions: "Predictions",
        manifest: Path,
        protocol: "Protocol",
        rule: str,
        output: Path,
    ) -> dict[str, Any]:
        """See `masks.score.evaluate`."""
        from commonfate.evaluation.masks import foreground, score

        return score.evaluate(predictions, manifest, protocol, foreground.get(rule), output)

    def snapshot_score(
        self, frames: "Iterable[Segmented]", protocol: "Protocol", rule: str, crop: "Crop"
    ) -> float:
        """Mean J."""
        from commonfate.evaluation.masks import foreground, score

        return score.mean_jaccard(frames, protocol, foreground.get(rule), crop)

    def pictures(
        self,
        predictions: "Predictions",
        video: "AnnotatedVideo",
        t: int,
        frame: "np.ndarray",
        folder: Path,
    ) -> Pictures:
        """Components, the foreground, the true foreground."""
        from commonfate.evaluation.sheets import pictures

        return pictures.foreground(predictions, video, t, frame, folder)

    def words(self, rules: str) -> str:
        """The foreground's rule."""
        return f"foreground {rules}"

    def rule_note(self, rule: str) -> str:
        """Description of the rule."""
        from commonfate.evaluation.masks import foreground

        return f"Foreground {rule}: {foreground.get(rule).description}"

    def looks_at_ground_truth(self, rule: str) -> bool:
        """True for the oracles."""
        from commonfate.evaluation.masks import foreground

        return foreground.get(rule).looks_at_ground_truth
