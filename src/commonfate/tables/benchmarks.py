"""What the papers score under a data set's name; only the same may stand beside their numbers."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Benchmark:
    """A benchmark as Guess What Moves scores it."""

    sequences: int | None
    """None for collections of images."""
    frames: int | None
    """Annotated frames, or images, where known: the 1,356 and 1,052 that GWM's code scores have a
    next frame, so every sequence has one more. Of FBMS only the 338 with a next frame are known."""
    average: Literal["sequence", "frame"]
    """Over what GWM takes the mean in its Table 1 (its Tables 10 to 12 give both)."""
    scoring: Literal["released", "released_images"] = "released"
    """Which of our scorings is that of GWM's code, which chooses the foreground by the ground truth
    in videos, and by contact with the border in images."""


BENCHMARKS = {
    "DAVIS2016": Benchmark(20, 1376, "sequence"),
    "SegTrackv2": Benchmark(14, 1066, "frame"),
    "FBMS59": Benchmark(30, None, "frame"),
    "CUB-200-2011": Benchmark(None, 1000, "frame", "released_images"),
    "DUTS": Benchmark(None, 5019, "frame", "released_images"),
    "ECSSD": Benchmark(None, 1000, "frame", "released_images"),
    "DUT-OMRON": Benchmark(None, 5168, "frame", "released_images"),
}
"""By the name in the papers' tables."""
