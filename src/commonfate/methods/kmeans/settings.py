"""Settings of the appearance baseline."""

from typing import Literal

from pydantic import Field, PositiveInt

from commonfate.settings import Settings


class KMeansSettings(Settings):
    """K-means on dense features of one frame."""

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
