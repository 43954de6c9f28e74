"""Settings of the protocols; imports no torch."""

from typing import Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from commonfate.base.settings import Settings
from commonfate.models.settings import (
    ITERATIONS,
    POINTS_PER_CLUSTER,
    ExtractionSettings,
    ForwarderSettings,
)

MOST_OUTPUTS = 255
"""Labels are bytes, and 255 is void."""


class ScoreSettings(Settings):
    """Images, head and pixels that are scored."""

    side: PositiveInt | None = None
    """Rows and columns of the scored maps; none: those of the truth."""
    keep: Literal["last", "best"] = "last"
    """Score the head of the last epoch, or of the epoch that scores best on the same images."""
    images: PositiveInt | None = None
    """Score only so many images, the first; none: all."""
    absent_as_zero: bool = False
    """Count classes that do not occur as 0 instead of leaving them out."""


class ProbeSettings(Settings):
    """Training of a head, and its scores."""

    classes: PositiveInt
    """Classes of the truth."""
    optimiser: Literal["sgd", "adamw"] = "sgd"
    """SGD has momentum 0.9."""
    learning_rate: PositiveFloat = 0.01
    """Learning rate at the start."""
    weight_decay: NonNegativeFloat = 1e-4
    """Weight decay."""
    batch_size: PositiveInt = 60
    """Images a step, of cached features; batches of other features come as they are."""
    epochs: PositiveInt = 50
    """Passes over the training images."""
    drop_every: PositiveInt | None = 20
    """Epochs after which the rate falls to a tenth, again and again; none: cosine to 0."""
    side: PositiveInt | None = 100
    """Rows and columns at which head and truth meet in training; none: the grid of the features."""
    augmented: bool = False
    """Crop and flip the training images anew in each epoch, so that the encoder runs in each; else
    learn from stored features."""
    void_is_a_class: bool = False
    """Learn void pixels as a class of its own; it is never right in the score."""
    score: ScoreSettings = ScoreSettings()
    """The score that is reported."""
    released: ScoreSettings = ScoreSettings(side=100, keep="best", absent_as_zero=True)
    """The score of the released code, see `as_released`."""
    seed: NonNegativeInt = 0
    """Seed of the weights and of dropout."""

    @property
    def outputs(self) -> int:
        """Channels of the head."""
        return self.classes + self.void_is_a_class

    def as_released(self) -> Self:
        """Settings whose score is that of the released code."""
        return self.model_copy(update={"score": self.released})

    @model_validator(mode="after")
    def _classes_fit(self) -> Self:
        if self.outputs > MOST_OUTPUTS:
            raise ValueError(f"classes: at most {MOST_OUTPUTS} outputs, not {self.outputs}")
        return self


class FcnSettings(ProbeSettings):
    """Training of an FCN head, and its scores."""

    width: PositiveInt = 512
    """Channels of its layers."""


TIMET_VOC = ProbeSettings(classes=21)
"""TimeT and Leopart on VOC: 448 px; TimeT neither augments nor shuffles, so cached features are
exact."""
FLOWDINO_VOC = ProbeSettings(
    classes=21,
    batch_size=25,
    epochs=25,
    side=None,
    augmented=True,
    released=ScoreSettings(side=100, keep="best", images=200, absent_as_zero=True),
)
"""FlowDINO on VOC: 320 px, crops of 0.8 to 1 and flips, so the backbone runs in every epoch; the
released score is of the first eight batches of 25."""
FLOWDINO_COCO = ProbeSettings(
    classes=27,
    optimiser="adamw",
    learning_rate=5e-3,
    weight_decay=0.01,
    batch_size=1,
    epochs=2,
    drop_every=None,
    side=None,
    released=ScoreSettings(),
)
"""FlowDINO on COCO-Stuff: 5,000 images twice, one a step. The released head has a 28th output, for
255, but its loss leaves 255 out; its mean leaves out classes that do not occur."""
LEOPART_VOC = FcnSettings(
    classes=21,
    batch_size=32,
    epochs=30,
    augmented=True,
    released=ScoreSettings(side=100, keep="best", images=256, absent_as_zero=True),
)
"""Leopart on VOC: 448 px, crops of 0.8 to 1 and flips; the released score is of the first eight
batches of 32."""


class KnnSettings(Settings):
    """Settings of the classifier."""

    k: tuple[PositiveInt, ...] = (10, 20, 100, 200)
    """Numbers of neighbours; each gives a score."""
    temperature: PositiveFloat = 0.07
    """Temperature of the votes."""


class RetrievalSettings(Settings):
    """Settings of memory and look-up."""

    classes: PositiveInt
    """Classes of the truth."""
    memory: PositiveInt = 10_240_000
    """Largest number of patches in the memory, the same number from each image."""
    k: PositiveInt = 30
    """Neighbours of a patch."""
    temperature: PositiveFloat = 0.02
    """Temperature of their weights."""
    seed: NonNegativeInt = 0
    """Seed of the choice of patches."""


class ClusteringSettings(Settings):
    """Clustering protocol."""

    level: Literal["frame", "clip", "dataset"] = "dataset"
    """Frames that are clustered and matched together: F, C, D."""
    clusters: PositiveInt | None = None
    """K; none: the number of classes that occur in the unit."""
    matched: Literal["hungarian", "many_to_one"] = "hungarian"
    """One to one by IoU, or each cluster to the class of its best precision."""
    background: bool = True
    """Class 0 is part of the mean."""
    components: PositiveInt = 50
    """Principal components of the standardised features that are clustered."""
    points_per_cluster: PositiveInt = POINTS_PER_CLUSTER
    """Centres are fitted to at most so many times K points."""
    starts: PositiveInt = 5
    """Runs of K-means, of which the best is taken."""
    iterations: PositiveInt = ITERATIONS
    """Most steps of a run."""
    seed: int = Field(1, ge=0)
    """Seed of the first repeat; the next have the next."""
    repeats: PositiveInt = 5
    """Clusterings that are averaged."""
    batch: PositiveInt | None = None
    """Clips whose features are reduced together and whose scores are averaged first; none: each
    unit alone."""
    side: PositiveInt | None = None
    """Features are enlarged to squares of this side before they are clustered; none: tokens are
    clustered, and label maps enlarged."""
    void_is_a_class: bool = False
    """Cluster, match and score void pixels as a class of their own."""
    left_over: Literal["none", "background"] = "none"
    """Class of clusters that are matched to none."""

    def as_released(self) -> Self:
        """The protocol of TimeT's released code."""
        whole = self.level == "dataset"
        changes = {
            "batch": None if whole else 16,
            "side": 112 if whole else 224,
            "void_is_a_class": not whole,
            "left_over": "background",
            "repeats": 1,
        }
        return self.model_copy(update=changes)


class ForegroundClusteringSettings(ClusteringSettings):
    """Clustering of the foreground alone; all else is a cluster of its own."""

    level: Literal["dataset"] = "dataset"
    """All frames are clustered and matched together."""
    clusters: int | None = Field(None, ge=2)
    """K, with that of the background; none: the number of classes that occur."""
    extraction: ExtractionSettings = ExtractionSettings()
    """The foreground, on the scored images and without truth in both scorings."""


RELEASED = ForwarderSettings(context=4, window=12, top_k=5)
"""The forwarder as TimeT's released propagation of masks runs it, at 224 px."""
FRAMES_APART = (2, 5, 10, 19)
"""Steps of Table 11 on DAVIS, of 24 frames a second: 0.1, 0.2, 0.4 and 0.8 s."""


class ForegroundSettings(ExtractionSettings):
    """Cluster-based foreground extraction, and its score."""

    side: PositiveInt | None = None
    """Label maps and truth are compared on squares of this side; none: at the truth's size."""
    corners: bool = False
    """Resize clusters, attention and truth from the corners of pixels, as torch's `nearest`."""
    tuned: bool = False
    """Tune the cut on the training images' truth, and cluster the scored images anew."""
    void_is_foreground: bool = False
    """Count void pixels as foreground; else they are left out."""

    def as_released(self) -> "ForegroundSettings":
        """The protocol of Leopart's and TimeT's released code."""
        changes = {"side": 100, "tuned": True, "void_is_foreground": True, "corners": True}
        return self.model_copy(update=changes)


class PrototypesSettings(Settings):
    """Clustering of objects."""

    clusters: PositiveInt = 20
    """K, the classes without background."""
    components: PositiveInt = 64
    """Whitened principal components of the mean features, after these have length 1."""
    starts: PositiveInt = 10
    """Runs of K-means, of which the best is taken."""
    iterations: PositiveInt = 300
    """Most steps of a run."""
    seed: int = Field(0, ge=0)
    """Seed of the first repeat; the next have the next."""
    repeats: PositiveInt = 10
    """Clusterings whose mean and deviation are reported."""
    side: PositiveInt | None = None
    """Masks and truth are compared on squares of this side; none: at the truth's size."""

    def as_released(self) -> "PrototypesSettings":
        """The protocol of FlowDINO's released code, which compares masks of 224 x 224 pixels."""
        return self.model_copy(update={"side": 224})
