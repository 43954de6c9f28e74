"""Benchmarks of features: data, view and protocol, as the configuration states them.

Every kind of benchmark is a protocol. The scoring `released` takes the settings of the authors'
released code, where they differ; see `as_released` of the settings.
"""

from typing import ClassVar, Literal, Self

from pydantic import PositiveInt, field_validator, model_validator

from commonfate.base.errors import ConfigError
from commonfate.base.settings import MethodSettings, Settings
from commonfate.evaluation import kinds
from commonfate.evaluation.features.settings import (
    LEOPART_VOC,
    TIMET_VOC,
    ClusteringSettings,
    FcnSettings,
    ForegroundClusteringSettings,
    ForegroundSettings,
    KnnSettings,
    ProbeSettings,
    PrototypesSettings,
    RetrievalSettings,
)
from commonfate.evaluation.kinds import EvaluationKind, Scoring
from commonfate.evaluation.settings import BenchmarkConfig, Metric
from commonfate.prediction.features import views

NOT_ONE_SIZE = (
    "training images that are cropped anew in each epoch are squares of one size; choose a view "
    "such as 448.tokens"
)
"""Message on views whose pictures are of several sizes."""


class FeatureBenchmark(BenchmarkConfig):
    """A benchmark of the features of an encoder."""

    truth: ClassVar[str]
    """Truth that is scored: `labels` of pixels, `boxes`, `image_labels` or `masks`."""
    fits: ClassVar[bool] = False
    """True if something is fitted on `fit_split` of the same dataset, by its truth or without."""
    reads: ClassVar[tuple[str, ...]] = ("tokens",)
    """Features that the view must have."""
    offers: ClassVar[tuple[str, ...]] = ("mIoU", "Acc")
    """Metrics of its scores."""
    score_of_classes: ClassVar[str | None] = None
    """Score of a single class; None if classes have no scores."""

    view: str
    """View whose features are scored, e.g. `448.tokens`; docs/features.md lists them."""
    fit_split: Literal["train", "val", "all"] = "train"
    """Split that heads, memories and thresholds are fitted on, if the protocol has any."""

    def evaluation_of(self, settings: MethodSettings) -> EvaluationKind:
        """The kind `features`.

        Raises:
            ConfigError: the method has no encoder.
        """
        if not self.scores(settings):
            raise ConfigError(
                f"method {settings.method} has no encoder, it gives {' and '.join(settings.gives)}"
            )
        return kinds.KINDS["features"]

    def scores(self, settings: MethodSettings) -> bool:
        """True if the protocol can score what a method gives."""
        return self.reads_features(settings)

    def reads_features(self, settings: MethodSettings) -> bool:
        """True if the protocol reads features of a method."""
        return "features" in settings.gives

    def settings_of(self, settings: MethodSettings) -> Settings | None:
        """Settings of the protocol for a method; None if there are none."""
        return getattr(self, "settings", None)

    def protocol_of(self, scoring: Scoring) -> str:
        """`released` or `leak_free`."""
        return "released" if scoring.released_frames else "leak_free"

    def rule_of(self, scoring: Scoring, settings: MethodSettings) -> str:
        """The protocol."""
        return self.kind

    @property
    def class_score(self) -> str | None:
        """`score_of_classes`."""
        return self.score_of_classes

    @property
    def frames_of(self) -> Literal["annotated", "all"]:
        """Frames whose features are computed: those with an annotation, or all."""
        return "annotated" if self.truth in ("labels", "masks") else "all"

    @property
    def reads_boxes(self) -> bool:
        """True if boxes are scored."""
        return self.truth == "boxes"

    @property
    def classes(self) -> int | None:
        """Classes that the settings name; None if they name none."""
        return getattr(getattr(self, "settings", None), "classes", None)

    def checked_view(self) -> views.View:
        """The view.

        Raises:
            ConfigError: there is no such view, or it lacks what the protocol reads.
        """
        view = views.parse(self.view)
        missing = [name for name in self.reads if name not in view.features]
        if missing:
            raise ConfigError(
                f"view {self.view} has no {' and no '.join(missing)}, which {self.kind} reads"
            )
        return view

    @model_validator(mode="after")
    def _metrics_are_of_the_protocol(self) -> Self:
        for name in self.metrics:
            if name not in self.offers:
                raise ValueError(
                    f"metrics: {self.kind} has no {name}, only {', '.join(self.offers)}"
                )
        return self


class LocalizationBenchmark(FeatureBenchmark):
    """Boxes of Deep Spectral Methods (FlowDINO, Tables I to III)."""

    truth: ClassVar[str] = "boxes"
    reads: ClassVar[tuple[str, ...]] = ("eigenvectors",)
    offers: ClassVar[tuple[str, ...]] = ("CorLoc",)

    kind: Literal["localization"]
    """Boxes of one object an image are scored."""
    view: Literal["native.eigenvectors"] = "native.eigenvectors"
    """Five eigenvectors of each image, at its own size."""
    metrics: tuple[Metric, ...] = ("CorLoc",)
    """Metrics that tables show."""


class HeadBenchmark(FeatureBenchmark):
    """A head that is trained on frozen features and gives each pixel a class."""

    truth: ClassVar[str] = "labels"
    fits: ClassVar[bool] = True
    score_of_classes: ClassVar[str | None] = "IoU"

    view: str = "448.tokens"
    """View whose features are scored."""
    metrics: tuple[Metric, ...] = ("mIoU",)
    """Metrics that tables show."""
    settings: ProbeSettings
    """Training of the head, and its score."""

    def checked_view(self) -> views.View:
        """The view.

        Raises:
            ConfigError: see `FeatureBenchmark`; or its pictures are of several sizes, and training
                images are cropped anew.
        """
        view = super().checked_view()
        if self.settings.augmented and not view.one_size:
            raise ConfigError(f"view {view}: {NOT_ONE_SIZE}, or settings.augmented: false")
        return view


class LinearBenchmark(HeadBenchmark):
    """Linear probe of pixels (FlowDINO, Tables IV and VI; TimeT, Table 5 and others)."""

    kind: Literal["linear"]
    """A linear head on frozen features is scored."""
    settings: ProbeSettings = TIMET_VOC
    """Training of the head, and its score."""


class FcnBenchmark(HeadBenchmark):
    """FCN head on frozen features (TimeT, Table 5)."""

    kind: Literal["fcn"]
    """An FCN head on frozen features is scored."""
    settings: FcnSettings = LEOPART_VOC
    """Training of the head, and its score."""


class ClusteringBenchmark(FeatureBenchmark):
    """Clusters of patches against classes, per frame, clip or dataset (TimeT, Tables 1 to 5)."""

    truth: ClassVar[str] = "labels"

    kind: Literal["clustering"]
    """Clusters of patches are scored."""
    view: str = "448.tokens"
    """View whose features are scored."""
    metrics: tuple[Metric, ...] = ("mIoU",)
    """Metrics that tables show."""
    clip_length: PositiveInt = 1
    """Annotated frames of a clip, where clips are clustered."""
    settings: ClusteringSettings = ClusteringSettings()
    """Level, number of clusters, matching."""

    @property
    def class_score(self) -> str | None:
        """IoU, where the data set is clustered as a whole."""
        return "IoU" if self.settings.level == "dataset" else None


class ForegroundClusteringBenchmark(FeatureBenchmark):
    """Clusters of the patches of the foreground against classes (TimeT, Tables 5 and 10)."""

    truth: ClassVar[str] = "labels"
    reads: ClassVar[tuple[str, ...]] = ("tokens", "attention")
    score_of_classes: ClassVar[str | None] = "IoU"

    kind: Literal["foreground_clustering"]
    """Clusters of the patches that cluster-based foreground extraction leaves are scored."""
    view: str = "448.tokens+attention"
    """View whose features are scored."""
    metrics: tuple[Metric, ...] = ("mIoU",)
    """Metrics that tables show."""
    settings: ForegroundClusteringSettings = ForegroundClusteringSettings()
    """Number of clusters, matching, and the foreground."""


class PrototypesBenchmark(FeatureBenchmark):
    """Clusters of objects, one an image (FlowDINO, Table V)."""

    truth: ClassVar[str] = "labels"
    reads: ClassVar[tuple[str, ...]] = ("tokens", "attention")
    score_of_classes: ClassVar[str | None] = "IoU"

    kind: Literal["prototypes"]
    """Clusters of the objects that attention shows are scored."""
    view: str = "448.tokens+attention"
    """View whose features are scored."""
    metrics: tuple[Metric, ...] = ("mIoU",)
    """Metrics that tables show."""
    settings: PrototypesSettings = PrototypesSettings()
    """Components, clusters and repeats."""


class KnnBenchmark(FeatureBenchmark):
    """Weighted nearest neighbours among labelled images (FlowDINO, Tables VI and VII)."""

    truth: ClassVar[str] = "image_labels"
    fits: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("cls",)
    offers: ClassVar[tuple[str, ...]] = ("top1",)
    score_of_classes: ClassVar[str | None] = "top1"

    kind: Literal["knn"]
    """Classes of images by their neighbours are scored."""
    view: str = "224.cls"
    """View whose features are scored."""
    metrics: tuple[Metric, ...] = ("top1",)
    """Metrics that tables show."""
    settings: KnnSettings = KnnSettings()
    """Numbers of neighbours and temperature."""


class ForegroundBenchmark(FeatureBenchmark):
    """Cluster-based foreground extraction (TimeT, Table 6)."""

    truth: ClassVar[str] = "labels"
    fits: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("tokens", "attention")
    offers: ClassVar[tuple[str, ...]] = ("J",)

    kind: Literal["foreground"]
    """A foreground of clusters that attention prefers is scored."""
    view: str = "448.tokens+attention"
    """View whose features are scored."""
    metrics: tuple[Metric, ...] = ("J",)
    """Metrics that tables show."""
    settings: ForegroundSettings = ForegroundSettings()
    """Clusters, attention and cut."""


class RetrievalBenchmark(FeatureBenchmark):
    """In-context retrieval from a memory of labelled patches (TimeT, Table 8)."""

    truth: ClassVar[str] = "labels"
    fits: ClassVar[bool] = True
    score_of_classes: ClassVar[str | None] = "IoU"

    kind: Literal["retrieval"]
    """Classes of patches by their neighbours are scored."""
    view: str = "448.tokens"
    """View whose features are scored."""
    metrics: tuple[Metric, ...] = ("mIoU",)
    """Metrics that tables show."""
    settings: RetrievalSettings = RetrievalSettings(classes=21)
    """Memory and look-up."""


class CarryingSettings(Settings):
    """Propagation of the first mask of a clip."""

    by: Literal["still", "flow", "forwarder"] = "forwarder"
    """The first mask is held still, moved by optical flow, or carried by TimeT's forwarder."""
    step: PositiveInt = 2
    """Frames of the video from one frame of a clip to the next."""


class PropagationBenchmark(FeatureBenchmark):
    """Masks given in the first frame of a clip, carried to the others (TimeT, Table 11).

    Methods with an encoder carry them by TimeT's forwarder; `first_mask` and `flow_warp` have ways
    of their own.
    """

    truth: ClassVar[str] = "masks"
    offers: ClassVar[tuple[str, ...]] = ("J", "F")

    kind: Literal["propagation"]
    """Carried masks are scored."""
    view: str = "224.tokens"
    """View whose features carry the masks."""
    metrics: tuple[Metric, ...] = ("J", "F")
    """Metrics that tables show."""
    settings: CarryingSettings = CarryingSettings()
    """The step; the way is that of the method which is scored."""

    def scores(self, settings: MethodSettings) -> bool:
        """True for encoders, and for methods that carry masks without one."""
        return self.reads_features(settings) or settings.carries_by is not None

    def settings_of(self, settings: MethodSettings) -> CarryingSettings:
        """The method's way, and the step."""
        return self.settings.model_copy(update={"by": settings.carries_by or "forwarder"})

    @field_validator("settings")
    @classmethod
    def _way_is_of_the_method(cls, settings: CarryingSettings) -> CarryingSettings:
        if settings.by != "forwarder":
            raise ValueError(
                f"by: {settings.by} is a way of methods, first_mask and flow_warp; leave it out, "
                "and name them in rows of the table"
            )
        return settings


AnyFeatureBenchmark = (
    LocalizationBenchmark
    | LinearBenchmark
    | FcnBenchmark
    | ClusteringBenchmark
    | ForegroundClusteringBenchmark
    | PrototypesBenchmark
    | KnnBenchmark
    | ForegroundBenchmark
    | RetrievalBenchmark
    | PropagationBenchmark
)
