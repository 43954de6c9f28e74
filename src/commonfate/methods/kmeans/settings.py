"""Settings of the appearance baseline."""

from typing import ClassVar, Literal

from pydantic import Field, PositiveInt, model_validator

from commonfate.settings import MethodSettings


class KMeansSettings(MethodSettings):
    """K-means on dense features of one frame."""

    trained: ClassVar[bool] = False
    reads_frame: ClassVar[bool] = True
    reads_flow: ClassVar[bool] = False
    named: ClassVar[tuple[str, ...]] = ("features",)

    method: Literal["kmeans"] = "kmeans"
    features: Literal["dino_vits8", "pixels"] = "pixels"
    """Dense features, as for GWM's merging."""
    weights: str | None = None
    """File with the extractor's weights."""
    clusters: int = Field(2, ge=2, le=16)
    """Number of segments."""
    image_size: tuple[PositiveInt, PositiveInt] = (128, 224)
    """Height and width at which the frame is clustered."""
    seed: int = 0
    """Seed of the initial centres."""

    @model_validator(mode="after")
    def _sizes_fit_the_network(self) -> "KMeansSettings":
        if self.features == "dino_vits8" and any(side % 8 for side in self.image_size):
            raise ValueError(f"image_size {self.image_size} must be multiples of 8 for dino_vits8")
        return self
