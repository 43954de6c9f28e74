"""Settings of models and of algorithms on features; imports no torch."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from commonfate.base.settings import Settings

POINTS_PER_CLUSTER = 256
ITERATIONS = 50


class ForwarderSettings(Settings):
    """Choice of the patches that a patch takes its map from."""

    context: NonNegativeInt | None = 7
    """Frames before the target that are read, beside the first frame; none: all of them."""
    top_k: PositiveInt | None = 5
    """Patches of the whole context that count, with those equal to the last; none: all."""
    window: NonNegativeInt | None = 6
    """Largest distance of rows and of columns, patches; none: everywhere."""
    temperature: PositiveFloat = 0.1
    """Temperature of the affinities."""
    outside: Literal["ignored", "similarity_0", "lost"] = "ignored"
    """Patches outside the window: ignored (released), of similarity 0 and so of weight 1 (Eq. 4),
    or dropped after the weights were normalised, so that their mass is lost (Listing 1)."""

    @classmethod
    def equations(cls) -> Self:
        """Settings of the paper's Eq. 3 to 5; the size of the window is that of the code."""
        return cls(context=None, top_k=None, outside="similarity_0")

    @classmethod
    def listing(cls) -> Self:
        """Settings of the paper's Listing 1."""
        return cls(context=None, top_k=None, outside="lost")


class ExtractionSettings(Settings):
    """Cluster-based foreground extraction (Leopart, Ziegler and Asano 2022)."""

    clusters: PositiveInt = 300
    """K."""
    mass: float = Field(0.65, gt=0, le=1)
    """Share of the attention that its mask keeps."""
    background: float = Field(0.65, ge=0, le=1)
    """Share of the clusters, the least precise, that are background unless the cut is tuned."""
    components: PositiveInt = 50
    """Principal components that are clustered."""
    points_per_cluster: PositiveInt = POINTS_PER_CLUSTER
    """Centres are fitted to at most so many times K points."""
    starts: PositiveInt = 5
    """Runs of K-means."""
    iterations: PositiveInt = ITERATIONS
    """Most steps of a run."""
    seed: int = Field(1, ge=0)
    """Seed of samples and centres."""
