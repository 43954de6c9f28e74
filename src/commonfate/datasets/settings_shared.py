"""Settings that datasets share, and the types of their values."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, model_validator

from commonfate.base.settings import Settings


def _can_be_encoded(size: tuple[int, int]) -> tuple[int, int]:
    if any(side % 2 or side < 32 for side in size):
        raise ValueError("height and width must be even numbers of at least 32")
    return size


Gap = Annotated[int, Field(ge=-64, le=64)]
PairGap = Annotated[int, Field(ge=1, le=64)]
MaskKind = Annotated[
    Literal["binary", "grey", "instances", "colours"],
    Field(
        description="Kind of the masks: `binary` (0 and 255), `grey` (0 to 255), `instances` "
        "(labels of objects, 255 is void) or `colours` (all but black is foreground)."
    ),
]
Labels = Literal["instances", "classes"]
Look = Literal["any", "by_class"]
Size = Annotated[tuple[int, int], AfterValidator(_can_be_encoded)]


class Sharded(Settings):
    """Settings of all datasets."""

    shard_size: PositiveInt | None = None
    """Videos or images in one shard; none: `shard_size` of all datasets. For images it is best
    thousands, since later stages run one job a shard."""


class Videos(Sharded):
    """Settings of all datasets of videos."""

    gaps: tuple[Gap, ...] = (-1, 1)
    """Frame gaps of the flow: from frame t to t+gap."""
    pair_gaps: tuple[PairGap, ...] = (1,)
    """Frame gaps of the pairs that methods without flow learn from: frames t and t+gap."""

    @model_validator(mode="after")
    def _gaps_make_sense(self) -> "Videos":
        if not self.gaps or 0 in self.gaps or len(set(self.gaps)) < len(self.gaps):
            raise ValueError(f"gaps {list(self.gaps)} must be different and not 0")
        if not self.pair_gaps or len(set(self.pair_gaps)) < len(self.pair_gaps):
            raise ValueError(f"pair_gaps {list(self.pair_gaps)} must be different, at least one")
        return self


class RecordedVideos(Videos):
    """Settings of all datasets of videos that the project does not render."""

    every: int = Field(1, ge=1, le=1000)
    """Use one frame in so many, from the first on; gaps then count the frames that are used."""
    fps: PositiveFloat | None = None
    """Frames a second of frames that come as images, before `every`; none: unknown, so that times
    count frames. Video files say it themselves."""


class ListedVideos(RecordedVideos):
    """Settings of datasets of videos that come with a list of names for each split."""

    splits: tuple[Literal["train", "val"], ...] = ("train", "val")
    """Splits to read; each has its list below ImageSets."""


class StillImages(Sharded):
    """Settings of all datasets of still images."""

    gaps: tuple[()] = ()
    """Empty: still images have no flow."""
    pair_gaps: tuple[()] = ()
    """Empty: still images make no pairs."""
