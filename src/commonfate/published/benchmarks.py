"""Benchmarks of the papers: the data and the mean behind the name of a data set.

Only numbers of the same data and the same mean may be compared.
"""

from dataclasses import dataclass
from typing import Literal

YOUTUBE_VOS = "youtube_vos"


@dataclass(frozen=True)
class Benchmark:
    """A benchmark as one paper scores it."""

    sequences: int | None
    """None for collections of images."""
    frames: int | None
    """Annotated frames, or images; None where the paper does not say."""
    average: Literal["sequence", "frame", "pooled"] | None
    """Unit of the paper's mean; None where the paper does not say. `pooled`: classes, of the pixels
    of all images together, as is usual in semantic segmentation."""
    scoring: str
    """Our scoring that corresponds to the paper's."""
    learnt_from: str | None = None
    """Adapter of the data set that its method learns from without labels, if always the same."""


def _gwm(
    sequences: int | None,
    frames: int | None,
    average: Literal["sequence", "frame"],
    scoring: str = "released",
) -> Benchmark:
    """Of Guess What Moves, Table 1 (its Tables 10 to 12 give both means).

    Its code chooses the foreground by the ground truth in videos, and by contact with the border in
    images. The 1,356 and 1,052 frames that it scores have a next frame, so every sequence has one
    more; of FBMS only the 338 with a next frame are known.
    """
    return Benchmark(sequences, frames, average, scoring)


def _amd(sequences: int | None, frames: int) -> Benchmark:
    """Of AMD, Sections 4.2 and 4.3, whose object is the segment that moves most in training.

    AMD does not name the unit of its mean, and scores all of FBMS59, not the test videos.
    """
    return Benchmark(sequences, frames, None, "leak_free", YOUTUBE_VOS)


BENCHMARKS: dict[str, dict[str, Benchmark]] = {
    "DAVIS2016": {"GWM": _gwm(20, 1376, "sequence"), "AMD": _amd(20, 1376)},
    "SegTrackv2": {"GWM": _gwm(14, 1066, "frame"), "AMD": _amd(14, 976)},
    "FBMS59": {"GWM": _gwm(30, None, "frame"), "AMD": _amd(59, 720)},
    "CUB-200-2011": {"GWM": _gwm(None, 1000, "frame", "released_images")},
    "DUTS": {"GWM": _gwm(None, 5019, "frame", "released_images"), "AMD": _amd(None, 5019)},
    "ECSSD": {"GWM": _gwm(None, 1000, "frame", "released_images")},
    "DUT-OMRON": {"GWM": _gwm(None, 5168, "frame", "released_images")},
    "VOC2012": {"AMD": Benchmark(None, 1449, "pooled", "classes", YOUTUBE_VOS)},
}
"""By the name in the papers' tables, then by paper, see `published.PAPERS`."""


def of(dataset: str, paper: str) -> Benchmark | None:
    """A data set as a paper scores it, or the program of its authors; None if it does not."""
    return BENCHMARKS.get(dataset, {}).get(paper.removesuffix(" code"))
