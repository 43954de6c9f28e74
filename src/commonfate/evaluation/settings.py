"""Settings of a benchmark: its data, and the protocol of its scores."""

from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from commonfate.base.settings import MethodSettings, Name, Settings, unknown
from commonfate.evaluation import kinds
from commonfate.evaluation.kinds import EvaluationKind, Scoring

Protocol = Literal[
    "davis",
    "davis_released",
    "davis_official",
    "frame_average",
    "frame_average_released",
]


def _is_metric(name: str) -> str:
    if name not in kinds.metrics():
        raise ValueError(f"metric {name!r}{unknown(name, kinds.metrics())}")
    return name


Metric = Annotated[
    str,
    AfterValidator(_is_metric),
    WithJsonSchema({"enum": list(kinds.metrics()), "type": "string"}),
]
"""Name of a metric of one of the kinds of evaluation."""


class BenchmarkConfig(Settings):
    """A dataset split with ground truth, and the way it is scored: keys of all kinds."""

    kind: str
    """Subject and protocol of the scores."""
    dataset: Name
    """Name of the dataset."""
    split: Literal["train", "val", "all"] = "val"
    """Videos that are scored."""
    train_split: Literal["train", "val", "all"] = "all"
    """Videos that methods learn from; only semantic segmentation reads their ground truth."""
    train_datasets: tuple[Name, ...] = ()
    """Datasets that methods learn from together; empty: the dataset that is scored."""
    pretrain_datasets: tuple[Name, ...] = ()
    """Datasets, with all splits, of methods that learn from pairs of frames and of runs that other
    runs start from; empty: the same as of other methods."""
    metrics: tuple[Metric, ...]
    """Metrics that tables show."""
    variants: dict[Name, Name] = Field({})
    """Benchmarks that score the same in another way, by the name of the variant, e.g.
    `foreground`; rows of tables name variants."""
    published_as: str | None = None
    """Name of the same benchmark in the papers' tables, if there is one."""
    published_metric: str | None = None
    """Name of the first metric in the papers' tables, e.g. `mIoU_linear`; none: the same."""
    published_settings: dict[str, str] = Field({})
    """Column of the papers' tables among those of data set and metric, e.g. `protocol: frame`."""

    @property
    def learnt_from(self) -> tuple[str, ...]:
        """Datasets of trained methods that do not learn from `pretrain_datasets`."""
        return self.train_datasets or (self.dataset,)

    @property
    def class_score(self) -> str | None:
        """Name of the score of a single class, e.g. `IoU`; None if classes have no scores."""
        return None

    @abstractmethod
    def evaluation_of(self, settings: MethodSettings) -> EvaluationKind:
        """The kind of evaluation by which the benchmark scores a method.

        Raises:
            ConfigError: the method does not give what is scored.
        """

    @abstractmethod
    def protocol_of(self, scoring: Scoring) -> str:
        """Name of the protocol of a scoring."""

    @abstractmethod
    def rule_of(self, scoring: Scoring, settings: MethodSettings) -> str:
        """Rule of a scoring, one of those of the kind."""


class SegmentsBenchmark(BenchmarkConfig):
    """A benchmark of predicted segments or classes."""

    kind: Literal["segments"] = "segments"
    """Predicted segments or classes are scored."""
    protocol: Protocol = "davis"
    """Rule for averaging and for excluded frames."""
    released_protocol: Protocol | None = None
    """Protocol of the authors' released code; none: `protocol`."""
    metrics: tuple[Metric, ...] = ("J",)
    """Metrics that tables show."""
    resolution: Literal["network", "native"] = "network"
    """Size at which frames are segmented: that of the training, or each frame's own."""
    crop: Literal["none", "square"] = "none"
    """`square`: segment and score only the central square of each frame."""

    @property
    def class_score(self) -> str | None:
        """IoU, of methods that predict classes."""
        return "IoU"

    def evaluation_of(self, settings: MethodSettings) -> EvaluationKind:
        """The kind that scores the method's predictions."""
        return kinds.predicted_by(settings)

    def protocol_of(self, scoring: Scoring) -> str:
        """`protocol`, or that of the released code where the scoring asks for it."""
        return (scoring.released_frames and self.released_protocol) or self.protocol

    def rule_of(self, scoring: Scoring, settings: MethodSettings) -> str:
        """The rule that chooses the foreground: the scoring's, or the method's own."""
        return scoring.foreground or settings.foreground
