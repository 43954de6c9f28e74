"""Settings of the appearance baseline."""

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from commonfate.base.settings import MethodSettings
from commonfate.models.catalogue import MULTIPLE, FeatureName


class FeatureClusteringSettings(MethodSettings):
    """Clusters of dense features of one frame, merged into two groups or not."""

    trained: ClassVar[bool] = False
    reads_frame: ClassVar[bool] = True
    named: ClassVar[tuple[str, ...]] = ("algorithm", "clusters", "merge", "features")

    method: Literal["feature_clustering"] = "feature_clustering"
    algorithm: Literal["kmeans", "spectral"] = "kmeans"
    """K-means, or normalised cuts of the features' affinity (Melas-Kyriazi et al. 2022)."""
    clusters: int = Field(2, ge=2, le=16)
    """K, the number of clusters."""
    merge: bool = False
    """Merge the clusters into two groups as Guess What Moves merges components (Section 3.2)."""
    features: FeatureName = "pixels"
    """Dense features: keys of a DINO ViT, or colour and texture."""
    weights: str | None = None
    """File with the extractor's weights; none fetches the published ones."""
    image_size: tuple[PositiveInt, PositiveInt] = (128, 224)
    """Height and width to which a frame is resized, in pixels."""
    positions: int = Field(6500, ge=100, le=20_000)
    """Largest number of positions in spectral clustering; larger feature maps are averaged."""
    seed: int = Field(0, ge=0)
    """Seed of K-means."""

    @model_validator(mode="after")
    def _sizes_fit_the_network(self) -> "FeatureClusteringSettings":
        multiple = MULTIPLE[self.features]
        if any(side % multiple for side in self.image_size):
            raise ValueError(
                f"image_size {self.image_size} must be multiples of {multiple} for {self.features}"
            )
        return self

    @property
    def slug(self) -> tuple[str, ...]:
        """E.g. `("kmeans", "k4.merged", "dino_vits8")`."""
        merged = ".merged" if self.merge else ""
        return (self.algorithm, f"k{self.clusters}{merged}", self.features)
