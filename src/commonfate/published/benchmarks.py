"""Benchmarks of the papers: the data and the mean behind the name of a data set.

Only numbers of the same data and the same mean may be compared.
"""

from collections.abc import Mapping
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
    average: Literal["sequence", "clip", "frame", "pooled"] | None
    """Unit of the paper's mean; None where the paper does not say. `pooled`: classes, of the pixels
    of all images together, as is usual in semantic segmentation."""
    scoring: str
    """Our scoring that corresponds to the paper's."""
    learnt_from: str | None = None
    """Adapter of the data set that its method learns from without labels, if always the same."""
    metrics: tuple[str, ...] = ()
    """Metrics of the paper's tables that are of these data; empty: all."""
    protocol: str | None = None
    """Text of the column `protocol` of its numbers; None: any."""

    def has(self, metric: str, settings: Mapping[str, str]) -> bool:
        """True if numbers of a metric, with other settings of their column, are of these data."""
        fits = self.protocol is None or settings.get("protocol") == self.protocol
        return fits and (not self.metrics or metric in self.metrics)


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


def _boxes(images: int) -> Benchmark:
    """Of FlowDINO, Tables I to III: images that have objects, of training and validation sets."""
    return Benchmark(None, images, "frame", "released", metrics=("CorLoc",))


def _probe(images: int, protocol: str) -> Benchmark:
    """Of FlowDINO, Tables IV to VI. Its released code scores the first 200 images of VOC alone."""
    return Benchmark(None, images, "pooled", "released", metrics=("mIoU",), protocol=protocol)


def _timet(sequences: int | None) -> tuple[Benchmark, ...]:
    """Of TimeT, Tables 4, 6, 7 and 9, which do not say how many frames are scored.

    Clusters are matched to the truth of a frame, a clip or the data set. The held-out fifth of
    YouTube-VOS is known by its number alone: its list and seed were not released.
    """
    return (
        Benchmark(sequences, None, "frame", "released", metrics=("mIoU",), protocol="frame"),
        Benchmark(sequences, None, "clip", "released", metrics=("mIoU",), protocol="clip"),
        Benchmark(sequences, None, "pooled", "released", metrics=("mIoU",), protocol="dataset"),
        Benchmark(sequences, None, None, "released", metrics=("J", "propagation_score")),
    )


BENCHMARKS: dict[str, dict[str, tuple[Benchmark, ...]]] = {
    "DAVIS2016": {"GWM": (_gwm(20, 1376, "sequence"),), "AMD": (_amd(20, 1376),)},
    "SegTrackv2": {"GWM": (_gwm(14, 1066, "frame"),), "AMD": (_amd(14, 976),)},
    "FBMS59": {"GWM": (_gwm(30, None, "frame"),), "AMD": (_amd(59, 720),)},
    "CUB-200-2011": {"GWM": (_gwm(None, 1000, "frame", "released_images"),)},
    "DUTS": {
        "GWM": (_gwm(None, 5019, "frame", "released_images"),),
        "AMD": (_amd(None, 5019),),
    },
    "ECSSD": {"GWM": (_gwm(None, 1000, "frame", "released_images"),)},
    "DUT-OMRON": {"GWM": (_gwm(None, 5168, "frame", "released_images"),)},
    "VOC2007": {"FlowDINO": (_boxes(5011),)},
    "VOC2012": {
        "AMD": (Benchmark(None, 1449, "pooled", "classes", YOUTUBE_VOS),),
        "FlowDINO": (_boxes(11540), _probe(1449, "linear probe"), _probe(2913, "cluster probe")),
        "TimeT": (
            Benchmark(None, 1449, None, "released", metrics=("J",)),
            Benchmark(None, 1449, "pooled", "released"),
        ),
    },
    "COCO-20k": {"FlowDINO": (_boxes(19817),)},
    "COCO-Stuff27": {"FlowDINO": (_probe(5000, "linear probe"),)},
    "ImageNet-1k": {"FlowDINO": (Benchmark(None, 50000, "frame", "leak_free"),)},
    "DAVIS2017": {"TimeT": _timet(30)},
    "YouTube-VOS": {"TimeT": _timet(695)},
    "VISOR": {"TimeT": _timet(None)},
}
"""By the name in the papers' tables, then by paper, see `published.PAPERS`; several where a paper
scores other data, or takes another mean, in other columns."""


def of(
    dataset: str, paper: str, metric: str, settings: Mapping[str, str] | None = None
) -> Benchmark | None:
    """A data set as a paper scores it, or the program of its authors; None if it does not.

    Args:
        dataset: as in the papers' tables.
        paper: one of `published.PAPERS`.
        metric: as in the paper's tables.
        settings: of the column of the numbers, e.g. `protocol`.
    """
    each = BENCHMARKS.get(dataset, {}).get(paper.removesuffix(" code"), ())
    return next((scored for scored in each if scored.has(metric, settings or {})), None)
